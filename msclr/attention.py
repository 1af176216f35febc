"""Attention drop: what SimAM finds salient in a feature map is hidden (AimCLR)."""

from __future__ import annotations

import tensorflow as tf

_REGULARISER = 1e-4


def simam(maps: tf.Tensor) -> tf.Tensor:
    """Attention without parameters: how far an entry lies from the others of its channel.

    For the n = T' J entries x of one channel of one row, with their mean m:

        v = sum (x - m)^2 / (n - 1)
        attention = sigmoid( (x - m)^2 / (4 (v + 1e-4)) + 1/2 )

    Args:
        maps: [N, T', J, D].

    Returns:
        [N, T', J, D] float32 in [0.62, 1).

    Reference:
        Yang et al., "SimAM: a simple, parameter-free attention module", ICML 2021.
    """
    maps = tf.cast(maps, tf.float32)
    squares = tf.math.squared_difference(maps, tf.reduce_mean(maps, axis=[1, 2], keepdims=True))
    entries = tf.cast(tf.shape(maps)[1] * tf.shape(maps)[2], tf.float32)
    variance = tf.reduce_sum(squares, axis=[1, 2], keepdims=True) / tf.maximum(entries - 1.0, 1.0)
    return tf.sigmoid(squares / (4.0 * (variance + _REGULARISER)) + 0.5)


def attention_drop(maps: tf.Tensor, threshold: float) -> tf.Tensor:
    """Zeroes salient joints, then salient entries; each time what is kept is scaled up.

    A joint goes whose attention, averaged over frames and channels, reaches the threshold; then
    every single entry whose attention does. Both steps multiply the rest by total / kept, counted
    in each row by itself, so that the rows of a batch do not depend on each other.

    Args:
        maps: [N, T', J, D]; a row is one person of one clip.
        threshold: attention from which something is dropped.

    Returns:
        [N, T', J, D] of the same type; gradients pass through what is kept.
    """
    attention = simam(tf.stop_gradient(maps))
    joints = tf.reduce_mean(attention, axis=[1, 3], keepdims=True) < threshold
    factors = _rescaled(joints) * _rescaled(attention < threshold)
    return maps * tf.cast(factors, maps.dtype)


def _rescaled(kept: tf.Tensor) -> tf.Tensor:
    """Total / kept where `kept`, else 0, row by row; all zeros if nothing is kept."""
    ones = tf.cast(kept, tf.float32)
    share = tf.reduce_mean(ones, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(ones, share)
