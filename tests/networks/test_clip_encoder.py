"""Clip encoders: the last output of each direction, their settings and their files."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np
import pytest

from ms2l_tf.networks.clip_encoder import ClipEncoder
from ms2l_tf.networks.frame_encoder import FrameEncoder
from ms2l_tf.networks.registry import build_network
from tests.helpers import FRAMES, assert_close, random_poses, tiny_config, tiny_layout

SHAPE = (FRAMES, 2, 5, 3)


def built(**settings: Any) -> ClipEncoder:
    encoder = ClipEncoder([tiny_layout()], **settings)
    encoder.build((None, *SHAPE))
    for number, weight in enumerate(encoder.weights):  # biases that start at zero hide an error
        weight.assign(0.5 * random_poses(*weight.shape, seed=number))
    return encoder


def test_a_bidirectional_layer_ends_once_at_each_end() -> None:
    """The frame encoder's last frame of the forward and first frame of the backward direction."""
    poses = random_poses(3, *SHAPE)
    clips, frames = built(units=3, bidirectional=True), FrameEncoder(units=3, cell="lstm")
    frames.build((None, *SHAPE))
    frames.set_weights(clips.get_weights())
    states = frames(poses).numpy()
    assert_close(clips(poses), np.concatenate([states[:, -1, :3], states[:, 0, 3:]], axis=-1))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_one_direction_is_the_forward_half(cell: str) -> None:
    poses = random_poses(3, *SHAPE)
    both = built(units=3, cell=cell, bidirectional=True)
    forward = ClipEncoder(units=3, cell=cell)
    forward.build((None, *SHAPE))
    forward.set_weights(both.get_weights()[:3])
    assert_close(forward(poses), both(poses)[:, :3])


@pytest.mark.parametrize(
    ("settings", "size", "dim", "weights"),
    [
        ({"network": "lstm_last"}, 30, 4, 3),
        ({"network": "blstm_last"}, 30, 8, 6),
        ({"network": "blstm_last", "layers": 2, "inputs": ("joint", "motion", "bone")}, 90, 8, 12),
        ({"method": "longt_gan", "network": "lstm_last"}, 30, 4, 3),
    ],
)
def test_settings_arrive(settings: dict[str, Any], size: int, dim: int, weights: int) -> None:
    config = tiny_config(**{"method": "supervised", **settings})
    encoder = build_network(config, [tiny_layout()], coords=3)
    assert isinstance(encoder, ClipEncoder)
    assert encoder.compute_output_shape((None, *SHAPE)) == (None, dim)
    assert encoder(random_poses(2, *SHAPE)).shape == (2, dim)
    assert encoder.feature_dim == dim
    assert encoder.weights[0].shape == (size, 4 * 4), "four gates: an LSTM"
    assert len(encoder.weights) == weights


@pytest.mark.parametrize(
    "settings",
    [
        {"units": 3},
        {"units": 2, "layers": 2, "bidirectional": True, "inputs": ["bone"]},
        {"units": 2, "cell": "gru", "inputs": ["motion", "joint"]},
    ],
)
def test_round_trip_through_a_file(settings: dict[str, Any], tmp_path: pathlib.Path) -> None:
    encoder = built(**settings)
    encoder.save(tmp_path / "encoder.keras")
    copy = keras.saving.load_model(tmp_path / "encoder.keras")
    assert isinstance(copy, ClipEncoder)
    assert copy.get_config() == encoder.get_config()
    for clips, frames in ((1, FRAMES), (3, 5)):
        poses = random_poses(clips, frames, 2, 5, 3)
        np.testing.assert_array_equal(copy(poses), encoder(poses))
