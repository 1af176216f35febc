"""From recordings of your own to features: write a dataset, train on it, encode new clips.

    python examples/own_data.py [FOLDER]

Put your reader in the place of `recordings`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import ms2l_tf

LAYOUT = ms2l_tf.load_layout("kinect_v2_25")
ACTIONS = ("wave", "nod")
REST = np.random.default_rng(0).normal(size=(LAYOUT.num_joints, 3))  # of a body nobody has seen


def recordings(count: int) -> Iterator[tuple[str, int, str, np.ndarray]]:
    """(name, label, subject, poses [frames, persons, joints, 3]) of each clip."""
    random = np.random.default_rng(1)
    for number in range(count):
        label, frames = number % len(ACTIONS), 40 + number % 30
        poses = REST + random.normal(scale=0.02, size=(frames, 1, LAYOUT.num_joints, 3))
        moving = LAYOUT.joints.index("left hand" if ACTIONS[label] == "wave" else "head")
        poses[:, 0, moving, 0] += np.sin(np.linspace(0, 9, frames))
        poses[: number % 5, 0, 3] = np.nan  # a joint that was not seen for some frames
        yield f"clip{number}", label, f"person{number % 6}", poses


def write(folder: Path, count: int) -> ms2l_tf.ClipDataset:
    """A dataset whose last two persons are the test set."""
    with ms2l_tf.DatasetWriter(folder, name="mine", label_names=ACTIONS) as writer:
        axes = ms2l_tf.Axes(up="+y", forward="+z", handedness="right")
        writer.add_layout(LAYOUT, frame_rate=30.0, unit="m", axes=axes)
        sides: dict[str, list[str]] = {"train": [], "test": []}
        for name, label, subject, poses in recordings(count):
            clip = ms2l_tf.Clip(name, label=label, subject=subject)
            writer.add_clip(clip, {LAYOUT.name: ms2l_tf.ClipPoses(poses)})
            sides["test" if subject in ("person4", "person5") else "train"].append(name)
        writer.add_split("by_person", train=sides["train"], test=sides["test"])
    return ms2l_tf.ClipDataset.open(folder)


def main(folder: Path, *, count: int = 120, epochs: int = 10) -> np.ndarray:
    """Writes, trains, evaluates; returns the features of some new clips [N, D]."""
    dataset = write(folder / "data", count)
    settings = {"observed": 10, "tasks": ["prediction", "contrastive"]}
    model = ms2l_tf.MS2L(epochs=epochs, frames=40, settings=settings, workdir=folder / "run")
    model.fit(dataset)
    result = ms2l_tf.evaluate(folder / "run", probes=["knn"], settings={"k": [1]})
    for key in ("knn/1/top1", "floor/raw/knn/1/top1", "floor/random/knn/1/top1"):
        print(f"{key}: {result.metrics[key]:.1f} %")
    new = [poses for *_, poses in recordings(4)]  # arrays: no dataset is needed any more
    features = ms2l_tf.load_encoder(folder / "run").transform(new)
    print(f"features of {len(features)} new clips: {features.shape}")
    return features


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example"))
