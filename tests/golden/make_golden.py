"""Writes the golden checkpoint and its outputs anew; see `test_golden.py` for when to.

python -m tests.golden.make_golden
"""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.runs.build import build_learner
from tests.helpers import FRAMES, motion, tiny_config, tiny_layout, tiny_shape

FOLDER = pathlib.Path(__file__).resolve().parent
WEIGHTS, OUTPUTS = FOLDER / "tiny.weights.h5", FOLDER / "tiny.npz"
SEED = (0, 7)


def golden_model() -> MS2L:
    """A model that uses every kind of layer: two layers, MLP heads, recurrent decoder."""
    config = tiny_config(layers=2, head="mlp", decoder="gru", inputs=("joint", "motion", "bone"))
    model = build_learner(config, tiny_shape())
    assert isinstance(model, MS2L)
    return model


def golden_clips() -> tuple[np.ndarray, np.ndarray]:
    """Raw coords [3, F, 2, 5, 3] with missing joints, and lengths [3]."""
    lengths = np.array([7, 1, 9], np.int32)
    coords = np.zeros((3, 9, 2, 5, 3), np.float32)
    for row, length in zip(coords, lengths, strict=True):
        row[:length] = motion(int(length), persons=2)
    coords[2, 3:5, 0, 4] = np.nan
    return coords, lengths


def outputs(model: MS2L, coords: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
    """What the golden file holds besides the input: poses, features and losses."""
    poses, _ = Normaliser(tiny_layout().anchors, frames=FRAMES, persons=2)(coords, lengths)
    _, losses = model.self_supervised_loss(poses, tf.constant(SEED), training=False)
    return {
        "poses": poses.numpy(),
        "features": model(poses).numpy(),
        **{f"loss_{name}": value.numpy() for name, value in losses.items()},
    }


def main() -> None:
    """Random weights stand for trained ones; moving statistics and biases are no zeros either."""
    model = golden_model()
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(
            random.uniform(0.05, 0.5, weight.shape) * random.choice([-1, 1], weight.shape)
        )
        if weight.path.endswith("moving_variance"):
            weight.assign(np.abs(weight))
    model.save_weights(WEIGHTS)
    coords, lengths = golden_clips()
    arrays: dict[str, Any] = outputs(model, coords, lengths)
    np.savez_compressed(OUTPUTS, coords=coords, lengths=lengths, **arrays)
    print(f"wrote {WEIGHTS} and {OUTPUTS} with Keras {keras.__version__}")


if __name__ == "__main__":
    main()
