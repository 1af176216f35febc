"""What `tools.benchmarks` times in Keras: a training step, or an epoch of the input pipeline."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.benchmarks.protocol import read_case, serve

CASE = read_case()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from ms2l_tf.data.clip_dataset import ClipDataset, PoseStore  # noqa: E402
from ms2l_tf.data.pipeline import steps_an_epoch, training_batches  # noqa: E402
from ms2l_tf.data.records import Axes, Clip, ClipPoses  # noqa: E402
from ms2l_tf.data.run_data import build_normaliser  # noqa: E402
from ms2l_tf.data.writer import DatasetWriter  # noqa: E402
from ms2l_tf.methods.base import RunShape  # noqa: E402
from ms2l_tf.methods.registry import run_config  # noqa: E402
from ms2l_tf.runs.build import build_learner, build_optimizer  # noqa: E402
from ms2l_tf.settings.config import RunConfig  # noqa: E402
from ms2l_tf.skeletons import load_layout  # noqa: E402

COORDS = 3
LAYOUT = load_layout(CASE["layout"])


def settings() -> RunConfig:
    """The paper's settings with the case's sizes."""
    names = {"frames": "frames", "observed": "observed", "batch": "clips", "seed": "seed"}
    return run_config({name: CASE[key] for name, key in names.items()})


def training_steps() -> tuple[Callable[[], int], int]:
    """(a run of `steps` training steps as `fit` does them, number of weights)."""
    config = settings()
    persons = CASE["persons"]
    shape = RunShape((LAYOUT,), CASE["frames"], persons, COORDS, classes=1)
    model = build_learner(config, shape)
    model.compile(optimizer=build_optimizer(config.optimiser, model, steps=100, epochs=100))
    model.make_train_function()
    sizes = (CASE["clips"], *shape.poses)
    poses = np.random.default_rng(CASE["seed"]).standard_normal(sizes, np.float32)
    batches = iter(tf.data.Dataset.from_tensors({"poses": poses}).repeat())

    def run() -> int:
        for _ in range(CASE["steps"]):
            logs = model.train_function(batches)
            float(logs["loss"])  # waits for the step, as a training loop that logs it does
        return CASE["steps"]

    return run, model.count_params()


def input_epoch(folder: Path) -> Callable[[], int]:
    """An epoch of memory-mapped reading, batching, normalising and resampling."""
    store = made_dataset(folder)
    config = settings()
    clips = np.arange(CASE["epoch_clips"])
    dataset = training_batches(
        store,
        clips,
        build_normaliser(config.normaliser, store),
        batch=CASE["clips"],
        seed=CASE["seed"],
    ).take(steps_an_epoch(len(clips), CASE["clips"]))

    def run() -> int:
        for batch in dataset:
            assert batch["poses"].shape[0] == CASE["clips"]
        return 1

    return run


def made_dataset(folder: Path) -> PoseStore:
    """Random walks of the case's layout, with lengths around `clip_frames`."""
    random = np.random.default_rng(CASE["seed"])
    lengths = np.maximum(2, random.poisson(CASE["clip_frames"], CASE["epoch_clips"]))
    with DatasetWriter(folder / "clips", name="benchmark", label_names=()) as writer:
        writer.add_layout(
            LAYOUT,
            frame_rate=30.0,
            unit="m",
            axes=Axes(up="+y", forward="+z", handedness="right"),
            num_persons=CASE["persons"],
        )
        for number, length in enumerate(lengths):
            shape = (length, CASE["persons"], LAYOUT.num_joints, COORDS)
            walk = np.cumsum(0.01 * random.standard_normal(shape, np.float32), axis=0)
            start = random.standard_normal(shape[1:], np.float32)
            poses = ClipPoses(coords=start + walk, present=None, confidence=None)
            writer.add_clip(Clip(name=str(number)), {LAYOUT.name: poses})
    return ClipDataset.open(folder / "clips").poses(LAYOUT.name)


def main() -> None:
    """Serves the case given on the command line."""
    keras.utils.set_random_seed(CASE["seed"])
    tf.config.experimental.enable_op_determinism()  # as ms2l-train does
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    if CASE["what"] == "step":
        run, weights = training_steps()
        serve(run, versions, weights=weights)
        return
    with tempfile.TemporaryDirectory() as folder:
        serve(input_epoch(Path(folder)), versions)


if __name__ == "__main__":
    main()
