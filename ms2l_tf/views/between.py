"""Channels between two persons: how far apart their points are, and where the other one is."""

from __future__ import annotations

import tensorflow as tf

from ms2l_tf.skeletons.layout import SkeletonLayout


def between_persons(poses: tf.Tensor, layout: SkeletonLayout) -> tf.Tensor:
    """Distances among the points of the first two persons, and the way between their roots.

    Args:
        poses: normalised poses [B, T, M, J, C], M at least 2; persons that are zero in all frames
            are absent.
        layout: whose points count, see `SkeletonLayout.semantic`.

    Returns:
        [B, T, P P + C] for P points: of each point of the first person to each of the second, then
        the second root minus the first. Zero where one of the two is absent.
    """
    first, second = (_points(poses[:, :, person], layout) for person in (0, 1))
    distances = tf.norm(first[:, :, :, None] - second[:, :, None], axis=-1)
    roots = list(layout.anchors["root"])
    way = tf.reduce_mean(tf.gather(poses[:, :, 1] - poses[:, :, 0], roots, axis=2), axis=2)
    points = first.shape[2]
    flat = tf.reshape(distances, tf.concat([tf.shape(distances)[:2], [points**2]], axis=0))
    together = tf.reduce_all(tf.reduce_any(poses[:, :, :2] != 0, axis=[1, 3, 4]), axis=1)
    return tf.concat([flat, way], axis=-1) * tf.cast(together, poses.dtype)[:, None, None]


def between_size(layout: SkeletonLayout, coords: int) -> int:
    """Numbers a frame of `between_persons`."""
    return len(_present(layout)) ** 2 + coords


def _present(layout: SkeletonLayout) -> list[tuple[int, ...]]:
    return [joints for joints in layout.semantic.values() if joints]


def _points(person: tf.Tensor, layout: SkeletonLayout) -> tf.Tensor:
    """[B, T, J, C] -> [B, T, P, C]."""
    points = [
        tf.reduce_mean(tf.gather(person, list(joints), axis=2), axis=2)
        for joints in _present(layout)
    ]
    return tf.stack(points, axis=2)
