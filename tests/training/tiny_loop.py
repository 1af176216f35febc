"""A run of the real loop around a learner of one layer, which trains in a blink."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.data.pipeline import WHOLE, Share
from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.methods.batches import Batches
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.starting import start_run
from ms2l_tf.training.callbacks import FeatureMonitor
from ms2l_tf.training.loop import Loop, run_epochs
from tests.helpers import tiny_config

STEPS, EPOCHS, BATCH, WIDTH = 3, 3, 4, 5


class LineLearner(Learner):
    """A line through noisy points, with a random draw in every step."""

    def __init__(self) -> None:
        super().__init__(keras.layers.Dense(1), logged=("loss", "size"), name="line")

    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        noise = tf.random.stateless_normal([BATCH, 1], seed, stddev=0.1)
        loss = tf.reduce_mean((self.encoder(data["x"]) - data["y"] + noise) ** 2)
        return loss, {"loss": loss, "size": tf.reduce_mean(tf.abs(data["x"]))}


class PointBatches(Batches):
    """Points that depend on the number of the step alone."""

    def __init__(self) -> None:
        self.clips, self.batch, self.steps = np.arange(STEPS * BATCH), BATCH, STEPS

    def begin(self, first_step: int, share: Share = WHOLE) -> tf.data.Dataset:
        def points(step: tf.Tensor) -> Batch:
            x = tf.random.stateless_normal([BATCH, WIDTH], [7, tf.cast(step, tf.int32)])
            return {"x": x, "y": tf.reduce_sum(x, axis=1, keepdims=True)}

        return tf.data.Dataset.counter(first_step).map(points)


def make_learner() -> Learner:
    learner = LineLearner()
    learner.encoder.build((None, WIDTH))
    learner.built = True
    learner.compile(optimizer=keras.optimizers.Adam(0.1))
    return learner


def run_tiny_loop(path: pathlib.Path, *, minutes: float = 0.0) -> None:
    """Trains the run of a folder to its end."""
    folder, config = RunFolder(path), tiny_config(data="none", epochs=EPOCHS)
    if folder.trained_to(EPOCHS):
        return
    record = {"protocol": "unsupervised", "dataset": "none", "fingerprint": "0"}
    noise = np.random.default_rng(0).normal(size=(8, 4))
    run_epochs(
        folder,
        config.training,
        tf.distribute.get_strategy(),
        Loop(
            make_learner=make_learner,
            started=lambda: None,
            claim=lambda: start_run(folder, {**record, "settings": config.to_json()}),
            begin=lambda _: None,
            batches=PointBatches(),
            monitor=lambda _: FeatureMonitor(
                lambda: (noise, noise), (np.arange(8), np.arange(8)), every=2, epochs=EPOCHS
            ),
        ),
        checkpoint_minutes=minutes,
    )


def digest(path: pathlib.Path) -> dict[str, str]:
    """What two runs that computed the same have in common."""
    folder = RunFolder(path)
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder.flags, folder.history)
    }
    arrays = hashlib.sha256()
    with h5py.File(folder.weights) as file:
        file.visititems(
            lambda name, item: (
                arrays.update(name.encode() + item[()].tobytes())
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    timing = path / "timing.json"  # whole, whatever it says; a closed form may be killed before it
    assert not timing.exists() or json.loads(timing.read_text())
    return {**found, "weights": arrays.hexdigest()}
