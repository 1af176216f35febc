"""The temporal convolutional network against a slow twin in NumPy."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from ms2l_tf.networks.tcn import TAPS, TCN
from tests.helpers import assert_close, random_poses, tiny_layout
from tests.layer_checks import randomised

WIDE = tiny_layout()
NARROW = tiny_layout(
    name="tiny_4",
    joints=("hip_left", "hip_right", "neck", "hand_left"),
    edges=((0, 2), (1, 2), (3, 2)),
    bones=((0, 2), (1, 2), (3, 2)),
    mirror=(1, 0, 2, 3),
    parts={"trunk": (2,), "arm_left": (3,), "arm_right": (), "leg_left": (0,), "leg_right": (1,)},
)


def built(*layouts: Any, **settings: Any) -> TCN:
    network = TCN(layouts, **{"layers": 3, "units": 4, "inputs": ("joint", "motion"), **settings})
    network.build((None, 12, 2, 5, 3))
    return randomised(network)


def channels(poses: np.ndarray) -> np.ndarray:
    """Joints and motion, flattened: [B, T, M, J, C] -> [B, T, 2 M J C]."""
    motion = np.zeros_like(poses)
    motion[:, :-1] = poses[:, 1:] - poses[:, :-1]
    return np.concatenate([each.reshape(*each.shape[:2], -1) for each in (poses, motion)], axis=-1)


def arrays(layer: keras.layers.Layer) -> list[np.ndarray]:
    return [weight.numpy() for weight in layer.weights]


def gelu(values: np.ndarray) -> np.ndarray:
    inner = np.sqrt(2 / np.pi) * (values + 0.044715 * values**3)
    return 0.5 * values * (1 + np.tanh(inner))


def block(values: np.ndarray, layer: Any) -> np.ndarray:
    """Frame by frame and tap by tap: [B, T, D] -> [B, T, D]."""
    gamma, beta = arrays(layer.norm)
    spread = values.std(axis=-1, keepdims=True) ** 2 + layer.norm.epsilon
    normal = (values - values.mean(axis=-1, keepdims=True)) / np.sqrt(spread) * gamma + beta
    kernel, bias = arrays(layer.convolution)
    weights, shift = arrays(layer.frame_map)
    result = np.empty_like(values)
    for clip in range(len(values)):
        for frame in range(values.shape[1]):
            response = bias.astype(np.float64)
            for tap in range(TAPS):
                source = frame + (tap - TAPS // 2) * layer.dilation
                if 0 <= source < values.shape[1]:
                    response = response + normal[clip, source] @ kernel[tap]
            result[clip, frame] = values[clip, frame] + gelu(response) @ weights + shift
    return result


def twin(network: TCN, poses: np.ndarray, layout: int = 0) -> np.ndarray:
    """[B, T, M, J, C] -> [B, T, D] float64."""
    values = channels(poses.astype(np.float64))
    if network.embedding is not None:
        sizes = [2 * 2 * 3 * len(each.joints) for each in network.layouts]
        start = sum(sizes[:layout])
        values = values @ network.embedding.numpy()[start : start + sizes[layout]]
    gamma, beta, means, variances = arrays(network.input_norm)
    rows = slice(layout * len(gamma), (layout + 1) * len(gamma))
    values = (values - means[rows]) / np.sqrt(variances[rows] + 1e-5) * gamma + beta
    weights, shift = arrays(network.input_map)
    values = values @ weights + shift
    for layer in network.blocks:
        values = block(values, layer)
    return values


@pytest.mark.parametrize("frames", [1, 7, 12, 30])
def test_one_layout_of_two_persons(frames: int) -> None:
    network, poses = built(WIDE), random_poses(3, frames, 2, 5, 3)
    expected = twin(network, poses)
    assert_close(network(poses), expected, 1e-4)
    assert_close(network.frames(poses), expected, 1e-4)
    assert_close(network(poses, by_frame=False), expected.mean(axis=1), 1e-4)


@pytest.mark.parametrize("layout", [0, 1])
def test_several_layouts(layout: int) -> None:
    network = built(WIDE, NARROW)
    poses = random_poses(3, 9, 2, len(network.layouts[layout].joints), 3)
    assert_close(network(poses, layout=layout), twin(network, poses, layout), 1e-4)


def test_training_keeps_the_statistics_of_each_layout_apart() -> None:
    network = built(WIDE, NARROW)
    before = network.input_norm.moving_mean.numpy()
    network(random_poses(3, 9, 2, 4, 3), layout=1, training=True)
    after = network.input_norm.moving_mean.numpy()
    size = len(before) // 2
    np.testing.assert_array_equal(after[:size], before[:size])
    assert (after[size:] != before[size:]).all()


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_how_far_it_looks(layers: int) -> None:
    """The n-th block 2 x 2^n frames each way, together 2 x (2^layers - 1)."""
    network = TCN([WIDE], layers=layers, units=4, inputs=("joint",))
    network.build((None, 40, 1, 5, 3))
    poses = random_poses(1, 40, 1, 5, 3)
    moved = poses.copy()
    moved[:, 20] += 1.0
    touched = np.flatnonzero(np.any(network(poses) != network(moved), axis=-1)[0])
    reach = 2 * (2**layers - 1)
    assert (touched[0], touched[-1]) == (20 - reach, 20 + reach)
