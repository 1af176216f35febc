"""The ridge probe: against scikit-learn, against leaving clips out by hand, streamed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import RidgeClassifierCV

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation import rows
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes import RidgeProbe, ridge, scaling
from ms2l_tf.evaluation.probes.leave_one_out import Doubles, DualRidge, PrimalRidge, Ridge
from ms2l_tf.evaluation.probes.ridge import ALPHAS
from ms2l_tf.evaluation.rows import LazyRows

# Fewer clips than dimensions, as many, more; two classes and several.
SIZES = [(30, 80, 3), (24, 24, 4), (25, 24, 2), (60, 7, 5), (40, 90, 2)]


def problem(clips: int, dims: int, classes: int, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Overlapping classes along directions of unequal size, far from zero."""
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % classes
    features = 0.7 * rng.normal(size=(classes, dims))[labels] + rng.normal(size=(clips, dims))
    return (5 + features * np.exp(-np.arange(dims) / 20)).astype(np.float32), labels


def standardised(features: FloatArray) -> Doubles:
    features = features.astype(np.float64)
    scaled: Doubles = (features - features.mean(axis=0)) / features.std(axis=0)
    return scaled


def left_out_by_hand(inputs: Doubles, wanted: Doubles, alpha: float) -> Doubles:
    """Errors [N, K] of each clip by a regression on all others, solved anew."""
    errors = np.empty(wanted.shape)
    for clip in range(len(inputs)):
        rest = np.arange(len(inputs)) != clip
        centre, mean = inputs[rest].mean(axis=0), wanted[rest].mean(axis=0)
        x, y = inputs[rest] - centre, wanted[rest] - mean
        weights = np.linalg.solve(x.T @ x + alpha * np.eye(x.shape[1]), x.T @ y)
        errors[clip] = wanted[clip] - mean - (inputs[clip] - centre) @ weights
    return errors


