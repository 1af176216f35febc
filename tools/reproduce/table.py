"""What a table of the paper is: rows that point to readings of cells, beside published numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from tools.reproduce.cells import ALL_PROBES, PRETRAIN, SUPERVISED, Cell

Values = Mapping[str, float]  # by dataset
Reading = tuple[str, str] | None  # cell, metric

CLASSIFIER = "classifier/top1"
KNN = "knn/1/top1"
PROBES = ("linear/top1", KNN, "svm/top1")
LONGT_GAN = ("pretrain", "longt_gan")
_FLOORS = (("random encoder", "floor/random/"), ("raw coordinates", "floor/raw/"))


@dataclasses.dataclass(frozen=True)
class Row:
    """A row: what the paper says (by dataset) and where our numbers come from."""

    title: str
    readings: tuple[Reading, ...] = ()
    published: Values = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the paper.

    Attributes:
        number: in the paper.
        title: what it compares.
        columns: of our numbers.
        rows: in order.
        cells: what has to be trained, a cell after the one it starts from.
        note: what a reader has to know.
    """

    number: int
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]
    note: str = ""


def published(numbers: str) -> Values:
    """Published numbers by dataset, in the paper's order of columns; '-': there is none."""
    names = ("nw_ucla", "pku1", "pku2", "ntu60")
    return {
        name: float(text) for name, text in zip(names, numbers.split(), strict=True) if text != "-"
    }


MS2L = Cell("ms2l", files=PRETRAIN, probes=ALL_PROBES)
LONGT = Cell("longt_gan", files=LONGT_GAN, probes=ALL_PROBES)


def floor_rows(cell: Cell, metrics: Sequence[str | None], before: str = "") -> list[Row]:
    """What the untrained encoder and the raw coordinates read, by the record of one cell.

    Args:
        cell: whose floors; those of a seed are the same in all cells of one encoder and labels.
        metrics: one a column, None where there is none.
        before: stands in front of their titles.
    """
    return [
        Row(
            before + title,
            tuple((cell.name, kind + metric) if metric else None for metric in metrics),
        )
        for title, kind in _FLOORS
    ]


def fine_tuned(name: str, start: str, **flags: str) -> Cell:
    """A cell that starts from pre-trained weights and reads all labels."""
    return Cell(name, {"protocol": "supervised", **flags}, files=SUPERVISED, start=start)


def from_random(name: str, **flags: str) -> Cell:
    """A cell that starts from random weights and reads all labels."""
    return Cell(name, {"protocol": "supervised", **flags}, files=SUPERVISED)


RANDOM_SUPERVISED = from_random("supervised_random")
