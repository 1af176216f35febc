"""Batch normalisation: fused, synchronised, per layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.networks.normalisation import EPSILON, MOMENTUM, BatchNorm
from tests.helpers import assert_all_close, assert_close, random_poses

CHANNELS = 5


def layer_of(sizes: int | list[int] = CHANNELS, layouts: int = 1) -> BatchNorm:
    """With weights that are not the initial ones."""
    layer = BatchNorm(sizes, layouts=layouts)
    layer.build((None, None, None, CHANNELS))
    for number, weight in enumerate(layer.weights):
        weight.assign(1.5 + 0.3 * np.tanh(random_poses(*weight.shape, seed=number)))
    return layer


def skewed(*shape: int) -> np.ndarray:
    """One channel is far from zero and hardly varies: a pose's head."""
    values = random_poses(*shape)
    values[..., 0] = 30 + 0.01 * values[..., 0]
    return values


def test_batch_statistics() -> None:
    layer, values = layer_of(), skewed(4, 6, 3, CHANNELS)
    gamma, beta, mean, variance = (weight.numpy() for weight in layer.weights)
    found = layer(values, training=True)
    rows = values.reshape(-1, CHANNELS).astype(np.float64)
    normed = (values - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + EPSILON)
    assert_close(found, gamma * normed + beta, 1e-3)
    assert_close(
        layer.moving_mean.numpy(), MOMENTUM * mean + (1 - MOMENTUM) * rows.mean(axis=0), 1e-4
    )
    unbiased = rows.var(axis=0, ddof=1)
    assert_close(layer.moving_variance.numpy(), MOMENTUM * variance + (1 - MOMENTUM) * unbiased)


def test_moving_statistics() -> None:
    layer, values = layer_of(), random_poses(2, 3, 4, CHANNELS)
    before = [weight.numpy() for weight in layer.weights]
    gamma, beta, mean, variance = before
    assert_close(layer(values), gamma * (values - mean) / np.sqrt(variance + EPSILON) + beta)
    np.testing.assert_array_equal(layer.weights, before)


@pytest.mark.parametrize("training", [False, True])
def test_gain_multiplies_the_result(training: bool) -> None:
    values = random_poses(2, 3, 4, CHANNELS)
    plain, doubled = (layer_of()(values, training=training, gain=gain) for gain in (1.0, 2.0))
    assert_close(doubled, 2 * plain)


@pytest.mark.parametrize("layout", [0, 1, 2])
def test_one_layout_uses_and_updates_its_own_part(layout: int) -> None:
    sizes = [4, CHANNELS, 2]
    values = random_poses(2, 3, 4, sizes[layout])
    several = layer_of(sizes)
    start = sum(sizes[:layout])
    part = slice(start, start + sizes[layout])
    alone = BatchNorm(sizes[layout])
    alone.build(values.shape)
    for mine, its in zip(alone.weights, several.weights, strict=True):
        mine.assign(its.numpy()[part])
    before = [weight.numpy() for weight in several.weights]
    traced = tf.function(lambda number: several(values, training=True, layout=number))
    assert_close(traced(tf.constant(layout)), alone(values, training=True))
    for mine, its, old in zip(alone.weights, several.weights, before, strict=True):
        assert_close(its.numpy()[part], mine.numpy())
        np.testing.assert_array_equal(np.delete(its, part), np.delete(old, part))


@pytest.mark.parametrize("layout", [0, 1])
def test_layouts_share_weights_and_have_their_own_statistics(layout: int) -> None:
    values = random_poses(2, 3, 4, CHANNELS)
    shared, alone = layer_of(layouts=2), layer_of()
    part = slice(layout * CHANNELS, (layout + 1) * CHANNELS)
    for mine, its in zip(alone.weights, shared.weights, strict=True):
        mine.assign(its.numpy()[slice(None) if its.trainable else part])
    assert_close(shared(values, layout=layout), alone(values))
    before = [weight.numpy() for weight in shared.non_trainable_weights]
    assert_close(shared(values, training=True, layout=layout), alone(values, training=True))
    for mine, its, old in zip(
        alone.non_trainable_weights, shared.non_trainable_weights, before, strict=True
    ):
        assert_close(its.numpy()[part], mine.numpy())
        np.testing.assert_array_equal(np.delete(its.numpy(), part), np.delete(old, part))


@pytest.mark.parametrize("sizes", [CHANNELS, [2, CHANNELS]])
def test_synchronised_equals_fused(
    sizes: int | list[int], two_replicas: tf.distribute.Strategy
) -> None:
    """Outputs, gradients and moving statistics, the replicas holding 3 and 5 of the 8 rows."""
    values, weights = skewed(8, 4, 3, CHANNELS), random_poses(8, 4, 3, CHANNELS, seed=1)
    layout = 0 if isinstance(sizes, int) else 1

    def step(layer: BatchNorm, rows: tf.Tensor, factors: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            found = layer(rows, training=True, layout=layout)
            loss = tf.reduce_sum(factors * found)
        return found, *tape.gradient(loss, [rows, *layer.trainable_weights])

    fused = layer_of(sizes)
    expected = step(fused, tf.constant(values), tf.constant(weights))

    with two_replicas.scope():
        layer = layer_of(sizes)

    @tf.function
    def on_replica() -> Any:
        second = tf.equal(replicas.index(), 1)
        start, end = tf.where(second, 3, 0), tf.where(second, 8, 3)
        return step(layer, tf.constant(values)[start:end], tf.constant(weights)[start:end])

    outputs = two_replicas.run(on_replica)
    found = [two_replicas.experimental_local_results(output) for output in outputs]
    # The channel far from zero is known to 1e-4 of its spread in float32.
    assert_close(tf.concat(found[0], axis=0), expected[0], 1e-3)
    assert_close(tf.concat(found[1], axis=0), expected[1], 2e-2)
    assert_close(tf.concat(found[1], axis=0)[..., 1:], expected[1][..., 1:])
    assert_all_close([sum(one) for one in found[2:]], expected[2:], 1e-3)
    for mine, its in zip(layer.weights, fused.weights, strict=True):
        for copy in two_replicas.experimental_local_results(mine.value):
            assert_close(copy, its.numpy())


def test_config_round_trip() -> None:
    for layer in (layer_of([3, 4]), layer_of(layouts=3)):
        assert BatchNorm.from_config(layer.get_config()).get_config() == layer.get_config()
