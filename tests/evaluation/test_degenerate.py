"""Features that native libraries choke on: the process lives, and the user is told."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures, FloatArray, check_features, nearly_constant
from ms2l_tf.evaluation.collapse import warn_if_constant
from ms2l_tf.evaluation.few_labels import CLASSIFIERS, unit_features
from ms2l_tf.evaluation.figures import embedding_figure
from ms2l_tf.evaluation.figures.embedding import project
from ms2l_tf.evaluation.probes import (
    PROBE_NAMES,
    knn,
    linear,
    make_probes,
    ridge,
    scaling,
    svm,
)
from ms2l_tf.evaluation.report import evaluate_features
from tests.helpers import random_poses

Make = Callable[[int, int], FloatArray]


def same(clips: int, dims: int) -> FloatArray:
    return np.tile(random_poses(dims, seed=1), (clips, 1))


# All rows the same, or as good as the same.
CONSTANT: dict[str, Make] = {
    "zeros": lambda clips, dims: np.zeros((clips, dims), np.float32),
    "equal": same,
    "rounding": lambda clips, dims: (
        same(clips, dims) + np.float32(3e-8) * random_poses(clips, dims)
    ),
    "float64": lambda clips, dims: (
        same(clips, dims) + 1e-14 * np.float64(random_poses(clips, dims))
    ),
    "vanishing": lambda clips, dims: np.float32(1e-30) * random_poses(clips, dims),
    "denormal": lambda clips, dims: np.float32(1e-42) * random_poses(clips, dims),
}
# Not constant, but unusual enough.
ODD: dict[str, Make] = {
    "two points": lambda clips, dims: (
        np.where(np.arange(clips)[:, None] % 2, 1, -1) * same(1, dims)
    ),
    "one apart": lambda clips, dims: same(clips, dims) + (np.arange(clips) == 0)[:, None],
    "a line": lambda clips, dims: random_poses(clips, 1) * same(1, dims) + 1,
    "large": lambda clips, dims: np.float32(1e12) * random_poses(clips, dims),
    "small": lambda clips, dims: np.float32(1e-12) * random_poses(clips, dims),
}
SIZES = [(5, 2), (5, 60), (24, 3), (24, 60), (24, 1100)]


@pytest.mark.parametrize(("clips", "dims"), SIZES)
@pytest.mark.parametrize("kind", CONSTANT)
@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_constant_features_have_no_map(
    method: Any, kind: str, clips: int, dims: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "umap", types.ModuleType("umap"))  # must not be asked
    features = CONSTANT[kind](clips, dims)
    with pytest.raises(InputError, match=r"\(nearly\) constant, there is nothing to map"):
        project(features, method, 0)
    labels, path = np.zeros(clips, int), tmp_path / "e.png"
    with pytest.raises(InputError, match="nothing to map"):
        embedding_figure(path, features, labels, ["a"], method=method)
    assert not path.exists()


def test_clips_that_differ_in_length_alone_have_no_map() -> None:
    features = same(24, 8) * np.linspace(1, 2, 24, dtype=np.float32)[:, None]
    with pytest.raises(InputError, match="nothing to map"):
        project(features, "tsne", 0)
    with pytest.raises(InputError, match="one dimension"):
        project(random_poses(24, 1), "tsne", 0)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("dims", [2, 60])
def test_odd_features_have_a_finite_map(kind: str, dims: int) -> None:
    points, _ = project(ODD[kind](24, dims), "tsne", 0)
    assert np.isfinite(points).all()


def test_a_map_that_is_not_finite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mapper:
        def __init__(self, **_: Any) -> None: ...

        def fit_transform(self, features: FloatArray) -> FloatArray:
            return np.full((len(features), 2), np.nan)

    umap = types.ModuleType("umap")
    umap.UMAP = Mapper  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", umap)
    with pytest.raises(InputError, match="UMAP gave no finite map"):
        project(random_poses(24, 8), "umap", 0)


@pytest.mark.parametrize("kind", [*CONSTANT, *ODD])
@pytest.mark.parametrize("dims", [1, 60, 1100])
@pytest.mark.parametrize("name", [name for name in PROBE_NAMES if name != "linear_published"])
def test_every_probe_gives_finite_numbers_without_a_warning(
    name: str, dims: int, kind: str
) -> None:
    features = {**CONSTANT, **ODD}[kind](48, dims)
    labels = np.arange(24) % 3 // 2
    train, test = ClipFeatures(features[:24], labels), ClipFeatures(features[24:], labels)
    probes = make_probes([name], k=(1, 3), linear_c=(0.1, 1.0), svm_c=(1.0, 10.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = evaluate_features(train, test, ["a", "b"], probes=probes)
    assert all(0 <= value <= 100 for value in result.metrics.values())


@pytest.fixture(params=["exact", "streamed"])
def _solvers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of few clips, and those of very many."""
    if request.param == "streamed":
        for module in (knn, linear, ridge, scaling, svm):
            monkeypatch.setattr(module, "EXACT_CLIPS", 10)


