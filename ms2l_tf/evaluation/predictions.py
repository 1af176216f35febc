"""``predictions.csv``: what the probes take each test clip for."""

from __future__ import annotations

import csv
import os
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ms2l_tf.errors import InputError, one_line
from ms2l_tf.evaluation.arrays import ClipFeatures, IntArray
from ms2l_tf.files import opened_table, replacing

_COLUMNS = ("clip", "label")


@dataclass(frozen=True)
class Predictions:
    """Of N test clips, by their names.

    Attributes:
        clips: names [N].
        labels: names of their classes [N]; empty: unlabelled.
        predicted: names of the predicted classes [N], by the key of the probe: `linear`, `knn/5`.
    """

    clips: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: Mapping[str, tuple[str, ...]]

    def top1(self, probe: str) -> float:
        """Percent of the labelled clips that a probe has right; NaN if none is labelled."""
        pairs = zip(self.labels, self.predicted[probe], strict=True)
        right = [label == guess for label, guess in pairs if label]
        return 100.0 * sum(right) / len(right) if right else float("nan")


def predictions_name(test_on: str) -> str:
    """File of the predictions: those of validation clips never stand where others do."""
    return "predictions.csv" if test_on == "test" else f"predictions_{test_on}.csv"


def write_predictions(
    path: str | os.PathLike[str],
    test: ClipFeatures,
    predicted: Mapping[str, IntArray],
    label_names: Sequence[str],
) -> None:
    """Writes a row a clip: its name, the name of its class, and what each probe takes it for.

    Args:
        path: of the file.
        test: the clips [N] that were read.
        predicted: classes [N] by the key of the probe; floors are left out.
        label_names: names of the K classes.
    """
    kept = {key: values for key, values in predicted.items() if not key.startswith("floor/")}
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*_COLUMNS, *kept])
        rows = zip(
            np.asarray(test.names).tolist(), test.labels.tolist(), *kept.values(), strict=True
        )
        for name, label, *guesses in rows:
            told = label_names[label] if label >= 0 else ""
            table.writerow([name, told, *(label_names[guess] for guess in guesses)])


def read_predictions(path: str | os.PathLike[str]) -> Predictions:
    """What `write_predictions` wrote.

    Raises:
        InputError: the file is missing, cut off, or another table.
    """
    target = pathlib.Path(path)
    try:
        with opened_table(target) as file:
            head, *rows = [row for row in csv.reader(file) if row] or [[]]
    except OSError as error:
        raise InputError(f"{target}: cannot be read ({one_line(error)})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{target}: is not a table of text ({error})") from None
    probes = head[len(_COLUMNS) :]
    if tuple(head[: len(_COLUMNS)]) != _COLUMNS or not probes or len(set(probes)) < len(probes):
        raise InputError(
            f"{target}: must have the columns clip, label and one a probe; evaluate again"
        )
    for number, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise InputError(
                f"{target}: row {number} has {len(row)} of {len(head)} columns; evaluate again"
            )
    if not rows:
        raise InputError(f"{target}: holds no clip; evaluate again")
    clips, labels, *predicted = (tuple(column) for column in zip(*rows, strict=True))
    return Predictions(clips, labels, dict(zip(probes, predicted, strict=True)))
