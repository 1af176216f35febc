"""Classification measures in percent. Unlabelled clips (-1) are left out and counted."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import UNLABELLED, IntArray, check_labels
from ms2l_tf.files import replacing


@dataclass(frozen=True, eq=False)
class Scores:
    """How a list of predictions fares against the labels.

    Attributes:
        top1: right predictions among the labelled clips, percent.
        mean_per_class: mean of the accuracies of the classes that occur, percent.
        clips: labelled clips, the ones that count.
        unlabelled: clips left out because their label is -1.
        confusion: counts [K, K]; row = label, column = prediction.
    """

    top1: float
    mean_per_class: float
    clips: int
    unlabelled: int
    confusion: npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassRow:
    """One line of the per-class table; `accuracy` is None for a class without clips."""

    name: str
    clips: int
    correct: int
    accuracy: float | None
    confused_with: str
    confused_clips: int


def score(labels: npt.ArrayLike, predictions: npt.ArrayLike, num_classes: int) -> Scores:
    """Scores predictions [N] against labels [N].

    A class that training never saw counts like any other: its clips are simply wrong.

    Args:
        labels: class indices; -1 = unlabelled, left out.
        predictions: class indices below `num_classes`.
        num_classes: K, the size of the confusion matrix.
    """
    predicted = np.asarray(predictions)
    truth = check_labels(labels, len(predicted), "test labels")
    keep = truth != UNLABELLED
    confusion = confusion_matrix(truth[keep], predicted[keep], num_classes)
    return score_counts(confusion, unlabelled=int((~keep).sum()))


def score_counts(confusion: npt.NDArray[np.int64], *, unlabelled: int) -> Scores:
    """Scores of counted predictions.

    Args:
        confusion: counts [K, K]; row = label, column = prediction.
        unlabelled: clips that are not in it.
    """
    clips = int(confusion.sum())
    if clips == 0:
        raise InputError("test set: no labelled clip to score; check the split and the labels")
    return Scores(
        top1=100.0 * float(np.trace(confusion)) / clips,
        mean_per_class=_mean_per_class(confusion),
        clips=clips,
        unlabelled=unlabelled,
        confusion=confusion,
    )


def confusion_matrix(
    labels: IntArray, predictions: IntArray, num_classes: int
) -> npt.NDArray[np.int64]:
    """Counts [K, K]: row = label, column = prediction. Both [N], all within 0..K-1."""
    for values, what in ((labels, "label"), (predictions, "prediction")):
        outside = values[(values < 0) | (values >= num_classes)]
        if outside.size:
            raise InputError(f"{what} {outside[0]} is outside the {num_classes} known classes")
    if not len(labels):  # which scikit-learn refuses
        return np.zeros((num_classes, num_classes), np.int64)
    counts: npt.NDArray[np.int64] = metrics.confusion_matrix(
        labels, predictions, labels=np.arange(num_classes)
    )
    return counts


def _mean_per_class(confusion: npt.NDArray[np.int64]) -> float:
    clips = confusion.sum(axis=1)
    occurs = clips > 0
    return 100.0 * float((np.diag(confusion)[occurs] / clips[occurs]).mean())


def per_class_table(
    confusion: npt.NDArray[np.int64], label_names: Sequence[str]
) -> tuple[ClassRow, ...]:
    """One row a class: clips, right ones, accuracy, and the class it is most often taken for."""
    if confusion.shape != (len(label_names),) * 2:
        raise InputError(f"{len(label_names)} class names for a confusion of {confusion.shape}")
    rows = []
    for index, name in enumerate(label_names):
        clips, correct = int(confusion[index].sum()), int(confusion[index, index])
        wrong = confusion[index].copy()
        wrong[index] = 0
        rival = int(wrong.argmax())
        rows.append(
            ClassRow(
                name=name,
                clips=clips,
                correct=correct,
                accuracy=100.0 * correct / clips if clips else None,
                confused_with=label_names[rival] if wrong[rival] else "",
                confused_clips=int(wrong[rival]),
            )
        )
    return tuple(rows)


def write_per_class_csv(path: str | os.PathLike[str], rows: Sequence[ClassRow]) -> None:
    """Writes the per-class table as CSV; an accuracy that does not exist is an empty cell."""
    columns = ("name", "clips", "correct", "accuracy", "confused_with", "confused_clips")
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for row in rows:
            accuracy = "" if row.accuracy is None else f"{row.accuracy:.2f}"
            table.writerow(
                [row.name, row.clips, row.correct, accuracy, row.confused_with, row.confused_clips]
            )
