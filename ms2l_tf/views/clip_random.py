"""Random numbers that belong to clips, so that how a batch is dealt to replicas changes nothing."""

from __future__ import annotations

import tensorflow as tf

from ms2l_tf import replicas


class ClipRandom:
    """Stateless random numbers, one row for each clip of the local batch.

    The rows of the *global* batch are drawn and this replica's are kept: two replicas see the
    numbers that one device would, and a resumed run sees those of the uninterrupted one, because
    they depend on the seed alone.

    Args:
        seed: [2] int32.
        batch: clips of the local batch (B).
    """

    def __init__(self, seed: tf.Tensor, batch: tf.Tensor | int) -> None:
        self.seed = tf.convert_to_tensor(seed, tf.int32)
        self.batch = tf.convert_to_tensor(batch, tf.int32)

    def stream(self, number: int) -> ClipRandom:
        """An independent stream; equal numbers give equal streams."""
        return ClipRandom(tf.random.experimental.stateless_fold_in(self.seed, number), self.batch)

    def uniform(self, shape: list[int], low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """U(low, high): [B, *shape] float32."""
        full = tf.concat([[self.batch * replicas.count()], tf.cast(shape, tf.int32)], axis=0)
        return self._mine(tf.random.stateless_uniform(full, self.seed, low, high))

    def normal(self, shape: tf.Tensor | list[int]) -> tf.Tensor:
        """N(0, 1): [B, *shape] float32."""
        full = tf.concat([[self.batch * replicas.count()], tf.cast(shape, tf.int32)], axis=0)
        return self._mine(tf.random.stateless_normal(full, self.seed))

    def integers(self, high: int) -> tf.Tensor:
        """Uniform in 0 .. high - 1: [B] int32."""
        full = [self.batch * replicas.count()]
        return self._mine(tf.random.stateless_uniform(full, self.seed, 0, high, tf.int32))

    def _mine(self, rows: tf.Tensor) -> tf.Tensor:
        if replicas.count() == 1:
            return rows
        start = replicas.index() * self.batch
        return rows[start : start + self.batch]
