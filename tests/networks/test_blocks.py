"""Dropout and the convolutions of a block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.networks.blocks import Dropping, GraphBlock, graph_convolution, temporal_convolution
from ms2l_tf.views import ClipRandom
from tests.helpers import assert_close, random_poses

SEED = (3, 4)


def dropping(rows: list[int], batch: int = 4, persons: int = 2) -> Dropping:
    random = ClipRandom(tf.constant(SEED), batch)
    return Dropping(random, persons, tf.constant(rows, tf.int32))


@pytest.mark.parametrize("channels", [4, 6])
def test_a_person_keeps_its_mask_whoever_else_is_there(channels: int) -> None:
    all_rows = dropping(list(range(8))).kept(tf.zeros([8, 5, 3, channels]), 0.5)
    some = dropping([0, 3, 6]).kept(tf.zeros([3, 5, 3, channels]), 0.5)
    assert some.shape == (3, 5, 3, channels)
    np.testing.assert_array_equal(some, tf.gather(all_rows, [0, 3, 6]))
    assert len(np.unique(tf.reshape(all_rows, [8, -1]), axis=0)) == 8


@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_share_and_independence(rate: float) -> None:
    """Within four standard deviations, of entries and of products of neighbours."""
    kept = dropping(list(range(8))).kept(tf.zeros([8, 50, 10, 16]), rate).numpy()
    assert set(np.unique(kept)) == {0.0, 1.0}
    share = 1 - round(256 * rate) / 256
    deviation = 4 / np.sqrt(kept.size)
    assert abs(kept.mean() - share) < deviation
    centred = (kept - share) / np.sqrt(share * (1 - share))
    for axis in range(4):
        pairs = np.delete(centred, 0, axis) * np.delete(centred, -1, axis)
        assert abs(pairs.mean()) < 4 / np.sqrt(pairs.size)


def test_two_replicas_drop_what_one_device_would(two_replicas: tf.distribute.Strategy) -> None:
    values = tf.zeros([8, 3, 5, 4])
    expected = dropping(list(range(8))).kept(values, 0.5)

    @tf.function
    def half() -> tf.Tensor:
        return dropping(list(range(4)), batch=2).kept(values[:4], 0.5)

    found = two_replicas.experimental_local_results(two_replicas.run(half))
    assert len(found) == 2
    assert replicas.count() == 1
    np.testing.assert_array_equal(tf.concat(found, axis=0), expected)


def block_of(**changes: Any) -> GraphBlock:
    settings: dict[str, Any] = {
        "stride": 1,
        "temporal_kernel": 3,
        "residual": True,
        "dropout": 0.5,
        "partitions": 1,
        "layouts": 1,
        "edges": (),
        **changes,
    }
    block = GraphBlock(4, **settings)
    block.build((None, None, None, 4))
    return block


@pytest.mark.parametrize("rate", [0.5, 0.3])
def test_what_is_kept_is_scaled_up(rate: float) -> None:
    """Of two positive terms, one is dropped and one is the residual."""
    block = block_of(dropout=rate)
    block.temporal_norm.beta.assign([20.0] * 4)  # so that ReLU cuts nothing
    values = tf.abs(tf.constant(random_poses(2, 6, 3, 4)))
    adjacency = tf.reshape(tf.eye(3), [-1])
    source = dropping([0, 2])
    plain = block(values, adjacency, training=True) - values
    found = block(values, adjacency, training=True, dropping=source) - values
    kept = source.kept(values, rate)
    assert_close(found, plain * kept / (1 - round(256 * rate) / 256), 1e-4)


@pytest.mark.parametrize("order", ["C", "F"])
def test_graph_convolution(order: Any) -> None:
    """Its adjacency goes from joint to partition to neighbour."""
    values, kernel = random_poses(2, 3, 4, 5), random_poses(3, 5, 6, seed=1)
    graph = np.asarray(random_poses(3, 4, 4, seed=2), order=order)  # [R, neighbour, joint]
    found = graph_convolution(
        tf.constant(values),
        tf.constant(graph.transpose(2, 0, 1).ravel()),
        tf.reshape(kernel, [15, 6]),
    )
    assert_close(found, np.einsum("ntvc,rvw,rco->ntwo", values, graph, kernel))


@pytest.mark.parametrize("frames", [7, 8])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("taps", [1, 5])
def test_frames_stay_centred(frames: int, stride: int, taps: int) -> None:
    """A kernel with nothing but its middle tap picks every stride-th frame."""
    values = random_poses(2, frames, 3, 4)
    kernel = np.zeros((taps, 1, 4, 4), np.float32)
    kernel[taps // 2, 0] = np.eye(4)
    found = temporal_convolution(tf.constant(values), tf.constant(kernel), stride)
    assert_close(found, values[:, ::stride])
