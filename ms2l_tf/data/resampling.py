"""Rule 6 of `Normaliser`: clips of any length at T times."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf


def _times(lengths: tf.Tensor, frames: int) -> tf.Tensor:
    """Where the T new frames lie among the true ones: [B, T]."""
    return tf.linspace(0.0, 1.0, frames)[None] * tf.cast(lengths - 1, tf.float32)[:, None]


@functools.cache
def _parts(frames: int) -> np.ndarray:
    """T numbers from 0 to 1, as TensorFlow spaces them."""
    with tf.device("CPU:0"):
        return tf.linspace(0.0, 1.0, frames).numpy()


def sample_times(lengths: np.ndarray, frames: int) -> np.ndarray:
    """Where the T new frames lie among the true ones: [B] -> [B, T] float32."""
    return _parts(frames)[None] * (lengths - 1).astype(np.float32)[:, None]


def present_at(present: tf.Tensor, lengths: tf.Tensor, frames: int) -> tf.Tensor:
    """Presence in the true frame nearest to each of the T new ones: [B, F, M] -> [B, T, M]."""
    nearest = tf.cast(tf.round(_times(lengths, frames)), tf.int32)
    return tf.gather(present, nearest, batch_dims=1)


def resampled(values: tf.Tensor, lengths: tf.Tensor, frames: int) -> tf.Tensor:
    """Linear interpolation over axis 1, from the first to the last true frame.

    [B, F, ...] -> [B, T, ...].
    """
    time = _times(lengths, frames)
    start = tf.cast(tf.floor(time), tf.int32)
    end = tf.minimum(start + 1, lengths[:, None] - 1)
    mix = tf.reshape(time - tf.floor(time), [-1, frames, *[1] * (values.shape.rank - 2)])
    before = tf.gather(values, start, batch_dims=1)
    after = tf.gather(values, end, batch_dims=1)
    return before + (after - before) * mix
