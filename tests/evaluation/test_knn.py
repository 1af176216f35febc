"""kNN against a slow twin, and its rule for ties by hand."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes import KNNProbe

Metric = Literal["cosine", "euclidean"]
Weights = Literal["uniform", "distance"]


def slow_knn(
    train: FloatArray, labels: IntArray, test: FloatArray, k: int, metric: str, weights: str
) -> list[int]:
    """One test clip at a time: sort all training clips, count votes, break ties by nearness."""
    out = []
    for query in test:
        if metric == "cosine":
            norms = np.linalg.norm(train, axis=1) * np.linalg.norm(query)
            distances = 1 - train @ query / norms
        else:
            distances = np.sqrt(((train - query) ** 2).sum(axis=1))
        nearest = np.argsort(distances)[:k]
        votes: dict[int, float] = {}
        for index in nearest:
            vote = 1 if weights == "uniform" else 1 / distances[index]
            votes[labels[index]] = votes.get(labels[index], 0) + vote
        best = max(votes.values())
        out.append(next(labels[i] for i in nearest if np.isclose(votes[labels[i]], best)))
    return out


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_equals_the_slow_twin(metric: Metric, weights: Weights) -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(60, 5)), rng.normal(size=(40, 5))
    labels = rng.integers(4, size=60) * 3 + 1  # gaps between labels must not matter
    probe = KNNProbe(k=(1, 2, 5, 20, 60), metric=metric, weights=weights).fit(train, labels)
    predicted = probe.predict(test)
    assert list(predicted) == [1, 2, 5, 20, 60]
    for k, values in predicted.items():
        assert_array_equal(values, slow_knn(train, labels, test, k, metric, weights))


def test_ties_go_to_the_class_of_the_nearest_clip() -> None:
    """On a line, from the query at 0: class 2 at 1, class 0 at 2, class 0 at 3, class 2 at 4."""
    train = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    labels = np.array([2, 0, 0, 2, 1])
    probe = KNNProbe(k=(1, 2, 3, 4, 5), metric="euclidean").fit(train, labels)
    predicted = probe.predict(np.array([[0.0]]))
    assert {k: int(values[0]) for k, values in predicted.items()} == {
        1: 2,  # the nearest
        2: 2,  # one vote each: the nearest decides
        3: 0,  # two votes against one
        4: 2,  # two each
        5: 2,  # two each, the single vote for class 1 does not matter
    }


def test_a_tie_ignores_nearer_clips_of_losing_classes() -> None:
    """The nearest clip is of class 3, but classes 0 and 1 lead with two votes each; 1 is nearer."""
    train = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    labels = np.array([3, 1, 0, 0, 1])
    predicted = KNNProbe(k=(5,), metric="euclidean").fit(train, labels).predict(np.zeros((1, 1)))
    assert predicted[5][0] == 1


def test_two_neighbours_never_differ_from_one() -> None:
    rng = np.random.default_rng(1)
    train, labels = rng.normal(size=(50, 3)), rng.integers(5, size=50)
    predicted = KNNProbe(k=(1, 2)).fit(train, labels).predict(rng.normal(size=(30, 3)))
    assert_array_equal(predicted[1], predicted[2])


def test_distance_weights_can_outvote_the_majority() -> None:
    train, labels = np.array([[0.1], [2.0], [-2.0]]), np.array([0, 1, 1])
    query = np.zeros((1, 1))
    choices: tuple[Weights, ...] = ("uniform", "distance")
    by_weight = {
        weights: KNNProbe(k=(3,), metric="euclidean", weights=weights)
        .fit(train, labels)
        .predict(query)[3][0]
        for weights in choices
    }
    assert by_weight == {"uniform": 1, "distance": 0}


def test_a_copy_of_a_training_clip_is_its_own_neighbour() -> None:
    rng = np.random.default_rng(2)
    train, labels = rng.normal(size=(30, 4)).astype(np.float32), np.arange(30) % 7
    choices: tuple[Weights, ...] = ("uniform", "distance")
    for weights in choices:
        predicted = KNNProbe(k=(1,), weights=weights).fit(train, labels).predict(train)
        assert_array_equal(predicted[1], labels)


def test_zero_features_are_not_nan() -> None:
    train, labels = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 2])
    probe = KNNProbe(k=(1,)).fit(train, labels)
    assert_array_equal(probe.predict(np.array([[2.0, 0.1]]))[1], [1])
    assert probe.predict(np.zeros((1, 2)))[1].shape == (1,)


def test_more_neighbours_than_training_clips() -> None:
    with pytest.raises(InputError, match="--k: 20 neighbours asked for, but only 12"):
        KNNProbe(k=(1, 20)).fit(np.eye(12), np.arange(12))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": ()}, "--k"),
        ({"k": (0,)}, "--k"),
        ({"metric": "manhattan"}, "manhattan"),
        ({"weights": "rank"}, "rank"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        KNNProbe(**arguments)


def test_other_dimension_is_refused() -> None:
    probe = KNNProbe(k=(1,)).fit(np.eye(4), np.arange(4))
    with pytest.raises(InputError, match="3 dimensions, but the probe was fitted on 4"):
        probe.predict(np.ones((2, 3)))
