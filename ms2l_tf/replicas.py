"""The few facts a layer needs to know about data parallelism, and the one exchange it makes."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import keras
import tensorflow as tf

# Which of how many parts of a replica's batch is computed, where it is computed in parts.
_PART = contextvars.ContextVar("part", default=(0, 1))


def count() -> int:
    """Number of replicas in sync; 1 outside a strategy, and where no replica is computing."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def index() -> tf.Tensor | int:
    """This replica's number."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


@contextlib.contextmanager
def part_of_batch(number: int, parts: int) -> Iterator[None]:
    """In the block the local batch is one of equal parts of this replica's clips."""
    before = _PART.set((number, parts))
    try:
        yield
    finally:
        _PART.reset(before)


def parts() -> int:
    """How many local batches a global batch consists of: one a replica, unless in parts."""
    return count() * _PART.get()[1]


def place() -> tf.Tensor | int:
    """Which of `parts` the local batch is."""
    number, of = _PART.get()
    return index() * of + number


def gather(values: tf.Tensor) -> tf.Tensor:
    """Rows of all replicas in replica order, differentiable: [B, ...] -> [replicas * B, ...].

    All replicas must hold equally many rows.
    """
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_gather(values, axis=0)


def total(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Sums tensors over replicas."""
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def clipped(
    gradients: list[tf.Tensor], limit: float, optimizer: keras.optimizers.Optimizer
) -> list[tf.Tensor]:
    """Clips by the norm of the gradient of the *global* batch, under any loss scale.

    Args:
        gradients: of the local loss divided by the number of replicas, scaled by the optimiser.
        limit: largest global norm; 0: none.
        optimizer: what the gradients are for.
    """
    if not limit:
        return gradients
    scaled = limit * optimizer.scale_loss(tf.constant(1.0))
    shared, _ = tf.clip_by_global_norm(total(gradients), scaled)
    return [gradient / count() for gradient in shared]
