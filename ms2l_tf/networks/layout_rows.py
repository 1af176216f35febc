"""Parts of flat arrays that hold the values of several layouts one after another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views.layout_arrays import LayoutArrays, layout_arrays


class LayoutRows:
    """Where each layout's values stand in a flat array.

    Layouts differ in their number of joints, so what they own cannot be stacked. Kept flat, a
    layout's part is a slice, and one traced function serves every layout.

    Args:
        sizes: number of values of each layout.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(int(size) for size in sizes)
        self._bounds = (0, *itertools.accumulate(self.sizes))

    @property
    def total(self) -> int:
        """Values of all layouts together."""
        return self._bounds[-1]

    def of(self, flat: tf.Tensor, layout: tf.Tensor | int) -> tf.Tensor:
        """One layout's values: [total, ...] -> [size, ...].

        Args:
            flat: values of all layouts.
            layout: number of the layout; an int gives a static size, a scalar tensor a dynamic one.
        """
        start, end = self._ends(layout)
        return flat[start:end]

    def put(self, flat: tf.Tensor, layout: tf.Tensor | int, values: tf.Tensor) -> tf.Tensor:
        """`flat` with one layout's values replaced: [total, ...] -> [total, ...]."""
        start, end = self._ends(layout)
        replaced = tf.concat([flat[:start], values, flat[end:]], axis=0)
        return tf.ensure_shape(replaced, flat.shape)

    def _ends(self, layout: tf.Tensor | int) -> tuple[tf.Tensor | int, tf.Tensor | int]:
        if isinstance(layout, int):
            if not 0 <= layout < len(self.sizes):
                raise IndexError(f"layout {layout}: there are {len(self.sizes)}, counted from 0")
            return self._bounds[layout], self._bounds[layout + 1]
        bounds = tf.constant(self._bounds)
        return bounds[layout], bounds[layout + 1]


class ArraysOfLayouts:
    """`LayoutArrays` of several layouts, of which a call picks one.

    Args:
        layouts: the skeletons, one at least.
    """

    def __init__(self, layouts: Sequence[SkeletonLayout]) -> None:
        fields = zip(*(layout_arrays(layout) for layout in layouts), strict=True)
        self._fields = [
            (LayoutRows([len(values) for values in field]), np.concatenate(field))
            for field in fields
        ]

    def of(self, layout: tf.Tensor | int) -> LayoutArrays:
        """Those of one layout, as tensors; see `LayoutRows.of`."""
        return LayoutArrays(*(rows.of(tf.constant(flat), layout) for rows, flat in self._fields))
