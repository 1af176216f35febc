"""What layers know about data parallelism, with and without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.errors import InputError
from ms2l_tf.methods.ms2l.losses import mean_contrastive_loss, version_means
from ms2l_tf.training.distribution import make_strategy
from tests.helpers import assert_close, random_poses


def on_each(strategy: tf.distribute.Strategy, function: Any, rows: np.ndarray) -> list[Any]:
    """Runs `function` on equal parts of `rows`, one a replica: for each output, its values."""
    parts = iter(np.split(rows, strategy.num_replicas_in_sync))
    values = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant(next(parts))
    )
    outputs = strategy.run(tf.function(function), args=(values,))
    return [strategy.experimental_local_results(output) for output in outputs]


def test_one_device_is_a_single_replica() -> None:
    rows = tf.constant([[1.0], [2.0]])
    assert replicas.count() == 1
    assert replicas.index() == 0
    assert replicas.gather(rows) is rows
    assert replicas.total([rows])[0] is rows


def test_two_replicas(two_replicas: tf.distribute.Strategy) -> None:
    rows = random_poses(6, 2)

    def facts(part: tf.Tensor) -> Any:
        return (
            tf.identity(replicas.index()),
            replicas.gather(part),
            replicas.total([tf.reduce_sum(part)])[0],
        )

    indices, gathered, totals = on_each(two_replicas, facts, rows)
    assert [int(index) for index in indices] == [0, 1]
    for all_rows, total in zip(gathered, totals, strict=True):
        np.testing.assert_array_equal(all_rows, rows)
        assert_close(total, rows.sum())
    with two_replicas.scope():  # nothing is dealt to replicas here
        assert replicas.count() == 1
        assert replicas.index() == 0


def test_gradients_flow_through_the_exchange(two_replicas: tf.distribute.Strategy) -> None:
    """Each half's gradient of the contrastive loss is that of the whole batch, rows for rows."""
    versions = random_poses(6, 3, 4)
    whole = tf.constant(versions)
    with tf.GradientTape() as tape:
        tape.watch(whole)
        loss = mean_contrastive_loss(whole, temperature=0.3)
    expected = tape.gradient(loss, whole)

    def half(part: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(part)
            value = mean_contrastive_loss(
                part,
                temperature=0.3,
                means=replicas.gather(version_means(part)),
                offset=replicas.index() * 3,
            )
            value /= replicas.count()
        return [tape.gradient(value, part)]

    (gradients,) = on_each(two_replicas, half, versions)
    assert_close(tf.concat(gradients, axis=0), expected)


def test_strategies() -> None:
    assert make_strategy("one", 3).num_replicas_in_sync == 1
    assert make_strategy("mirrored", 4).num_replicas_in_sync == 2
    if not tf.config.list_physical_devices("GPU"):
        assert make_strategy("auto", 3).num_replicas_in_sync == 1
    with pytest.raises(InputError, match="--batch: 5 clips cannot be shared equally by 2 replicas"):
        make_strategy("mirrored", 5)
