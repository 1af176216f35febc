"""Linear, SGD, ridge and SVM probes: what they learn, how they choose c, what they record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes import (
    LinearProbe,
    Probe,
    RidgeProbe,
    SGDLinearProbe,
    SVMProbe,
    make_probes,
)
from ms2l_tf.evaluation.probes.scaling import LinearScaling
from ms2l_tf.evaluation.probes.selection import choose


def blobs(
    clips: int = 120, dims: int = 6, classes: int = 4, spread: float = 0.3, seed: int = 0
) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Classes around the unit vectors, and a second draw to test on."""
    rng = np.random.default_rng(seed)
    centres = np.eye(classes, dims)
    labels = np.arange(2 * clips) % classes
    features = centres[labels] + spread * rng.normal(size=(2 * clips, dims)) / np.sqrt(dims)
    features = features.astype(np.float32)
    return features[:clips], labels[:clips], features[clips:], labels[clips:]


def all_probes() -> list[Probe]:
    published = SGDLinearProbe(epochs=15, learning_rate=3.0, standardise=False)
    by_sgd = SGDLinearProbe(epochs=15)
    return [LinearProbe(), by_sgd, published, RidgeProbe(), SVMProbe(), SVMProbe(exact_limit=10)]


PROBES = ["linear", "sgd", "published", "ridge", "svm", "nystroem"]


@pytest.mark.parametrize("probe", all_probes(), ids=PROBES)
def test_separable_blobs_are_learned_and_repeatable(probe: Probe) -> None:
    train, labels, test, truth = blobs()
    labels, truth = labels * 2 + 1, truth * 2 + 1  # gaps between labels must not matter
    first = probe.fit(train, labels).predict(test)
    assert np.mean(first == truth) > 0.98
    assert_array_equal(probe.fit(train, labels).predict(test), first)


@pytest.mark.parametrize("probe", all_probes(), ids=PROBES)
def test_predict_refuses_another_dimension(probe: Probe) -> None:
    train, labels, test, _ = blobs(clips=40)
    probe.fit(train, labels)
    with pytest.raises(InputError, match="5 dimensions, but the probe was fitted on 6"):
        probe.predict(test[:, :5])


@pytest.mark.parametrize("probe", all_probes(), ids=PROBES)
def test_bad_training_data(probe: Probe) -> None:
    train, labels, _, _ = blobs(clips=40)
    with pytest.raises(InputError, match="at least two classes"):
        probe.fit(train, np.zeros_like(labels))
    with pytest.raises(InputError, match="no labelled clip"):
        probe.fit(train[:0], labels[:0])
    with pytest.raises(InputError, match="row 0 is unlabelled"):
        probe.fit(train, labels - 1)
    with pytest.raises(InputError, match="NaN"):
        probe.fit(np.full_like(train, np.nan), labels)


def test_sgd_finds_the_optimum_of_the_same_model() -> None:
    """Many small steps: nearly the predictions of logistic regression without a penalty."""
    train, labels, test, _ = blobs(spread=1.5)
    exact = LinearProbe(c=(1e4,)).fit(train, labels).predict(test)
    steps = SGDLinearProbe(epochs=150, learning_rate=0.1).fit(train, labels).predict(test)
    assert (exact == steps).mean() > 0.95


def test_the_published_sgd_reads_features_as_they_are() -> None:
    train, labels, test, truth = blobs()
    (probe,) = make_probes(["linear_published"])
    accuracy = np.mean(probe.fit(train, labels).predict(test) == truth)
    assert accuracy > 0.98
    assert probe.details() == {
        "epochs": 100, "batch_size": 128, "learning_rate": 3.0, "decay_at": [0.8],
        "momentum": 0.9, "drop_last": True, "standardised": False,
    }  # fmt: skip


