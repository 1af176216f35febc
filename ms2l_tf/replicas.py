"""The few facts a layer needs to know about data parallelism, and the one exchange it makes."""

from __future__ import annotations

import tensorflow as tf


def count() -> int:
    """Number of replicas in sync (1 outside a strategy)."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def index() -> tf.Tensor | int:
    """This replica's number."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


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
