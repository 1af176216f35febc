"""Training curves from `history.csv`."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.figures.style import COLOURS, MARKERS, bare, new_figure, write
from ms2l_tf.files import opened_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Columns = Mapping[str, npt.NDArray[np.float64]]

_LOSS = "loss"
# Title, and which columns of the history belong to the panel. All other columns are losses: every
# task logs its own under its name.
_PANELS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("accuracy, percent", lambda name: name.endswith(("accuracy", "knn"))),
    ("effective rank of the embeddings", lambda name: name == "effective_rank"),
    ("standard deviation of the embeddings", lambda name: name == "embedding_std"),
    ("theta, the weight of the labels", lambda name: name == "theta"),
    ("positives of a query", lambda name: name == "positives"),
)


def read_history(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Reads `history.csv`: one array a column, NaN where a row has no value.

    Without an `epoch` column the rows are numbered from 1.
    """
    try:
        with opened_table(path) as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not a table of text ({error})") from error
    if not rows:
        raise InputError(f"{path}: no epoch in it yet")
    if any(None in row or None in row.values() for row in rows):  # more or fewer than columns
        raise InputError(f"{path}: a line is cut off or has too many columns")
    columns = {}
    for name in rows[0]:
        try:
            columns[name] = np.array([float(row[name] or "nan") for row in rows])
        except ValueError as error:
            raise InputError(
                f"{path}: column '{name}' holds something else than numbers"
            ) from error
    columns.setdefault("epoch", np.arange(1.0, len(rows) + 1))
    return columns


def training_figure(
    path: str | os.PathLike[str], history: Columns | str | os.PathLike[str], title: str = ""
) -> None:
    """Draws one panel each for losses, accuracies (kNN), rank and deviation.

    Args:
        path: where the figure goes.
        history: columns as `read_history` returns them, or the path of `history.csv`.
        title: above all panels.
    """
    if not isinstance(history, Mapping):
        history = read_history(history)
    panels = panels_of(history)
    if not panels:
        raise InputError(f"{path}: the history has no loss, accuracy or monitor to draw")
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(5.6 * columns, 3.1 * rows + 0.3)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    for axes, (name, series) in zip(grid, panels, strict=False):
        _draw_panel(axes, name, history, series)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("epoch")
        axes.tick_params(labelbottom=True)
    if title:
        figure.suptitle(title)
    write(figure, path)


def panels_of(history: Columns) -> list[tuple[str, list[str]]]:
    """Titles of panels, each with the columns of the history that belong into it."""
    left = [
        name for name, values in history.items() if name != "epoch" and np.isfinite(values).any()
    ]
    panels = []
    for title, wants in _PANELS:
        series = [name for name in left if wants(name)]
        left = [name for name in left if name not in series]
        if series:
            panels.append((title, series))
    return [(_LOSS, left), *panels] if left else panels


def as_drawn(name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values of a column; accuracies in percent: Keras logs fractions, the monitors percent."""
    fractions = name.endswith("accuracy") and not name.startswith("val_")
    return 100 * values if fractions else values


def _draw_panel(axes: Axes, title: str, history: Columns, series: Sequence[str]) -> None:
    drawn = []
    for index, name in enumerate(series):
        # A monitor that runs every few epochs leaves gaps: join what is there.
        there = np.isfinite(history[name])
        epochs, values = history["epoch"][there], as_drawn(name, history[name][there])
        drawn.append(values)
        axes.plot(
            epochs,
            values,
            label=name,
            color=COLOURS[index % len(COLOURS)],
            linewidth=1.5,
            linestyle="-" if index < len(COLOURS) else "--",
            marker=MARKERS[index % len(MARKERS)] if len(values) <= 40 else None,
            markersize=3.5,
        )
    values = np.concatenate(drawn)
    wide = values.min() > 0 and values.max() > 30 * values.min()
    if wide and title == _LOSS:
        axes.set_yscale("log")
        title += " (log scale)"
    axes.set_title(title, fontsize=10)
    axes.grid(color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    bare(axes)
    if len(series) > 1 or series[0].replace("_", " ") not in title:
        axes.legend(fontsize=8, frameon=False)
