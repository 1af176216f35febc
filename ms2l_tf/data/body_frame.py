"""Rule 4 of `Normaliser`: rotations into the frame of a body."""

from __future__ import annotations

import tensorflow as tf

TINY = 1e-6  # a vector no longer than this has no direction


def body_frame(lateral: tf.Tensor, spine: tf.Tensor, up: tf.Tensor | None) -> tf.Tensor:
    """Rows left, up, ahead: [B, 3, 3]; the identity where an axis is degenerate.

    With `up` given, it is kept and the lateral axis is made orthogonal to it; otherwise the spine
    is made orthogonal to the lateral axis.
    """
    if up is None:
        x = _unit(lateral)
        y = spine - tf.reduce_sum(spine * x, axis=-1, keepdims=True) * x
        sound = tf.logical_and(is_long(lateral), is_long(y))
        y = _unit(y)
    else:
        y = tf.broadcast_to(up, tf.shape(lateral))
        x = lateral - tf.reduce_sum(lateral * y, axis=-1, keepdims=True) * y
        sound = is_long(x)
        x = _unit(x)
    matrix = tf.stack([x, y, _cross(x, y)], axis=1)
    return tf.where(sound[..., None], matrix, tf.eye(3, batch_shape=[tf.shape(x)[0]]))


def upright(spine: tf.Tensor) -> tf.Tensor:
    """2-D rotation that turns the spine onto +y: [B, 2, 2]."""
    y = _unit(spine)
    matrix = tf.stack([tf.stack([y[:, 1], -y[:, 0]], axis=-1), y], axis=1)
    return tf.where(is_long(spine)[..., None], matrix, tf.eye(2, batch_shape=[tf.shape(spine)[0]]))


def is_long(vector: tf.Tensor) -> tf.Tensor:
    """Whether vectors [..., C] have a direction: bool [..., 1]."""
    return tf.norm(vector, axis=-1, keepdims=True) > TINY


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.divide_no_nan(vector, tf.norm(vector, axis=-1, keepdims=True))


def _cross(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Cross products of vectors [B, 3], by operations that every exported format has."""
    after, before = [1, 2, 0], [2, 0, 1]  # x y z -> y z x, z x y
    return tf.gather(one, after, axis=-1) * tf.gather(other, before, axis=-1) - tf.gather(
        one, before, axis=-1
    ) * tf.gather(other, after, axis=-1)