def twin(
    inputs: FloatArray, labels: IntArray, order: list[IntArray], rates: list[float]
) -> FloatArray:
    """Softmax regression by momentum SGD, one clip after the other: the kernel."""
    kernel, bias = np.zeros((inputs.shape[1], 3)), np.zeros(3)
    speeds = [np.zeros_like(kernel), np.zeros(3)]
    for rows, rate in zip(order, rates, strict=True):
        slopes = [np.zeros_like(kernel), np.zeros(3)]
        for row in rows:
            odds = np.exp(inputs[row] @ kernel + bias)
            error = odds / odds.sum() - np.eye(3)[labels[row]]
            slopes[0] += np.outer(inputs[row], error) / len(rows)
            slopes[1] += error / len(rows)
        speeds = [0.9 * speed - rate * slope for speed, slope in zip(speeds, slopes, strict=True)]
        kernel, bias = kernel + speeds[0], bias + speeds[1]
    return kernel


@pytest.mark.parametrize("decay_at", [(), (0.8,)])
def test_sgd_agrees_with_a_slow_twin(decay_at: tuple[float, ...]) -> None:
    """Batches as large as the set: no order to agree on."""
    train, labels, _, _ = blobs(clips=30, classes=3, spread=1.0)
    probe = SGDLinearProbe(
        epochs=10, batch_size=30, learning_rate=0.5, decay_at=decay_at, standardise=False
    )
    probe.fit(train, labels)
    later = 0.05 if decay_at else 0.5
    wanted = twin(train, labels, [np.arange(30)] * 10, [0.5] * 8 + [later] * 2)
    assert_allclose(probe.model_.get_weights()[0], wanted, atol=1e-5)


def test_sgd_leaves_out_what_fills_no_batch() -> None:
    """Of 30 clips in batches of 20, an epoch reads one batch of them."""
    train, labels, _, _ = blobs(clips=30, classes=3)
    ways = [SGDLinearProbe(epochs=5, batch_size=20, drop_last=drop) for drop in (True, False)]
    for probe in ways:
        probe.fit(train, labels)
    assert [int(probe.model_.optimizer.iterations.numpy()) for probe in ways] == [5, 10]


def test_sgd_rejects_impossible_settings() -> None:
    with pytest.raises(InputError, match="momentum"):
        SGDLinearProbe(momentum=1.0)
    for decay_at in ((0.8, 0.6), (0.5, 0.5), (1.0,), (0.0,)):
        with pytest.raises(InputError, match="must rise between 0 and 1"):
            SGDLinearProbe(decay_at=decay_at)


def test_exact_svm_equals_sklearn_rbf() -> None:
    train, labels, test, _ = blobs(spread=1.5)
    ours = SVMProbe(c=(10.0,)).fit(train, labels)
    theirs = SVC(C=10.0, gamma="scale").fit(train, labels)
    assert_array_equal(ours.predict(test), theirs.predict(test))
    assert ours.details()["kernel"] == "exact"


def test_nystroem_is_used_above_the_limit_and_recorded() -> None:
    train, labels, test, truth = blobs(clips=60)
    probe = SVMProbe(exact_limit=59, nystroem_components=30).fit(train, labels)
    assert probe.details()["kernel"] == "nystroem"
    assert probe.details()["nystroem_components"] == 30
    assert (probe.predict(test) == truth).mean() > 0.98
    at_limit = SVMProbe(exact_limit=60).fit(train, labels)
    assert at_limit.details()["kernel"] == "exact"
    assert at_limit.details()["nystroem_components"] is None


@pytest.mark.parametrize("gamma", [0.0, -1.0, "auto"])
def test_svm_refuses_gamma(gamma: Any) -> None:
    with pytest.raises(InputError, match="gamma"):
        SVMProbe(gamma=gamma)


def test_svm_survives_constant_features() -> None:
    probe = SVMProbe().fit(np.ones((6, 3)), np.array([0, 1, 0, 1, 0, 0]))
    assert_array_equal(probe.predict(np.ones((2, 3))), [0, 0])


def test_pca_of_all_components_changes_nothing() -> None:
    """50 clips span 49 dimensions: reduced from 200, the penalised classifier is the same."""
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(50, 200)), rng.normal(size=(300, 200))
    labels = np.arange(50) % 5
    reduced = LinearProbe(max_dims=60, max_iter=10000).fit(train, labels)
    scaling = LinearScaling(max_dims=10**6).fit(train)
    direct = LogisticRegression(max_iter=10000).fit(scaling.transform(train), labels)
    agree = reduced.predict(test) == direct.predict(scaling.transform(test))
    assert reduced.details()["pca_components"] == 50
    assert agree.mean() > 0.98  # both stop within the tolerance of L-BFGS


