"""Random numbers that belong to clips, so that how a batch is dealt to replicas changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from ms2l_tf import replicas

Shape: TypeAlias = "tf.Tensor | Sequence[Any]"  # sizes as numbers or scalar tensors
uniform = tf.random.stateless_uniform


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

    def uniform(self, shape: Shape, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """U(low, high): [B, *shape] float32."""
        return self.rows(shape, lambda full, seed: uniform(full, seed, low, high))

    def normal(self, shape: Shape) -> tf.Tensor:
        """N(0, 1): [B, *shape] float32."""
        return self.rows(shape, tf.random.stateless_normal)

    def integers(self, high: int) -> tf.Tensor:
        """Uniform in 0 .. high - 1: [B] int32."""
        return self.rows([], lambda full, seed: uniform(full, seed, 0, high, tf.int32))

    def words(self, shape: Shape) -> tf.Tensor:
        """32 random bits each: [B, *shape] int32."""
        return self.rows(shape, lambda full, seed: uniform(full, seed, None, None, tf.int32))

    def rows(self, shape: Shape, draw: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """What `draw` makes of a shape and a seed, for the local clips: [B, *shape]."""
        full = tf.concat([[self.batch * replicas.parts()], tf.cast(shape, tf.int32)], axis=0)
        drawn = draw(full, self.seed)
        if replicas.parts() == 1:
            return drawn
        start = replicas.place() * self.batch
        return drawn[start : start + self.batch]


class JointRandom(ClipRandom):
    """Random numbers of several batches that a network reads in one call, one after the other.

    Each batch draws rows of its own global batch, so here too replicas change nothing.

    Args:
        parts: one a batch.
    """

    def __init__(self, parts: Sequence[ClipRandom]) -> None:
        super().__init__(parts[0].seed, tf.add_n([part.batch for part in parts]))
        self._parts = list(parts)

    def stream(self, number: int) -> JointRandom:
        return JointRandom([part.stream(number) for part in self._parts])

    def rows(self, shape: Shape, draw: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
        return tf.concat([part.rows(shape, draw) for part in self._parts], axis=0)
