"""What channels read of a skeleton layout, as arrays."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.semantic import SEMANTIC


class LayoutArrays(NamedTuple):
    """NumPy arrays of one layout, or tensors where a number picks the layout at run time.

    Attributes:
        parents: [J] int32; parent of each joint, its own index for roots.
        points: [J, 11] float32; `SEMANTIC` point p is the sum of the joints weighted by column p;
            the column of a point that the layout lacks is zero.
        bones: [.] int32; joints that have a parent.
        angles: [.] int32; joints whose parent has a parent.
        pairs: [., 2] int32; pairs of points that the layout has, each once.
    """

    parents: Any
    points: Any
    bones: Any
    angles: Any
    pairs: Any


def layout_arrays(layout: SkeletonLayout) -> LayoutArrays:
    """The arrays of one layout."""
    parents = np.array(layout.parents, np.int32)
    has_parent = parents != np.arange(layout.num_joints)
    points = np.zeros((layout.num_joints, len(SEMANTIC)), np.float32)
    for point, joints in enumerate(layout.semantic.values()):
        points[list(joints), point] = 1.0 / max(len(joints), 1)
    there = np.flatnonzero(points.any(axis=0))
    return LayoutArrays(
        parents,
        points,
        _indices(has_parent),
        _indices(has_parent & has_parent[parents]),
        np.array(list(itertools.combinations(there, 2)), np.int32).reshape(-1, 2),
    )


def _indices(chosen: np.ndarray) -> np.ndarray:
    return np.flatnonzero(chosen).astype(np.int32)