@pytest.mark.usefixtures("_solvers")
@pytest.mark.parametrize("name", ["knn", "linear", "ridge", "svm"])
def test_rounding_tells_no_classes_apart(name: str) -> None:
    """A matrix product rounds differently in different rows of a batch, so by a clip's place."""
    labels = np.arange(24) % 3 // 2
    noise = np.float32(1e-7) * (2 * labels - 1)[:, None]
    clips = ClipFeatures(same(24, 8) * (1 + noise), labels)
    assert not (clips.features == clips.features[0]).all()
    result = evaluate_features(clips, clips, ["a", "b"], probes=make_probes([name], k=(1,)))
    assert max(result.metrics.values()) < 70, "16 of 24 clips are of class a"


@pytest.mark.parametrize("kind", [*CONSTANT, *ODD])
@pytest.mark.parametrize(("clips", "dims"), [(2, 1), (5, 60), (24, 3), (24, 1100)])
def test_classifiers_of_few_labels_tell_classes_of_any_features(
    kind: str, clips: int, dims: int
) -> None:
    features = {**CONSTANT, **ODD}[kind](2 * clips, dims)
    labels = np.full(clips, -1)
    labels[:2] = 0, 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        train, test = unit_features((features[:clips], features[clips:]))
        found = [classify(train, labels, test) for classify in CLASSIFIERS.values()]
    assert all(set(classes) <= {0, 1} for classes in found)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [1e-2, 0.9])
def test_features_whose_squares_overflow_are_refused(dtype: Any, share: float) -> None:
    features = np.ones((4, 8), dtype)
    features[2] = share * np.finfo(dtype).max
    with pytest.raises(InputError, match="features: values too large to square in row 2; check"):
        check_features(features, "features")
    features[2, 0] = np.nan
    with pytest.raises(InputError, match="NaN or infinite values in row 2"):
        check_features(features, "features")


def test_usual_features_are_returned_as_they_are() -> None:
    for scale in (1e-10, 1.0, 1e10):
        features = np.float32(scale) * random_poses(20, 8)
        assert check_features(features, "features") is features
        assert not nearly_constant(features)
    assert not nearly_constant(random_poses(1, 8)), "one clip tells nothing"


@pytest.mark.parametrize("kind", CONSTANT)
@pytest.mark.parametrize(
    ("constant", "alike", "said"),
    [
        ((0, 1), (), "the encoder has collapsed; train with a smaller --learning_rate"),
        ((0, 1), (0, 1), "their clips are all alike (blank?)"),
        ((1,), (1,), "their clips are all alike (blank?)"),
        ((1,), (), "the others are not; are these clips blank, or all alike?"),
    ],
)
def test_the_user_is_told_what_is_constant_and_why(
    kind: str,
    constant: tuple[int, ...],
    alike: tuple[int, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels = np.zeros(9, int)
    clips = [
        ClipFeatures(
            CONSTANT[kind](9, 8) if side in constant else random_poses(9, 8), labels, what=what
        )
        for side, what in enumerate(("training features", "test features"))
    ]
    raw = [CONSTANT[kind](9, 20) if side in alike else random_poses(9, 20) for side in range(2)]
    warn_if_constant(clips, raw)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: features are (nearly) constant: {said}")
    assert line.endswith(f"({' and '.join(clips[side].what for side in constant)})")


def test_features_that_differ_are_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    for features in [random_poses(9, 8), *(make(9, 8) for make in ODD.values())]:
        clips = ClipFeatures(features, np.zeros(9, int))
        warn_if_constant((clips, clips))
    assert capsys.readouterr().err == ""
