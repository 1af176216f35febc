"""Label spreading: against its closed form, balanced classes, what it is blind to, how it fares."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.few_labels import only_labelled, unit_features
from ms2l_tf.evaluation.probes import SpreadingProbe
from ms2l_tf.evaluation.probes.spreading import balanced, class_shares, neighbour_graph, spread

CLASSES = 3


def clusters(clips: int, seed: int = 0, noise: float = 0.6) -> tuple[FloatArray, IntArray]:
    """Unit features around one centre a class, the same for every seed, with the classes."""
    centres = np.random.default_rng(7).normal(size=(CLASSES, 8))
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % CLASSES
    features = centres[labels] + noise * rng.normal(size=(clips, 8))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features.astype(np.float32), labels


def graph_by_hand(features: FloatArray, k: int) -> FloatArray:
    """Ties [N, N], clip by clip."""
    ties = np.zeros((len(features),) * 2)
    for clip, feature in enumerate(features):
        cosines = features @ feature / np.linalg.norm(features, axis=1) / np.linalg.norm(feature)
        cosines[clip] = -np.inf
        for neighbour in np.argsort(-cosines)[:k]:
            tie = max(float(cosines[neighbour]), 0.0) ** 3
            ties[clip, neighbour] = max(ties[clip, neighbour], tie)
            ties[neighbour, clip] = max(ties[neighbour, clip], tie)
    return ties


def spread_by_hand(ties: FloatArray, labels: IntArray, alpha: float) -> FloatArray:
    """The closed form, (I - alpha D^-1/2 W D^-1/2)^-1 Y, by rows."""
    roots = np.sqrt(ties.sum(axis=1))
    known = np.eye(CLASSES)[np.maximum(labels, 0)] * (labels >= 0)[:, None]
    scores = np.linalg.solve(np.eye(len(ties)) - alpha * ties / np.outer(roots, roots), known)
    shares: FloatArray = scores / scores.sum(axis=1, keepdims=True)
    return shares


@pytest.mark.parametrize("k", [1, 4, 20])
def test_the_graph_is_that_of_a_loop(k: int) -> None:
    features, _ = clusters(30)
    graph = neighbour_graph(features, k)
    assert_allclose(graph.toarray(), graph_by_hand(features, k), atol=1e-6)
    assert (graph != graph.T).nnz == 0
    assert not graph.diagonal().any()


def test_copies_are_tied_to_each_other_and_not_to_themselves() -> None:
    features = np.repeat(clusters(6)[0], 2, axis=0)
    ties = neighbour_graph(features, 1).toarray()
    assert_allclose(ties, np.kron(np.eye(6), [[0, 1], [1, 0]]), atol=1e-5)


@pytest.mark.parametrize("alpha", [0.3, 0.7, 0.95])
def test_labels_spread_as_the_closed_form_says(alpha: float) -> None:
    features, truth = clusters(40)
    labels = only_labelled(truth, np.arange(5))
    graph = neighbour_graph(features, 6)
    expected = spread_by_hand(graph.toarray(), labels, alpha)
    assert_allclose(spread(graph, labels, alpha), expected, atol=1e-4)


def test_shares_follow_laplace() -> None:
    assert_allclose(class_shares(np.array([4, 4, 4, 1, -1, -1])), [2 / 6, 4 / 6])


def test_balanced_rows_and_columns() -> None:
    scores = np.random.default_rng(0).uniform(size=(50, 3))
    shares = np.array([0.5, 0.3, 0.2])
    found = balanced(scores, shares)
    assert_allclose(found.sum(axis=1), 1.0)
    assert_allclose(found.mean(axis=0), shares, atol=1e-5)
    odds = found / scores  # rank one: rows times columns
    assert_allclose(odds[:, :1] * odds[:1], odds * odds[0, 0], rtol=1e-6)


def test_more_is_right_than_by_the_labelled_clips_alone() -> None:
    features, truth = clusters(300, noise=1.0)
    test, wanted = clusters(300, seed=1, noise=1.0)
    probe = SpreadingProbe().fit(features, only_labelled(truth, np.arange(CLASSES)))
    right = (probe.predict(test) == wanted).mean()
    nearest = (truth[:CLASSES][(test @ features[:CLASSES].T).argmax(axis=1)] == wanted).mean()
    assert right > nearest + 0.05


def test_with_every_label_it_is_a_ridge_regression() -> None:
    features, truth = clusters(60, noise=0.2)
    assert_array_equal(SpreadingProbe().fit(features, truth).predict(features), truth)


def test_the_labels_of_other_clips_are_not_read() -> None:
    truth = clusters(60)[1]
    rows = np.arange(4)
    assert_array_equal(np.flatnonzero(only_labelled(truth, rows) >= 0), rows)
    assert_array_equal(only_labelled(truth, rows)[rows], truth[rows])


def test_a_part_that_no_label_reaches_is_left_out() -> None:
    features = np.zeros((20, 4), np.float32)
    features[:10, :2] = np.random.default_rng(0).uniform(0.1, 1, size=(10, 2))
    features[10:, 2:] = np.random.default_rng(1).uniform(0.1, 1, size=(10, 2))
    labels = np.full(20, -1)
    labels[:2] = 0, 1
    probe = SpreadingProbe(k=3).fit(features, labels)
    assert probe.details()["unreached"] == 10


def test_beyond_so_many_clips_the_labelled_and_some_others_are_read() -> None:
    features, truth = clusters(90, noise=0.2)
    rows = np.array([0, 1, 2, 88, 89])
    probe = SpreadingProbe(clips=30, k=5).fit(features, only_labelled(truth, rows))
    assert probe.details()["note"] == "60 unlabelled clips left out"
    assert_array_equal(probe.predict(features[rows]), truth[rows])
    assert "note" not in SpreadingProbe(k=5).fit(features, only_labelled(truth, rows)).details()


def test_classes_that_were_not_drawn_are_not_predicted() -> None:
    features, truth = clusters(60)
    labels = only_labelled(truth, np.flatnonzero(truth != 1)[:6])
    assert set(SpreadingProbe().fit(features, labels).predict(features)) <= {0, 2}


def test_one_class_is_refused() -> None:
    features, truth = clusters(12)
    with pytest.raises(InputError, match="at least two classes"):
        SpreadingProbe().fit(features, only_labelled(truth, np.array([0])))


def test_unit_features_are_centred_by_the_training_clips() -> None:
    rng = np.random.default_rng(0)
    sides = tuple(5 + rng.normal(size=(n, 4)).astype(np.float32) for n in (30, 7))
    train, test = unit_features((sides[0], sides[1]))
    centred = sides[1] - sides[0].mean(axis=0)
    assert_allclose(test, centred / np.linalg.norm(centred, axis=1, keepdims=True), rtol=1e-4)
    assert_allclose(np.linalg.norm(train, axis=1), 1.0, rtol=1e-5)


def test_many_dimensions_are_rotated_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(0)
    train, test = (rng.normal(size=(n, 1500)).astype(np.float32) for n in (40, 5))
    found = unit_features((train, test))
    assert found[0].shape == (40, 40)
    centred = train - train.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert_allclose(found[0] @ found[0].T, centred @ centred.T, atol=1e-4)
