"""Attention drop against a twin with loops, and its properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from msclr.attention import attention_drop, simam
from tests.helpers import assert_close, random_poses


def simam_twin(maps: np.ndarray) -> np.ndarray:
    """Entry by entry, in double precision."""
    rows, frames, joints, channels = maps.shape
    found = np.zeros(maps.shape)
    for row in range(rows):
        for channel in range(channels):
            values = maps[row, :, :, channel].astype(float)
            mean = values.sum() / values.size
            variance = sum((x - mean) ** 2 for x in values.flat) / (values.size - 1)
            for frame in range(frames):
                for joint in range(joints):
                    energy = (values[frame, joint] - mean) ** 2 / (4 * (variance + 1e-4)) + 0.5
                    found[row, frame, joint, channel] = 1 / (1 + math.exp(-energy))
    return found


def drop_twin(maps: np.ndarray, threshold: float) -> np.ndarray:
    """Row by row: joints first, then entries, rescaled after each."""
    attention = simam_twin(maps)
    out = maps.astype(float)
    for row, its in zip(out, attention, strict=True):
        salient = [j for j in range(row.shape[1]) if its[:, j].mean() >= threshold]
        row[:, salient] = 0
        row *= row.shape[1] / max(row.shape[1] - len(salient), 1)
        dropped = its >= threshold
        row[dropped] = 0
        row *= row.size / max(row.size - dropped.sum(), 1)
    return out


def salient_maps() -> np.ndarray:
    """[3, 4, 6, 5] with a joint of the first row that stands out in all channels."""
    maps = random_poses(3, 4, 6, 5)
    maps[0, :, 2] += 4.0
    return maps


def test_attention_equals_its_twin() -> None:
    attention = simam(salient_maps())
    assert_close(attention, simam_twin(salient_maps()))
    assert float(tf.reduce_min(attention)) >= 1 / (1 + math.exp(-0.5)) - 1e-6


@pytest.mark.parametrize("threshold", [0.0, 0.63, 0.66, 0.7, 0.9, 1.0])
def test_drop_equals_its_twin(threshold: float) -> None:
    assert_close(attention_drop(salient_maps(), threshold), drop_twin(salient_maps(), threshold))


def test_the_salient_joint_goes_whole_and_others_lose_entries() -> None:
    dropped = attention_drop(salient_maps(), 0.7).numpy() == 0
    assert dropped[0, :, 2].all()
    assert not dropped.all(axis=(1, 3))[1:].any()
    entries = simam_twin(salient_maps()) >= 0.7
    np.testing.assert_array_equal(dropped[1:], entries[1:])


def test_rows_do_not_depend_on_each_other() -> None:
    maps = salient_maps()
    alone = [attention_drop(maps[row : row + 1], 0.7) for row in range(3)]
    assert_close(attention_drop(maps, 0.7), tf.concat(alone, axis=0))


def test_nothing_salient_changes_nothing() -> None:
    """A constant map has attention sigmoid(0.5) everywhere; so has one of a single entry."""
    for maps in (np.full((2, 3, 4, 5), 7.0, np.float32), random_poses(2, 1, 1, 5)):
        assert_close(simam(maps), np.full(maps.shape, 1 / (1 + math.exp(-0.5))))
        np.testing.assert_array_equal(attention_drop(maps, 0.7), maps)


def test_gradients_pass_through_what_is_kept() -> None:
    maps = tf.constant(salient_maps())
    with tf.GradientTape() as tape:
        tape.watch(maps)
        dropped = attention_drop(maps, 0.7)
    gradient = tape.gradient(dropped, maps).numpy()
    kept = dropped.numpy() != 0
    assert_close(gradient[kept], (dropped / maps).numpy()[kept], 1e-4)
    np.testing.assert_array_equal(gradient[~kept], 0.0)


def test_any_number_of_joints_and_half_precision_in_one_trace() -> None:
    spec = tf.TensorSpec([None, 4, None, 5], tf.float16)
    traced = tf.function(lambda maps: attention_drop(maps, 0.7), input_signature=[spec])
    for joints in (3, 7):
        maps = random_poses(2, 4, joints, 5).astype(np.float16)
        found = traced(tf.constant(maps))
        assert found.dtype == tf.float16
        assert_close(tf.cast(found, tf.float32), drop_twin(maps.astype(np.float32), 0.7), 5e-3)
