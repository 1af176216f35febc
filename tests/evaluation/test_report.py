"""The numbers of one evaluation: keys, floors, unlabelled clips and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures, FloatArray
from ms2l_tf.evaluation.probes import KNNProbe, make_probes
from ms2l_tf.evaluation.report import evaluate_features

NAMES = ["wave", "sit", "jump"]


def clip_features(clips: int = 60, spread: float = 0.2, seed: int = 0, **more: Any) -> ClipFeatures:
    """Clips of three classes around the unit vectors of a 5-dimensional space."""
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % 3
    features = np.eye(3, 5)[labels] + spread * rng.normal(size=(clips, 5))
    return ClipFeatures(features.astype(np.float32), labels, **more)


def noise(clips: int, dims: int = 7, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(clips, dims)).astype(np.float32)


def test_every_probe_on_features_and_floors() -> None:
    done: list[str] = []
    result = evaluate_features(
        clip_features(),
        clip_features(30, seed=2),
        NAMES,
        floors={"raw": (noise(60), noise(30)), "random": (noise(60, 4), noise(30, 4))},
        progress=lambda key, seconds: done.append(key),
    )
    probes = ["linear", "knn/1", "knn/5", "knn/20", "ridge", "svm"]
    assert set(result.metrics) == {
        f"{prefix}{probe}/{measure}"
        for prefix in ("", "floor/raw/", "floor/random/")
        for probe in probes
        for measure in ("top1", "mean_per_class")
    }
    assert set(result.timing) == set(done) == set(result.details["probes"])
    assert {"linear", "knn", "floor/raw/svm"} <= set(result.timing)
    assert all(0.0 <= value <= 100.0 for value in result.metrics.values())
    assert result.metrics["linear/top1"] > 95.0 > result.metrics["floor/raw/linear/top1"]
    assert result.details["probes"]["svm"]["kernel"] == "exact"
    assert set(result.scores) == set(result.predictions)


def test_the_published_probe_has_no_raw_floor() -> None:
    floors = {"raw": (noise(60), noise(30)), "random": (noise(60, 4), noise(30, 4))}
    probes = make_probes(["linear_published"])
    train, test = clip_features(), clip_features(30, seed=2)
    result = evaluate_features(train, test, NAMES, probes=probes, floors=floors)
    keys = {key.removesuffix("/top1") for key in result.metrics if key.endswith("/top1")}
    assert keys == {"linear_published", "floor/random/linear_published"}


def test_a_floor_equal_to_the_features_scores_the_same() -> None:
    """The floors go through the very same probes."""
    train, test = clip_features(spread=1.0), clip_features(30, spread=1.0, seed=2)
    result = evaluate_features(train, test, NAMES, floors={"copy": (train.features, test.features)})
    for key, value in result.metrics.items():
        if not key.startswith("floor/"):
            assert result.metrics[f"floor/copy/{key}"] == value


def test_unlabelled_clips_are_left_out_and_counted() -> None:
    train, test = clip_features(), clip_features(30, seed=2)
    train_labels, test_labels = train.labels.copy(), test.labels.copy()
    train_labels[::4] = -1
    test_labels[:10] = -1
    result = evaluate_features(
        ClipFeatures(train.features, train_labels, groups=np.arange(60) // 20),
        ClipFeatures(test.features, test_labels),
        NAMES,
        probes=make_probes(linear_c=(0.1, 1.0)),
    )
    assert result.details["train_clips"] == 45
    assert result.details["train_unlabelled"] == 15
    assert result.details["test_clips"] == 20
    assert result.details["test_unlabelled"] == 10
    assert result.scores["linear"].clips == 20
    assert len(result.predictions["linear"]) == 30
    assert result.details["probes"]["linear"]["grouped"]

    alone = evaluate_features(
        ClipFeatures(train.features[train_labels >= 0], train_labels[train_labels >= 0]),
        ClipFeatures(test.features[10:], test_labels[10:]),
        NAMES,
        probes=[KNNProbe()],
    )
    for key, value in alone.metrics.items():
        assert result.metrics[key] == pytest.approx(value)
    assert_array_equal(alone.predictions["knn/1"], result.predictions["knn/1"][10:])


def test_clips_that_are_no_copies_are_scored_apart() -> None:
    """As if the copies were not there; among them unlabelled clips are not counted."""
    train, test = clip_features(spread=0.8), clip_features(30, spread=0.8, seed=2)
    labels, copies = np.where(np.arange(30) < 5, -1, test.labels), np.arange(30) % 4 == 0
    marked = ClipFeatures(test.features, labels, copies=copies)
    rest = ClipFeatures(test.features[~copies], labels[~copies])
    both = (train.features, test.features)
    result = evaluate_features(train, marked, NAMES, floors={"raw": both})
    alone = evaluate_features(train, rest, NAMES)
    assert result.details["test_copies"] == 6
    assert "test_copies" not in alone.details
    for probe in ("knn/1", "linear", "ridge", "svm"):
        assert result.metrics[f"{probe}/others_top1"] == alone.metrics[f"{probe}/top1"]
        assert result.metrics[f"floor/raw/{probe}/others_top1"] == alone.metrics[f"{probe}/top1"]
        assert_array_equal(result.others[probe], alone.scores[probe].confusion)


@pytest.mark.parametrize("copies", [np.zeros(30, bool), np.ones(30, bool)], ids=["none", "all"])
def test_without_copies_or_others_there_is_nothing_to_tell_apart(copies: np.ndarray) -> None:
    test = clip_features(30, seed=2)
    marked = ClipFeatures(test.features, test.labels, copies=copies)
    result = evaluate_features(clip_features(), marked, NAMES, probes=[KNNProbe()])
    assert result.details["test_copies"] == copies.sum()
    assert not [key for key in result.metrics if "others" in key]
    with pytest.raises(InputError, match="features: 30 rows but copies of"):
        ClipFeatures(test.features, test.labels, copies=copies[:29])


def test_class_missing_in_training() -> None:
    train, test = clip_features(), clip_features(30, seed=2)
    few = ClipFeatures(train.features[train.labels < 2], train.labels[train.labels < 2])
    with pytest.raises(InputError, match="no labelled clip of class 'jump', which the test set"):
        evaluate_features(few, test, NAMES)
    result = evaluate_features(few, test, NAMES, missing_classes="count")
    assert result.details["classes_missing_in_training"] == ["jump"]
    # The ten clips of the class count and are wrong.
    assert result.scores["linear"].clips == 30
    assert result.metrics["linear/top1"] <= 100 * 20 / 30 + 1e-9


def test_class_missing_in_test_is_fine() -> None:
    train, test = clip_features(), clip_features(30, seed=2)
    keep = test.labels < 2
    result = evaluate_features(
        train, ClipFeatures(test.features[keep], test.labels[keep]), NAMES, probes=[KNNProbe()]
    )
    assert result.details["classes_missing_in_training"] == []
    assert result.scores["knn/1"].confusion.shape == (3, 3)


def test_refusals() -> None:
    train, test = clip_features(), clip_features(30, seed=2)
    empty = ClipFeatures(np.zeros((0, 5), np.float32), np.zeros(0, int))
    unlabelled = ClipFeatures(test.features, np.full(30, -1))
    other = ClipFeatures(noise(30, 4), test.labels)
    for bad_train, bad_test, message in (
        (train, empty, "test set is empty"),
        (empty, test, "training set is empty"),
        (train, unlabelled, "test set has no labelled clip"),
        (train, other, "5 dimensions in training and 4 in test"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate_features(bad_train, bad_test, NAMES)
    with pytest.raises(InputError, match="clip 'row 2' has label 2, but there are only 2 classes"):
        evaluate_features(train, test, NAMES[:2])
    with pytest.raises(InputError, match="--k: 20 neighbours asked for, but only 15"):
        evaluate_features(clip_features(15), test, NAMES)


def test_bad_floors_name_the_floor_and_the_clip() -> None:
    train, test = clip_features(), clip_features(30, seed=2, names=[f"clip_{i}" for i in range(30)])
    with pytest.raises(InputError, match="floor 'raw', training features: 59 rows for 60 clips"):
        evaluate_features(train, test, NAMES, floors={"raw": (noise(59), noise(30))})
    broken = noise(30)
    broken[7, 0] = np.nan
    with pytest.raises(InputError, match=r"floor 'raw', test features: .* clip 'clip_7'"):
        evaluate_features(train, test, NAMES, floors={"raw": (noise(60), broken)})
