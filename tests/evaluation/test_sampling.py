"""Probes of more training clips than they take: which they see, and that it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.probes import KNNProbe, LinearProbe, SGDLinearProbe, SVMProbe
from ms2l_tf.evaluation.probes.sampling import sample, sampled_rows
from ms2l_tf.evaluation.report import evaluate_features
from ms2l_tf.evaluation.rows import EXACT_CLIPS
from ms2l_tf.evaluation.tables import format_notes

LABELS = np.concatenate([np.zeros(150, int), np.ones(49, int), [2]])  # one clip of class 2
FEATURES = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
NOTE = "fitted on 60 of 200 training clips, drawn with seed 3"

PROBES: dict[str, Any] = {
    "knn": lambda clips: KNNProbe(k=(1, 3), clips=clips, seed=3),
    "linear": lambda clips: LinearProbe(clips=clips, seed=3),
    "linear_sgd": lambda clips: SGDLinearProbe(epochs=2, clips=clips, seed=3),
    "svm": lambda clips: SVMProbe(clips=clips, seed=3),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [3, 10, 199])
def test_a_sample_is_of_its_size_and_misses_no_class(limit: int, seed: int) -> None:
    rows = sampled_rows(LABELS, limit, seed)
    assert len(np.unique(rows)) == len(rows) == limit
    assert (np.diff(rows) > 0).all()
    assert set(LABELS[rows]) == {0, 1, 2}
    assert_array_equal(rows, sampled_rows(LABELS, limit, seed))


def test_the_seed_decides_the_sample() -> None:
    draws = {tuple(sampled_rows(LABELS, 20, seed).tolist()) for seed in range(5)}
    assert len(draws) == 5


def test_features_labels_and_groups_stay_together() -> None:
    groups = np.arange(200)
    chosen = sample(FEATURES, LABELS, groups, limit=50, seed=0)
    assert chosen.groups is not None
    assert_array_equal(chosen.features, FEATURES[chosen.groups])
    assert_array_equal(chosen.labels, LABELS[chosen.groups])
    whole = sample(FEATURES, LABELS, groups, limit=200, seed=0)
    assert whole.features is FEATURES
    assert whole.note == ""


@pytest.mark.parametrize("name", PROBES)
def test_each_probe_notes_what_it_left_out(name: str) -> None:
    probe = PROBES[name](60).fit(FEATURES, LABELS)
    assert probe.details()["note"] == NOTE
    assert "note" not in PROBES[name](200).fit(FEATURES, LABELS).details()


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_sees_the_sample_alone(name: str) -> None:
    rows = sampled_rows(LABELS, 60, 3)
    sampled = PROBES[name](60).fit(FEATURES, LABELS).predict(FEATURES)
    alone = PROBES[name](200).fit(FEATURES[rows], LABELS[rows]).predict(FEATURES)
    assert str(sampled) == str(alone)


@pytest.mark.parametrize("name", PROBES)
def test_the_limits_leave_published_sizes_alone(name: str) -> None:
    """Published numbers are of less than 3,000 training clips, fitted as ever."""
    probe = PROBES[name](10**9)
    assert type(probe)(**{"k": (1,)} if name == "knn" else {}).clips > EXACT_CLIPS >= 5_000


def test_the_result_says_it_in_details_and_below_the_table() -> None:
    """Features and floor of one evaluation see the same clips."""
    clips = ClipFeatures(FEATURES, LABELS)
    probes = [PROBES["knn"](60), PROBES["linear"](60)]
    floors = {"raw": (FEATURES, FEATURES)}
    result = evaluate_features(clips, clips, ["a", "b", "c"], probes=probes, floors=floors)
    assert result.details["probes"]["floor/raw/knn"]["note"] == NOTE
    assert result.metrics["knn/1/top1"] == result.metrics["floor/raw/knn/1/top1"]
    assert format_notes(result.details).splitlines() == [f"kNN: {NOTE}", f"linear: {NOTE}"]
    layouts = {"probes": {}, "by_layout": {"h36m_17": {"probes": {"svm": {"note": "sampled"}}}}}
    assert format_notes(layouts) == "RBF SVM: sampled"
    assert format_notes({"probes": {"svm": {}}}) == ""
