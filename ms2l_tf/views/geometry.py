"""What input channels are computed by: differences, bones, angles and distances of poses.

Poses are [B, T, M, J, C], and what is absent, zero, gives zeros.
"""

from __future__ import annotations

import tensorflow as tf

from ms2l_tf.skeletons.semantic import SEMANTIC
from ms2l_tf.views.layout_arrays import LayoutArrays

_PELVIS = SEMANTIC.index("pelvis")
_TINY = 1e-12  # squared lengths (torso lengths) below which a bone has no direction


def difference(poses: tf.Tensor, span: int) -> tf.Tensor:
    """x[t + span] - x[t]; zero where there is no such frame."""
    ahead = poses[:, span:] - poses[:, :-span]
    return tf.concat([ahead, tf.zeros_like(poses[:, -span:])], axis=1)


def bone(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """Joint minus parent; zero for roots."""
    return poses - tf.gather(poses, arrays.parents, axis=3)


def bone_unit(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """Directions of bones; zero for roots and for bones without length."""
    return tf.math.l2_normalize(bone(poses, arrays), axis=-1, epsilon=_TINY)


def angle(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """Cosine between a joint's bone and its parent's: [B, T, M, J, 1]; 0 if one is missing."""
    bones = bone_unit(poses, arrays)
    above = tf.gather(bones, arrays.parents, axis=3)
    return tf.reduce_sum(bones * above, axis=-1, keepdims=True)


def _points(poses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Points that are sums of joints: [B, T, M, J, C], [J, P] -> [B, T, M, P, C]."""
    return tf.einsum("btmjc,jp->btmpc", poses, tf.cast(weights, poses.dtype))


def _root(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    return _points(poses, arrays.points[:, _PELVIS : _PELVIS + 1])


def relative(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """Joint minus the root of its frame and person."""
    return poses - _root(poses, arrays)


def path(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """The root minus that of the first frame: [B, T, M, 1, C]."""
    root = _root(poses, arrays)
    return root - root[:, :1]


def _length(vectors: tf.Tensor) -> tf.Tensor:
    """[..., C] -> [...]; exactly zero, with a gradient of zero, where a vector is."""
    squares = tf.reduce_sum(tf.square(vectors), axis=-1)
    return squares * tf.math.rsqrt(tf.maximum(squares, _TINY))


def distances_to_points(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """Of each joint to the eleven points: [B, T, M, J, 11]; 0 to those that the layout lacks."""
    points = _points(poses, arrays.points)
    distances = _length(poses[:, :, :, :, None] - points[:, :, :, None])
    there = tf.reduce_any(arrays.points > 0, axis=0)
    return distances * tf.cast(there, distances.dtype)


def distances_of_pairs(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """Between the points that the layout has: [B, T, M, pairs, 1]."""
    points = _points(poses, arrays.points)
    first, second = (tf.gather(points, arrays.pairs[:, end], axis=3) for end in (0, 1))
    return _length(first - second)[..., None]
