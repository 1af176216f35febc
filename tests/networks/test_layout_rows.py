"""Slices of flat arrays."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.networks.layout_rows import LayoutRows
from tests.helpers import random_poses

SIZES = (3, 1, 4)


@pytest.mark.parametrize("layout", range(3))
@pytest.mark.parametrize("tail", [(), (2,)])
def test_a_part_is_read_and_replaced(layout: int, tail: tuple[int, ...]) -> None:
    rows = LayoutRows(SIZES)
    flat = random_poses(rows.total, *tail)
    start = sum(SIZES[:layout])
    part = slice(start, start + SIZES[layout])
    values = random_poses(SIZES[layout], *tail, seed=1)
    expected = flat.copy()
    expected[part] = values

    traced = tf.function(rows.of, input_signature=[tf.TensorSpec(flat.shape), _NUMBER])
    for found in (rows.of(tf.constant(flat), layout), traced(flat, layout)):
        np.testing.assert_array_equal(found, flat[part])
    put = tf.function(
        rows.put,
        input_signature=[tf.TensorSpec(flat.shape), _NUMBER, tf.TensorSpec((None, *tail))],
    )
    for found in (rows.put(tf.constant(flat), layout, values), put(flat, layout, values)):
        np.testing.assert_array_equal(found, expected)


_NUMBER = tf.TensorSpec([], tf.int32)


def test_shapes_are_static_where_they_can_be() -> None:
    rows = LayoutRows(SIZES)
    flat = tf.zeros([rows.total])

    @tf.function(input_signature=[_NUMBER])
    def check(layout: tf.Tensor) -> tf.Tensor:
        assert rows.of(flat, 2).shape == (4,)
        assert rows.of(flat, layout).shape == (None,)
        replaced = rows.put(flat, layout, rows.of(flat, layout))
        assert replaced.shape == (8,)
        return replaced

    check(1)


@pytest.mark.parametrize("layout", [-1, 3])
def test_unknown_layout(layout: int) -> None:
    with pytest.raises(IndexError, match="there are 3"):
        LayoutRows(SIZES).of(tf.zeros([8]), layout)
