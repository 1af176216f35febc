"""Random numbers of clips: streams, and the same rows whichever device a clip is on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.views import ClipRandom, JointRandom

DRAWS: dict[str, Callable[[ClipRandom], tf.Tensor]] = {
    "uniform": lambda random: random.uniform([3], -1.0, 2.0),
    "normal": lambda random: random.normal([2, 2]),
    "integers": lambda random: random.integers(6),
    "stream": lambda random: random.stream(5).uniform([2]),
}


@pytest.mark.parametrize("name", DRAWS)
def test_two_replicas_draw_the_rows_of_one_device(
    name: str, two_replicas: tf.distribute.Strategy
) -> None:
    draw, seed = DRAWS[name], tf.constant([3, 7])
    whole = draw(ClipRandom(seed, 6))
    parts = two_replicas.run(tf.function(lambda: draw(ClipRandom(seed, 3))))
    rows = tf.concat(two_replicas.experimental_local_results(parts), axis=0)
    np.testing.assert_array_equal(rows, whole)


def test_bounds_and_shapes() -> None:
    random = ClipRandom(tf.constant([0, 0]), 500)
    values = random.uniform([3], -1.0, 2.0).numpy()
    assert values.shape == (500, 3)
    assert -1.0 <= values.min() < -0.9
    assert 1.9 < values.max() < 2.0
    assert set(random.integers(4).numpy()) == {0, 1, 2, 3}


def test_streams_are_independent_and_repeatable() -> None:
    random = ClipRandom(tf.constant([0, 0]), 1000)
    first, second = random.stream(1).normal([1]), random.stream(2).normal([1])
    np.testing.assert_array_equal(first, random.stream(1).normal([1]))
    correlation = np.corrcoef(np.squeeze(first), np.squeeze(second))[0, 1]
    assert abs(correlation) < 0.15
    np.testing.assert_array_equal(
        random.stream(1).stream(2).normal([1]), random.stream(1).stream(2).normal([1])
    )


def test_joint_random_numbers_are_those_of_each_batch() -> None:
    """One batch after the other, whatever is drawn and however deep the stream is."""
    parts = [ClipRandom(tf.constant([1, 2]), 3), ClipRandom(tf.constant([1, 2]), 2).stream(7)]
    joint = JointRandom(parts)
    assert int(joint.batch) == 5
    for draw in (
        lambda random: random.uniform([4], -1.0, 1.0),
        lambda random: random.normal([4, 2]),
        lambda random: random.integers(9),
        lambda random: random.words([4]),
        lambda random: random.stream(3).stream(1).uniform([2]),
    ):
        np.testing.assert_array_equal(draw(joint), np.concatenate([draw(part) for part in parts]))