def regressions(inputs: Doubles, labels: IntArray) -> dict[str, Ridge]:
    classes = int(labels.max()) + 1
    parts = (inputs[:11], inputs[11:12], inputs[12:])
    return {
        "dual": DualRidge(inputs.copy(), labels, classes),
        "primal": PrimalRidge(lambda: (inputs,), labels, classes),
        "by blocks": PrimalRidge(lambda: parts, labels, classes),
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shift", [0.0, 0.5], ids=["centred", "off centre"])
def test_errors_are_those_of_leaving_each_clip_out(
    size: tuple[int, int, int], shift: float
) -> None:
    features, labels = problem(*size)
    inputs = standardised(features) + shift
    alphas, judged = (0.1, 10.0, 1000.0), np.arange(len(labels)) % 3 > 0
    by_hand = [left_out_by_hand(inputs, np.eye(size[2])[labels], a) for a in alphas]
    for name, regression in regressions(inputs, labels).items():
        for clips in (judged, np.ones_like(judged)):
            wanted = [np.square(errors[clips]).mean() for errors in by_hand]
            assert_allclose(regression.errors(alphas, clips), wanted, rtol=1e-7, err_msg=name)


@pytest.mark.parametrize("size", SIZES)
def test_weights_solve_the_regression(size: tuple[int, int, int]) -> None:
    features, labels = problem(*size)
    inputs, wanted = standardised(features) + 0.5, np.eye(size[2])[labels]
    centre, mean = inputs.mean(axis=0), wanted.mean(axis=0)
    x = inputs - centre
    weights = np.linalg.solve(x.T @ x + 3.0 * np.eye(size[1]), x.T @ (wanted - mean))
    for name, regression in regressions(inputs, labels).items():
        found, bias = regression.weights(3.0)
        assert_allclose(found, weights, rtol=1e-7, atol=1e-9, err_msg=name)
        assert_allclose(bias, mean - centre @ weights, rtol=1e-7, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_the_probe_is_scikit_learns(size: tuple[int, int, int], seed: int) -> None:
    """The same penalty, errors and predictions as `RidgeClassifierCV`, whose targets are ±1."""
    features, labels = problem(*size, seed=seed)
    test, _ = problem(200, size[1], size[2], seed=seed)
    probe = RidgeProbe().fit(features, 2 * labels + 1)  # gaps between labels must not matter
    theirs = RidgeClassifierCV(ALPHAS, store_cv_results=True)
    theirs.fit(probe.scaling_.transform(features), labels)
    details = probe.details()
    assert details["alpha"] == theirs.alpha_
    errors = theirs.cv_results_.reshape(len(labels), -1, len(ALPHAS)).mean(axis=(0, 1)) / 4
    assert_allclose(list(details["leave_one_out"].values()), errors, rtol=1e-6)
    predicted = theirs.predict(probe.scaling_.transform(test))
    assert_array_equal(probe.predict(test), 2 * predicted + 1)
    assert (details["standardised"], details["pca_components"]) == (True, None)
    assert "note" not in details


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of more than 100 clips is streamed, in blocks of 64."""
    for module in (ridge, scaling, rows):
        monkeypatch.setattr(module, "EXACT_CLIPS", 100)
    monkeypatch.setattr(rows, "BLOCK_ROWS", 64)


@pytest.mark.parametrize("dims", [7, 150, 250])
def test_streamed_is_exact_and_reads_blocks_alone(
    dims: int, request: pytest.FixtureRequest
) -> None:
    features, labels = problem(200, dims, 4)
    test, _ = problem(300, dims, 4, seed=1)
    exact = RidgeProbe().fit(features, labels)
    request.getfixturevalue("streaming")
    sizes: list[int] = []

    def read(places: IntArray) -> FloatArray:
        sizes.append(len(places))
        return features[places]

    probe = RidgeProbe().fit(LazyRows(read, *features.shape, keep=False), labels)
    assert max(sizes) <= 64
    ours, theirs = probe.details(), exact.details()
    assert ours["alpha"] == theirs["alpha"]
    found, wanted = (list(details["leave_one_out"].values()) for details in (ours, theirs))
    assert_allclose(found, wanted, rtol=1e-3)
    assert (probe.predict(test) == exact.predict(test)).mean() > 0.99
    assert ours["note"] == "normal equations summed by blocks of clips"


@pytest.mark.usefixtures("streaming")
def test_many_dimensions_are_reduced_beyond_the_limit_and_it_is_said() -> None:
    features, labels = problem(200, 60, 4)
    details = RidgeProbe(max_dims=20).fit(features, labels).details()
    assert details["pca_components"] == 20
    assert details["note"].endswith("by blocks of clips, in 20 principal components")
    at_limit = RidgeProbe(max_dims=20).fit(features[:100], labels[:100]).details()
    assert at_limit["pca_components"] is None


def test_one_clip_a_class_gets_the_middle_penalty() -> None:
    """Left out, each could only be missed: the errors speak for no learning at all."""
    features, labels = problem(6, 40, 6)
    probe = RidgeProbe().fit(features, labels)
    assert_array_equal(probe.predict(features), labels)
    assert probe.details()["alpha"] == ALPHAS[len(ALPHAS) // 2] == 100.0
    assert probe.details()["leave_one_out"] is None


def test_clips_alone_in_their_class_have_no_say() -> None:
    features, labels = problem(60, 10, 4)
    labels = np.where(np.arange(60) < 20, np.arange(60) + 4, labels)
    probe = RidgeProbe().fit(features, labels)
    targets = np.unique(labels, return_inverse=True)[1]
    inputs = probe.scaling_.transform(features)
    errors = left_out_by_hand(inputs, np.eye(targets.max() + 1)[targets], 100.0)
    assert probe.details()["leave_one_out"]["100"] == pytest.approx(np.square(errors[20:]).mean())


def test_two_clips_a_class_are_enough_to_choose() -> None:
    features, labels = problem(8, 30, 4)
    details = RidgeProbe().fit(features, labels).details()
    assert set(details["leave_one_out"]) >= {"0.01", "100", "1e+06"}
    assert np.isfinite(list(details["leave_one_out"].values())).all()


def test_groups_change_nothing() -> None:
    features, labels = problem(40, 9, 3)
    plain, grouped = (RidgeProbe().fit(features, labels, g) for g in (None, np.arange(40) // 4))
    assert plain.details() == grouped.details()


@pytest.mark.parametrize("alphas", [(), (0.0, 1.0), (-1.0,)])
def test_bad_penalties(alphas: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="probe: alphas must be positive numbers"):
        RidgeProbe(alphas=alphas)
