"""Losses against slow twins of the equations, and where their values are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from msclr.losses import contrast_logits, d3m, info_nce, nearest_neighbours
from tests.helpers import assert_close, random_poses

TEMPERATURE = 0.3


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    """Random unit vectors, float32."""
    vectors = random_poses(*shape, seed=seed)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def situation(seed: int = 0) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Three queries of each of 5 clips, their keys, a queue of 9, and what of it counts."""
    queries = [unit(5, 4, seed=seed + number) for number in range(3)]
    valid = np.random.default_rng(seed).uniform(size=(5, 9)) < 0.7
    return queries, unit(5, 4, seed=seed + 3), unit(9, 4, seed=seed + 4), valid


def powers(query: np.ndarray, key: np.ndarray, queue: np.ndarray, valid: np.ndarray) -> list[float]:
    """exp(similarity / temperature) to the key and to the entries that count (others: 0)."""
    found = [math.exp(sum(map(float, query * key)) / TEMPERATURE)]
    for entry, counts in zip(queue, valid, strict=True):
        found.append(math.exp(sum(map(float, query * entry)) / TEMPERATURE) if counts else 0.0)
    return found


def info_nce_twin(
    query: np.ndarray,
    key: np.ndarray,
    queue: np.ndarray,
    valid: np.ndarray,
    neighbours: np.ndarray | None = None,
) -> float:
    total = 0.0
    for row in range(len(query)):
        similar = powers(query[row], key[row], queue, valid[row])
        positives = similar[0]
        for entry in range(len(queue)):
            if neighbours is not None and neighbours[row, entry]:
                positives += similar[1 + entry]
        total -= math.log(positives / sum(similar))
    return total / len(query)


def d3m_twin(
    queries: list[np.ndarray], key: np.ndarray, queue: np.ndarray, valid: np.ndarray
) -> float:
    weak, *strong = queries
    total = 0.0
    for row in range(len(weak)):
        target = powers(weak[row], key[row], queue, valid[row])
        for query in strong:
            found = powers(query[row], key[row], queue, valid[row])
            for p, q in zip(target, found, strict=True):
                if p:
                    total -= p / sum(target) * math.log(q / sum(found))
    return total / len(weak) / len(strong)


def neighbours_twin(
    queries: list[np.ndarray], queue: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    found = np.zeros(allowed.shape)
    for row in range(len(allowed)):
        candidates = np.flatnonzero(allowed[row])
        for query in queries:
            if len(candidates):
                found[row, max(candidates, key=lambda entry: float(queue[entry] @ query[row]))] = 1
    return found


def logits_of(
    queries: list[np.ndarray], key: np.ndarray, queue: np.ndarray, valid: np.ndarray
) -> list[tf.Tensor]:
    return [contrast_logits(query, key, queue, valid, TEMPERATURE) for query in queries]


@pytest.mark.parametrize("seed", range(4))
def test_losses_equal_their_twins(seed: int) -> None:
    queries, key, queue, valid = situation(seed)
    logits = logits_of(queries, key, queue, valid)
    mined = nearest_neighbours(logits, tf.constant(valid))
    expected = neighbours_twin(queries, queue, valid)
    np.testing.assert_array_equal(mined, expected)
    assert_close(info_nce(logits[0]), info_nce_twin(queries[0], key, queue, valid))
    assert_close(info_nce(logits[0], mined), info_nce_twin(queries[0], key, queue, valid, expected))
    assert_close(d3m(logits[0], logits[1:]), d3m_twin(queries, key, queue, valid))


def test_the_gradient_is_that_of_the_softmax_over_what_counts() -> None:
    """d InfoNCE / d logits = (p - 1 at the key) / B, and nothing for entries left out."""
    queries, key, queue, valid = situation()
    logits = logits_of(queries, key, queue, valid)[0]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = info_nce(logits)
    expected = tf.nn.softmax(logits).numpy()
    np.testing.assert_array_equal(expected[:, 1:][~valid], 0.0)
    expected[:, 0] -= 1.0
    assert_close(tape.gradient(loss, logits), expected / len(expected))


def test_uniform_similarities() -> None:
    """Alike to everything: log N, or log(N / P) with P positives; D3M is the entropy, log N."""
    same = np.tile(unit(1, 4), (6, 1))
    valid = np.ones((6, 7), bool)
    logits = contrast_logits(same, same, same[:1].repeat(7, axis=0), valid, 0.07)
    assert_close(info_nce(logits), math.log(8))
    assert_close(d3m(logits, [logits, logits]), math.log(8))
    mined = np.zeros((6, 7), np.float32)
    mined[:, 2:4] = 1
    assert_close(info_nce(logits, tf.constant(mined)), math.log(8 / 3))


def test_no_neighbours_is_plain_info_nce() -> None:
    queries, key, queue, valid = situation()
    logits = logits_of(queries, key, queue, valid)
    none = nearest_neighbours(logits, tf.zeros_like(valid))
    np.testing.assert_array_equal(none, 0.0)
    assert float(info_nce(logits[0], none)) == pytest.approx(float(info_nce(logits[0])), abs=1e-6)


def test_three_queries_that_agree_have_one_neighbour() -> None:
    queries, key, queue, _ = situation()
    allowed = np.ones((5, 9), bool)
    logits = logits_of(queries[:1] * 3, key, queue, allowed)
    np.testing.assert_array_equal(tf.reduce_sum(nearest_neighbours(logits, allowed), axis=1), 1.0)


def test_nothing_but_the_key_to_compare_with_costs_nothing() -> None:
    queries, key, queue, valid = situation()
    logits = logits_of(queries, key, queue, np.zeros_like(valid))
    assert_close(info_nce(logits[0]), 0.0)
    assert_close(d3m(logits[0], logits[1:]), 0.0)


def test_d3m_has_no_gradient_through_its_target_and_is_least_where_both_agree() -> None:
    queries, key, queue, valid = situation()
    weak, strong, _ = logits_of(queries, key, queue, valid)
    with tf.GradientTape() as tape:
        tape.watch([weak, strong])
        loss = d3m(weak, [strong])
    through_weak, through_strong = tape.gradient(loss, [weak, strong])
    assert through_weak is None
    assert_close(through_strong, (tf.nn.softmax(strong) - tf.nn.softmax(weak)) / 5)
    assert d3m(weak, [weak]) < loss


def test_low_temperatures_and_half_precision_stay_finite() -> None:
    queries, key, queue, valid = situation()
    halves = [tf.cast(query, tf.float16) for query in queries]
    logits = [contrast_logits(query, key, queue, valid, 0.001) for query in halves]
    for loss in (info_nce(logits[0]), d3m(logits[0], logits[1:])):
        assert loss.dtype == tf.float32
        assert np.isfinite(loss)
