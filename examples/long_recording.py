"""One long recording of many actions, and what an exported model says of it.

    python examples/long_recording.py [DATASET] [MODEL] [OUT]

Without arguments: data/synthetic_demo, models/demo and runs/demo/long_recording.npy, which
`make demo` leaves. The test clips of one subject follow each other; the model has seen none.
"""

import sys
from pathlib import Path

import numpy as np

import ms2l_tf

ACTIONS = 12


def recording(
    dataset: ms2l_tf.ClipDataset, layout: str, split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Frames [F, M, J, C] of clips end to end, and the label of each frame [F]."""
    test = dataset.split(split).test
    person = dataset.clips[test[0]].subject
    of_person = [clip for clip in test if dataset.clips[clip].subject == person]
    order = np.random.default_rng(0).permutation(of_person)[:ACTIONS]
    poses = [dataset.poses(layout).poses(int(clip)).coords for clip in order]
    labels = [
        np.full(len(clip), label) for clip, label in zip(poses, dataset.labels[order], strict=True)
    ]
    return np.concatenate(poses), np.concatenate(labels)


def main(data: str, exported: str, out: str) -> float:
    """Returns the share of frames that are told rightly, percent."""
    dataset, model = ms2l_tf.ClipDataset.open(data), ms2l_tf.load_model(exported)
    frames, truth = recording(dataset, model.layout.name, dataset.split_names[0])
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    np.save(out, frames)
    length = len(frames) // ACTIONS
    right = 0
    for segment in model.windows(frames, length=length, stride=max(1, length // 4)).segments:
        shown = dataset.label_names[np.bincount(truth[segment.start : segment.end]).argmax()]
        print(f"frames {segment.start:5} to {segment.end:5}: {segment.label} (most of it: {shown})")
        names = np.array(dataset.label_names)[truth[segment.start : segment.end]]
        right += int((names == segment.label).sum())
    share = 100 * right / len(frames)
    print(f"{share:.0f} % of {len(frames)} frames are told rightly; the recording: {out}")
    return share


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*(given or ["data/synthetic_demo", "models/demo", "runs/demo/long_recording.npy"]))
