"""The encoder against recurrences written out in NumPy, its input streams, its files."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.networks.frame_encoder import FrameEncoder
from ms2l_tf.networks.registry import build_network
from ms2l_tf.skeletons.layout import load_layout
from tests.helpers import FRAMES, assert_close, random_poses, tiny_config, tiny_layout

SHAPE = (FRAMES, 2, 5, 3)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def gru_twin(
    frames: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Cho et al. 2014 as cuDNN has it: the reset gate acts after the product ("reset_after").

    frames [T, I], kernel [I, 3 U] for update, reset and candidate, recurrent [U, 3 U],
    bias [2, 3 U] of input and recurrence.
    """
    units = len(recurrent)
    state, states = np.zeros(units), []
    for frame in frames:
        xz, xr, xh = np.split(frame @ kernel + bias[0], 3)
        hz, hr, hh = np.split(state @ recurrent + bias[1], 3)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        state = z * state + (1 - z) * np.tanh(xh + r * hh)
        states.append(state)
    return np.stack(states)


def lstm_twin(
    frames: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Hochreiter & Schmidhuber 1997 with forget gate; gates in the order i, f, c, o."""
    units = len(recurrent)
    state, cell, states = np.zeros(units), np.zeros(units), []
    for frame in frames:
        i, f, c, o = np.split(frame @ kernel + state @ recurrent + bias, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
        state = sigmoid(o) * np.tanh(cell)
        states.append(state)
    return np.stack(states)


def randomised(encoder: FrameEncoder) -> FrameEncoder:
    """Biases start at zero and would hide an error."""
    encoder.build((None, *SHAPE))
    for number, weight in enumerate(encoder.weights):
        weight.assign(0.5 * random_poses(*weight.shape, seed=number))
    return encoder


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("cell", "twin"), [("gru", gru_twin), ("lstm", lstm_twin)])
def test_equals_its_twin(cell: str, twin: Callable[..., np.ndarray], layers: int) -> None:
    encoder = randomised(FrameEncoder(layers=layers, units=3, cell=cell))
    poses = random_poses(2, *SHAPE)
    features = encoder(poses)
    weights = [weight.numpy() for weight in encoder.weights]
    for clip, actual in zip(poses, features, strict=True):
        frames = clip.reshape(FRAMES, -1)
        for layer in range(layers):
            forward, backward = weights[6 * layer : 6 * layer + 3], weights[6 * layer + 3 :][:3]
            frames = np.concatenate(
                [twin(frames, *forward), twin(frames[::-1], *backward)[::-1]], axis=-1
            )
        assert_close(actual, frames)


def test_streams_by_hand() -> None:
    """What the recurrent layer is fed: joints, differences in time, bones, side by side."""
    chain = tiny_layout(
        joints=("a", "b", "c"),
        edges=((0, 1), (1, 2)),
        bones=((1, 0), (2, 1)),
        mirror=(0, 1, 2),
        anchors={"root": (0,)},
        parts={
            "trunk": (0, 1, 2),
            "arm_left": (),
            "arm_right": (),
            "leg_left": (),
            "leg_right": (),
        },
    )
    fed = []

    class Probe(keras.layers.Layer):
        def call(self, frames: tf.Tensor) -> tf.Tensor:
            fed.append(frames.numpy())
            return frames

    encoder = FrameEncoder([chain], inputs=("joint", "motion", "bone"))
    encoder.recurrent = [Probe()]
    encoder.built = True
    poses = np.array([[1, 2, 4], [2, 4, 8], [0, 5, 5]], np.float32).reshape(1, 3, 1, 3, 1)
    encoder(poses)
    assert fed[0][0].tolist() == [
        [1, 2, 4, 1, 2, 4, 0, 1, 2],
        [2, 4, 8, -2, 1, -3, 0, 2, 4],
        [0, 5, 5, 0, 0, 0, 0, 5, 0],
    ]


def test_bones_are_those_of_the_layout() -> None:
    layout = load_layout("kinect_v1_20")
    parents = layout.parents
    assert parents[layout.index("hand_left")] == layout.index("wrist_left")
    (root,) = [joint for joint, parent in enumerate(parents) if joint == parent]
    assert layout.joints[root] == "shoulder_center"


@pytest.mark.parametrize(
    ("settings", "size"),
    [({}, 30), ({"inputs": ("joint", "bone")}, 60), ({"network": "lstm", "layers": 2}, 30)],
)
def test_settings_arrive(settings: dict[str, Any], size: int) -> None:
    encoder = build_network(tiny_config(**settings), [tiny_layout()], coords=3)
    assert isinstance(encoder, FrameEncoder)
    encoder.build((None, *SHAPE))
    assert encoder.feature_dim == 8
    gates = 4 if settings.get("network") == "lstm" else 3
    assert encoder.weights[0].shape == (size, gates * 4)
    assert len(encoder.weights) == 6 * encoder.num_layers


@pytest.mark.parametrize(
    "settings",
    [
        {"units": 3},
        {"units": 2, "layers": 2, "cell": "lstm", "inputs": ("bone", "motion")},
    ],
)
def test_round_trip_through_a_file(settings: dict[str, Any], tmp_path: pathlib.Path) -> None:
    encoder = FrameEncoder([tiny_layout()], **settings)
    randomised(encoder).save(tmp_path / "encoder.keras")
    copy = keras.saving.load_model(tmp_path / "encoder.keras")
    assert isinstance(copy, FrameEncoder)
    assert copy.get_config() == encoder.get_config()
    for clips, frames in ((1, FRAMES), (3, 5), (2, 30)):
        poses = random_poses(clips, frames, 2, 5, 3)
        np.testing.assert_array_equal(copy(poses), encoder(poses))


def test_round_trip_through_a_saved_model(tmp_path: pathlib.Path) -> None:
    encoder = randomised(FrameEncoder(units=3))
    archive = keras.export.ExportArchive()
    archive.track(encoder)
    spec = tf.TensorSpec([None, None, 2, 5, 3])
    archive.add_endpoint("features", encoder.call, input_signature=[spec])
    archive.write_out(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    for clips, frames in ((1, FRAMES), (3, 5)):
        poses = random_poses(clips, frames, 2, 5, 3)
        assert_close(served.features(poses), encoder(poses))


def test_features_depend_on_past_and_future() -> None:
    encoder = randomised(FrameEncoder(units=3))
    poses = random_poses(1, *SHAPE)
    changed = poses.copy()
    changed[:, 6] += 1
    difference = np.abs(encoder(changed) - encoder(poses)).max(axis=(0, 2))
    assert (difference > 0).all()
