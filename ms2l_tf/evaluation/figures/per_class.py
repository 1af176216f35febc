"""Accuracy class by class, the features beside the floors."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.figures.style import COLOURS, MARKERS, bare, new_figure, write
from ms2l_tf.evaluation.metrics import ClassRow


def per_class_figure(
    path: str | os.PathLike[str], tables: Mapping[str, Sequence[ClassRow]], title: str = ""
) -> None:
    """Draws one row a class, best on top, with one marker for each table.

    Args:
        path: where the figure goes.
        tables: per-class tables (`metrics.per_class_table`) by name, the features first; classes
            are sorted by the first table. All have the same classes.
        title: of the figure.
    """
    if not tables:
        raise InputError(f"{path}: no per-class table to draw")
    first, *_ = tables.values()
    rows = [index for index, row in enumerate(first) if row.accuracy is not None]
    rows.sort(key=lambda index: first[index].accuracy or 0.0)
    accuracy = np.array([[table[i].accuracy for i in rows] for table in tables.values()], float)

    figure = new_figure(7.2, 0.27 * len(rows) + 1.5)
    axes = figure.add_subplot()
    heights = np.arange(len(rows))
    axes.hlines(heights, accuracy.min(axis=0), accuracy.max(axis=0), color="#C8C8C8", linewidth=2)
    for index, (name, values) in enumerate(zip(tables, accuracy, strict=True)):
        colour = COLOURS[index % len(COLOURS)]
        axes.scatter(
            values,
            heights,
            s=46 if index == 0 else 32,
            marker=MARKERS[index % len(MARKERS)],
            # Filled for the features, hollow for what they are compared with.
            facecolors=colour if index == 0 else "white",
            edgecolors=colour,
            linewidths=1.4,
            label=name,
            zorder=3 if index == 0 else 2,
        )
    axes.set_yticks(heights, [f"{first[i].name}  ({first[i].clips})" for i in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("percent right (clips in brackets)")
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    bare(axes)
    if title:
        axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=len(tables), frameon=False, fontsize=9)
    write(figure, path)
