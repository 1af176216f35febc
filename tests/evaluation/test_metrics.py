"""Metrics against plain loops."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import IntArray
from ms2l_tf.evaluation.metrics import per_class_table, score, write_per_class_csv


def loop_scores(
    labels: IntArray, predictions: IntArray, num_classes: int
) -> tuple[float, float, list[list[int]]]:
    """The definitions, word by word."""
    right = counted = 0
    hits, clips = [0] * num_classes, [0] * num_classes
    confusion = [[0] * num_classes for _ in range(num_classes)]
    for label, predicted in zip(labels, predictions, strict=True):
        if label == -1:
            continue
        counted += 1
        clips[label] += 1
        confusion[label][predicted] += 1
        if label == predicted:
            right += 1
            hits[label] += 1
    per_class = [100 * h / c for h, c in zip(hits, clips, strict=True) if c]
    return 100 * right / counted, sum(per_class) / len(per_class), confusion


@settings(max_examples=50, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.integers(-1, 5), st.integers(0, 5)), min_size=1, max_size=40
    ).filter(lambda pairs: any(label >= 0 for label, _ in pairs))
)
def test_scores_equal_the_loop(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = (np.array(column) for column in zip(*pairs, strict=True))
    scores = score(labels, predictions, 6)
    top1, mean_per_class, confusion = loop_scores(labels, predictions, 6)
    assert scores.top1 == pytest.approx(top1)
    assert scores.mean_per_class == pytest.approx(mean_per_class)
    np.testing.assert_array_equal(scores.confusion, confusion)
    assert scores.clips + scores.unlabelled == len(labels)
    assert scores.unlabelled == (labels == -1).sum()


def test_unbalanced_classes_part_the_two_accuracies() -> None:
    scores = score(np.array([0] * 9 + [1]), np.zeros(10, int), 2)
    assert scores.top1 == pytest.approx(90.0)
    assert scores.mean_per_class == pytest.approx(50.0)


def test_no_labelled_clip_is_an_error() -> None:
    with pytest.raises(InputError, match="no labelled clip"):
        score(np.array([-1, -1]), np.array([0, 1]), 2)
    with pytest.raises(InputError, match="no labelled clip"):
        score(np.array([], int), np.array([], int), 2)


def test_labels_outside_the_classes_are_refused() -> None:
    with pytest.raises(InputError, match="label 3 is outside the 3 known classes"):
        score(np.array([0, 3]), np.array([0, 1]), 3)
    with pytest.raises(InputError, match="prediction 7"):
        score(np.array([0, 1]), np.array([0, 7]), 3)


def test_per_class_table_and_csv(tmp_path: Path) -> None:
    scores = score(np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 1]), 3)
    wave, sit, jump = per_class_table(scores.confusion, ["wave", "sit", "jump, high"])
    assert (wave.clips, wave.correct, wave.confused_with, wave.confused_clips) == (3, 1, "sit", 2)
    assert wave.accuracy == pytest.approx(100 / 3)
    assert (sit.accuracy, sit.confused_with) == (100.0, "")
    assert (jump.clips, jump.accuracy) == (0, None)

    path = tmp_path / "per_class.csv"
    write_per_class_csv(path, (wave, sit, jump))
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [row["accuracy"] for row in rows] == ["33.33", "100.00", ""]
    assert rows[2]["name"] == "jump, high"


def test_per_class_table_needs_a_name_for_every_class() -> None:
    with pytest.raises(InputError, match="2 class names"):
        per_class_table(np.zeros((3, 3), np.int64), ["a", "b"])
