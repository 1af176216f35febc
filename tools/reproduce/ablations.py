"""Tables 7 and 8 of the MS2L paper as data: which tasks, and which views, in both readings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tools.reproduce.all_labels import FINE_TUNED, JOINT
from tools.reproduce.cells import PRETRAIN, Cell
from tools.reproduce.table import CLASSIFIER, KNN, MS2L, Row, Table, fine_tuned, floor_rows

_READINGS_NOTE = (
    "The paper says pre-train, then fine-tune, but the published row of all tasks is its Joint "
    "(Pretrain is 85.26): both readings. kNN-1: of the pre-trained features, frozen."
)
_BOTH = ("pre-train + fine-tune", "joint", "kNN-1")


@dataclasses.dataclass(frozen=True)
class Ablation:
    """A choice of tasks or views in both readings: three cells and one row."""

    title: str
    cells: tuple[Cell, Cell, Cell]
    published: float

    @property
    def row(self) -> Row:
        """What the table says about it."""
        pretrained, tuned, joint = (cell.name for cell in self.cells)
        readings = ((tuned, CLASSIFIER), (joint, CLASSIFIER), (pretrained, KNN))
        return Row(self.title, readings, {"nw_ucla": self.published})


def _ablation(title: str, name: str, published: float, **flags: str) -> Ablation:
    pretrained = Cell(f"pretrain_{name}", flags, files=PRETRAIN)
    tuned = fine_tuned(f"tuned_{name}", pretrained.name, **flags)
    joint = dataclasses.replace(JOINT, name=f"joint_{name}", flags={**JOINT.flags, **flags})
    return Ablation(title, (pretrained, tuned, joint), published)


def _subset(title: str, tasks: Sequence[str], published: float) -> Ablation:
    return _ablation(title, "_".join(tasks), published, tasks=",".join(tasks))


PREDICTION = _subset("prediction", ["prediction"], 84.88)
JIGSAW = _subset("jigsaw", ["jigsaw"], 84.11)
CONTRASTIVE = _subset("contrastive", ["contrastive"], 85.47)
SUBSETS = (
    PREDICTION,
    JIGSAW,
    CONTRASTIVE,
    _subset("prediction + jigsaw", ["prediction", "jigsaw"], 84.90),
    _subset("contrastive + jigsaw", ["jigsaw", "contrastive"], 84.82),
    _subset("prediction + contrastive", ["prediction", "contrastive"], 85.71),
    Ablation("all", (MS2L, FINE_TUNED, JOINT), 86.75),
)


def _pairing(prediction: str, jigsaw: str, published: float) -> Ablation:
    return _ablation(
        f"contrastive, {prediction} prediction and {jigsaw} jigsaw input",
        f"contrastive_{prediction}_{jigsaw}",
        published,
        tasks="contrastive",
        prediction_view=prediction,
        jigsaw_view=jigsaw,
    )


def _retitled(ablation: Ablation, title: str) -> Ablation:
    return dataclasses.replace(ablation, title=title)


VIEWS = (
    _retitled(PREDICTION, "temporal prediction"),
    _ablation(
        "spatial prediction",
        "prediction_spatial",
        81.11,
        tasks="prediction",
        prediction_view="spatial",
    ),
    _retitled(JIGSAW, "temporal jigsaw"),
    _ablation("spatial jigsaw", "jigsaw_spatial", 81.62, tasks="jigsaw", jigsaw_view="spatial"),
    _pairing("spatial", "temporal", 81.35),
    _pairing("temporal", "spatial", 82.84),
    _pairing("spatial", "spatial", 82.45),
    _retitled(CONTRASTIVE, "contrastive, temporal prediction and temporal jigsaw input"),
)


def _table(number: int, title: str, choices: Sequence[Ablation]) -> Table:
    cells = tuple(cell for choice in choices for cell in choice.cells)
    rows = [choice.row for choice in choices] + floor_rows(cells[0], (None, None, KNN))
    return Table(number, title, _BOTH, tuple(rows), cells, _READINGS_NOTE)


def task_subsets() -> Table:
    """Table 7."""
    return _table(7, "Task subsets", SUBSETS)


def views() -> Table:
    """Table 8."""
    return _table(8, "Temporal and spatial views", VIEWS)
