"""The tables of the MS2L paper, by number and dataset, and which of their cells are run."""

from __future__ import annotations

from collections.abc import Sequence

from tools.reproduce.ablations import task_subsets, views
from tools.reproduce.all_labels import SUPERVISED_TABLE, supervised
from tools.reproduce.cells import Cell
from tools.reproduce.few_labels import semi, unsupervised
from tools.reproduce.table import Table
from tools.reproduce.transfer import SOURCES, transfer

DATASETS = tuple(SUPERVISED_TABLE)


def table(number: int, dataset: str, sources: Sequence[str] = ()) -> Table | None:
    """Table `number` for a dataset; None: there is no such table for it.

    Args:
        number: in the paper.
        dataset: one of `DATASETS`.
        sources: of Table 6: the source datasets whose folders are known.
    """
    if number == 1:
        return unsupervised()
    if number == 2:
        return semi()
    if number == SUPERVISED_TABLE[dataset]:
        return supervised(dataset)
    if number == 6 and dataset in SOURCES:
        return transfer(dataset, sources)
    if number == 7:
        return task_subsets()
    if number == 8:
        return views()
    return None


# --quick: one cell of each kind, what they start from, and networks too small to learn.
QUICK_CELLS = (
    "ms2l",
    "longt_gan",
    "semi_10_balanced_longt_gan",
    "supervised_pretrain",
    "supervised_moving",
    "supervised_blstm",
    "joint_contrastive_spatial_temporal",
    "source_synthetic_v1_ms2l",
    "transfer_synthetic_v1_ms2l",
    "source_pku1_ms2l",
    "transfer_pku1_ms2l",
    "source_ntu60_longt_gan",
    "transfer_ntu60_longt_gan",
)
QUICK_FLAGS = {
    "epochs": "1", "moving_epochs": "1", "units": "4", "layers": "1", "frames": "24",
    "head": "fc", "projection": "8", "inputs": "joint", "batch": "32", "classifier_units": "4",
    "classifier_hidden": "4", "monitor_epochs": "0", "raw_frames": "4",
}  # fmt: skip


def cells_of(tables: Sequence[Table], *, quick: bool) -> list[Cell]:
    """The cells of some tables, each once."""
    cells = {cell.name: cell for table in tables for cell in table.cells}
    return [cell for name, cell in cells.items() if not quick or name in QUICK_CELLS]