def test_scaling_standardises_and_drops_rounding_noise() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(5.0, 2.0, size=(500, 3)).astype(np.float32)
    features[:, 1] = 1e-8 * rng.normal(size=500)
    scaled = LinearScaling().fit(features).transform(features)
    assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-5)
    assert_allclose(scaled.std(axis=0), [1.0, 0.0, 1.0], atol=1e-5)


def test_details_of_the_linear_probe() -> None:
    train, labels, _, _ = blobs()
    details = LinearProbe().fit(train, labels).details()
    assert details["c"] == 1.0
    assert details["pca_components"] is None
    assert details["converged"]
    assert "cross_validation" not in details
    assert not LinearProbe(max_iter=1).fit(train, labels).details()["converged"]


@pytest.mark.parametrize("probe_class", [LinearProbe, SVMProbe])
def test_c_is_chosen_on_training_clips_and_recorded(probe_class: type[Any]) -> None:
    """A penalty that forbids learning loses; nothing but training clips is passed in."""
    train, labels, _, _ = blobs(spread=2.5)
    probe = probe_class(c=(1e-6, 1.0), folds=4).fit(train, labels)
    details = probe.details()
    assert details["c"] == 1.0
    assert set(details["cross_validation"]) == {"1e-06", "1.0"}
    assert details["cross_validation"]["1.0"] > details["cross_validation"]["1e-06"]
    assert (details["folds"], details["grouped"]) == (4, False)


def test_choose_never_splits_a_group_and_holds_out_every_clip_once() -> None:
    labels = np.arange(60) % 3
    groups = np.arange(60) // 10
    held_out: list[int] = []

    def count_correct(fit: IntArray, held: IntArray) -> list[int]:
        assert not set(groups[fit]) & set(groups[held])
        held_out.extend(held)
        return [1, 5, 5]

    best, record = choose(
        (0.1, 1.0, 10.0), count_correct, labels=labels, groups=groups, folds=3, seed=0
    )
    assert sorted(held_out) == list(range(60))
    assert best == 1.0  # the smallest of the equally good
    assert record["grouped"]
    assert record["folds"] == 3


def test_choose_with_one_candidate_fits_nothing() -> None:
    def count_correct(fit: IntArray, held: IntArray) -> list[int]:
        pytest.fail("nothing to choose")

    best, record = choose(
        (2.0,), count_correct, labels=np.zeros(2, int), groups=None, folds=3, seed=0
    )
    assert (best, record) == (2.0, {"c": 2.0})


def test_folds_shrink_to_the_number_of_groups() -> None:
    train, labels, _, _ = blobs()
    probe = LinearProbe(c=(0.1, 1.0), folds=5).fit(train, labels, np.arange(120) % 2)
    assert (probe.details()["folds"], probe.details()["grouped"]) == (2, True)


def test_too_few_clips_to_cross_validate() -> None:
    """One clip a class leaves nothing to hold out: the middle candidate, and it is said."""
    probe = LinearProbe(c=(0.1, 1.0, 10.0)).fit(np.eye(4), np.arange(4))
    assert probe.predict(np.eye(4)).tolist() == [0, 1, 2, 3]
    assert probe.details()["c"] == 1.0
    assert probe.details()["cross_validation"] is None


@pytest.mark.parametrize("arguments", [{"c": ()}, {"c": (0.0,)}, {"c": (1.0,), "folds": 1}])
def test_bad_candidates(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="probe:"):
        LinearProbe(**arguments)


def test_probes_by_name() -> None:
    probes = make_probes(["svm", "knn", "knn"], k=(3,), svm_c=(1.0, 5.0))
    assert [probe.name for probe in probes] == ["svm", "knn"]
    assert [probe.name for probe in make_probes()] == ["knn", "linear", "ridge", "svm"]
    with pytest.raises(InputError, match="unknown probe 'tree'; choose from knn, linear"):
        make_probes(["knn", "tree"])
    with pytest.raises(InputError, match="no probe given"):
        make_probes([])
