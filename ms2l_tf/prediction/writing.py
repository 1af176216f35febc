"""Predictions as JSON lines, a table or a file of features."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.files import replacing
from ms2l_tf.prediction.clips import Prediction

JSONL, CSV, FEATURES = "jsonl", "csv", "features"


@contextlib.contextmanager
def text_output(path: str) -> Iterator[IO[str]]:
    """Standard output, or a file that appears when all of it is written."""
    if not path:
        yield sys.stdout
        return
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        yield file


def write_json_lines(
    file: IO[str], header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]
) -> None:
    """A line of what all rows have in common, then a line a row, each handed on at once."""
    for row in itertools.chain((header,), rows):
        write_line(file, row)


def write_line(file: IO[str], row: Mapping[str, Any]) -> None:
    """One line of JSON, handed on at once."""
    file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    file.flush()


def write_table(file: IO[str], columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A CSV file; what a row lacks is an empty cell."""
    table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow(row)


def write_features(path: str, made: Sequence[Prediction], labels: tuple[str, ...]) -> None:
    """Writes an .npz file of plain arrays.

    They are `names` [N], `features` [N, D] and, of a model with a head, `probabilities` [N, K] and
    `label_names` [K].

    Raises:
        InputError: there is not one that could be used.
    """
    usable = [each for each in made if each.features is not None]
    if not usable:
        raise InputError(f"{path}: is not written; none of the {len(made)} recordings can be used")
    arrays = {
        "names": np.array([each.name for each in usable], np.str_),
        "features": np.stack([each.features for each in usable if each.features is not None]),
    }
    if labels:
        probabilities = [each.probabilities for each in usable if each.probabilities is not None]
        arrays |= {
            "probabilities": np.stack(probabilities),
            "label_names": np.array(labels, np.str_),
        }
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
