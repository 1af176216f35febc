"""Streamed solvers against scikit-learn's, finite differences, and their own blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.svm import LinearSVC

from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes import (
    KNNProbe,
    LinearProbe,
    SGDLinearProbe,
    SVMProbe,
    linear,
    neighbours,
    scaling,
    sgd,
    streamed,
    svm,
)
from ms2l_tf.evaluation.probes.neighbours import CosineNeighbours, block_rows
from ms2l_tf.evaluation.probes.streamed import (
    Loss,
    StreamedLogistic,
    StreamedSVM,
    hinge_loss,
    mean_loss,
    softmax_loss,
)
from ms2l_tf.evaluation.rows import LazyRows

Problem = tuple[FloatArray, IntArray, FloatArray, IntArray]


def problem(classes: int, dims: int, clips: int = 1500, seed: int = 0) -> Problem:
    """Classes that overlap along a few hidden directions of very unequal size."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 12))
    view = rng.normal(size=(12, dims)) * np.exp(-np.arange(12) / 3)[:, None]
    labels = rng.integers(classes, size=2 * clips)
    hidden = 0.8 * centres[labels] + rng.normal(size=(2 * clips, 12))
    features = (hidden @ view + 0.05 * rng.normal(size=(2 * clips, dims))).astype(np.float32)
    return features[:clips], labels[:clips], features[clips:], labels[clips:]


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of more than 500 clips is streamed, in blocks of 128."""
    for module in (linear, scaling, sgd, svm):
        monkeypatch.setattr(module, "EXACT_CLIPS", 500)
    monkeypatch.setattr(streamed, "BLOCK_ROWS", 128)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize(("dims", "max_dims"), [(20, 1024), (60, 40)], ids=["all", "pca"])
@pytest.mark.parametrize("c", [0.01, 1.0])
def test_the_streamed_linear_probe_agrees_with_the_exact_one(
    classes: int, dims: int, max_dims: int, c: float, request: pytest.FixtureRequest
) -> None:
    """At least 99 % of the predictions and half a point of accuracy; it is noted."""
    train, labels, test, truth = problem(classes, dims)
    exact = LinearProbe(c=(c,), max_dims=max_dims).fit(train, labels)
    request.getfixturevalue("streaming")
    probe = LinearProbe(c=(c,), max_dims=max_dims).fit(train, labels)
    ours, theirs = probe.predict(test), exact.predict(test)
    assert (ours == theirs).mean() >= 0.99
    assert abs((ours == truth).mean() - (theirs == truth).mean()) <= 0.005
    gap = np.abs(np.exp(probe.log_probabilities(test)) - np.exp(exact.log_probabilities(test)))
    assert gap.max() < 0.1
    assert "streamed solver" in probe.details()["note"]
    assert probe.details()["converged"]
    assert "note" not in exact.details()


@pytest.mark.usefixtures("streaming")
def test_c_is_chosen_the_same_way_when_streamed() -> None:
    train, labels, *_ = problem(4, 20)
    details = LinearProbe(c=(1e-6, 1.0)).fit(train, labels, np.arange(1500) % 5).details()
    assert details["c"] == 1.0
    assert (details["folds"], details["grouped"]) == (3, True)


@pytest.mark.parametrize("classes", [2, 6])
def test_the_streamed_svm_agrees_with_liblinear(classes: int) -> None:
    train, labels, test, _ = problem(classes, 20)
    train, test = train / train.std(axis=0), test / train.std(axis=0)
    ours = StreamedSVM(10.0).fit(train, labels).predict(test)
    theirs = LinearSVC(C=10.0, dual=False).fit(train, labels).predict(test)
    assert (ours == theirs).mean() >= 0.99


@pytest.mark.parametrize("loss", [softmax_loss, hinge_loss])
def test_gradients_are_those_of_the_loss(loss: Loss) -> None:
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(40, 5)), rng.integers(3, size=40)
    weights = rng.normal(size=(6, 3))
    _, slope = mean_loss(loss, weights, features, targets)
    for place in np.ndindex(6, 3):
        step = np.zeros_like(weights)
        step[place] = 1e-5
        ahead, behind = (
            mean_loss(loss, weights + sign * step, features, targets)[0] for sign in (1, -1)
        )
        assert_allclose((ahead - behind) / 2e-5, slope[place], rtol=1e-4, atol=1e-6)


def test_blocks_do_not_matter_and_bound_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    train, labels, *_ = problem(5, 10)
    whole = StreamedLogistic(1.0).fit(train, labels)
    rows: list[int] = []

    def spy(scores: FloatArray, targets: Any) -> float:
        rows.append(len(scores))
        return softmax_loss(scores, targets)

    monkeypatch.setattr(StreamedLogistic, "loss", lambda _, *given: spy(*given))
    monkeypatch.setattr(streamed, "BLOCK_ROWS", 64)
    parts = StreamedLogistic(1.0).fit(train, labels)
    assert max(rows) == 64
    assert_allclose(parts.weights_, whole.weights_, atol=0.05 * np.abs(whole.weights_).max())


@pytest.mark.parametrize("zeros", [False, True])
def test_cosine_neighbours_are_those_of_the_exact_search(
    zeros: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, labels, test, _ = problem(6, 15)
    if zeros:
        train, test = train.copy(), test.copy()
        train[::50], test[::50] = 0.0, 0.0
    search = KNNProbe(k=(1, 5, 20), weights="distance").fit(train, labels).search_
    wanted, _ = search.kneighbors(test)
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", 1500 * 7)
    assert block_rows(1500) == 7
    distances, nearest = CosineNeighbours(20).fit(train).kneighbors(test)
    assert_allclose(distances, wanted, atol=1e-5)
    assert nearest.shape == (1500, 20)


@pytest.mark.parametrize("references", [1, 5_001, 65_536, 1 << 30])
def test_similarities_of_a_block_stay_within_their_bound(references: int) -> None:
    assert block_rows(references) * references <= max(1 << 24, references)
    assert block_rows(references) >= 1


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize(
    "probe",
    [
        KNNProbe(k=(1,)),
        LinearProbe(max_dims=10),
        SGDLinearProbe(epochs=3, max_dims=10),
        SVMProbe(exact_limit=500, nystroem_components=50),
    ],
    ids=["knn", "linear", "sgd", "svm"],
)
def test_lazy_rows_give_what_the_array_gives(probe: Any) -> None:
    train, labels, test, _ = problem(4, 20)
    lazy = LazyRows(lambda places: train[places], *train.shape)
    wanted = probe.fit(train, labels).predict(test)
    found = probe.fit(lazy, labels).predict(test)
    assert str(wanted) == str(found)


@pytest.mark.usefixtures("streaming")
def test_streamed_moments_are_those_of_the_whole_far_from_zero() -> None:
    train, *_ = problem(4, 20)
    far = train + 1000.0
    mean, deviation, _ = scaling.streamed_moments(far)
    assert_allclose(mean, far.mean(axis=0, dtype=np.float64), rtol=1e-6)
    assert_allclose(deviation, far.std(axis=0, dtype=np.float64), rtol=1e-6)
