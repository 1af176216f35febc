"""Figure 4: the task losses through pre-training, then plain fine-tuning or moving."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ms2l_tf.evaluation.figures import read_history
from ms2l_tf.evaluation.figures.style import COLOURS, GREY, bare, new_figure, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TASKS = ("prediction", "jigsaw", "contrastive")
_Columns = Mapping[str, npt.NDArray[np.float64]]


def tasks_figure(
    path: str | os.PathLike[str], pretraining: Path, fine_tuning: Path, moving: Path
) -> None:
    """Draws one panel a task.

    Args:
        path: where the figure goes.
        pretraining: `history.csv` of the run both others start from.
        fine_tuning: of plain fine-tuning, its task losses watched.
        moving: of the moving schedule.
    """
    first = read_history(pretraining)
    later = {"plain fine-tuning": read_history(fine_tuning), "moving": read_history(moving)}
    figure = new_figure(4.0 * len(TASKS), 3.3)
    grid = figure.subplots(1, len(TASKS), squeeze=False).ravel()
    for axes, task in zip(grid, TASKS, strict=True):
        _draw(axes, task, first, later)
    # Below the panels, where no curve runs.
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.suptitle("Task losses when the labels come in")
    write(figure, path)


def task_peaks(pretraining: Path, later: Path) -> dict[str, float]:
    """How far the task losses rise: the largest of a run over the last of pre-training, by task.

    Args:
        pretraining: `history.csv` of the run the other starts from.
        later: of the other.
    """
    before, after = read_history(pretraining), read_history(later)
    return {task: float(after[task].max() / before[task][-1]) for task in TASKS}


def _draw(axes: Axes, task: str, first: _Columns, later: Mapping[str, _Columns]) -> None:
    end = first["epoch"][-1]
    axes.plot(first["epoch"], first[task], color=GREY, linewidth=1.5, label="pre-training")
    for number, (label, columns) in enumerate(later.items()):
        # The last loss of pre-training joins the curves: a jump is a jump from there.
        epochs = np.concatenate([[end], end + columns["epoch"]])
        losses = np.concatenate([first[task][-1:], columns[task]])
        axes.plot(epochs, losses, color=COLOURS[number], linewidth=1.5, label=label)
    axes.axvline(end, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_title(task, fontsize=10)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.grid(color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    bare(axes)
