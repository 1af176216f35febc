"""The confusion matrix: counts, and the share of each true class as colour."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ms2l_tf.evaluation.figures.style import new_figure, write

# Up to here a cell has room for the count and the percentage.
_ROOMY = 20


def confusion_figure(
    path: str | os.PathLike[str],
    confusion: npt.NDArray[np.int64],
    label_names: Sequence[str],
    title: str = "",
) -> None:
    """Draws counts [K, K], row = true class, coloured by the percentage of the row.

    The colour scale is a square root, so that rare confusions show. Up to 20 classes every cell
    that is not empty shows count and percentage, beyond that the count alone. The clips of a class
    stand behind its name. Legible up to about 60 classes.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import FixedLocator

    count = len(label_names)
    roomy = count <= _ROOMY
    clips = confusion.sum(axis=1)
    percent = 100.0 * confusion / np.maximum(clips, 1)[:, None]
    cell = 0.62 if roomy else 0.27
    figure = new_figure(cell * count + 3.2, cell * count + 2.4)
    axes = figure.add_subplot()
    # The square root of the share: confusions of a few percent are what one looks for.
    norm = PowerNorm(0.5, vmin=0, vmax=100)
    image = axes.imshow(percent, cmap="Blues", norm=norm)
    for row, column in np.argwhere(confusion > 0):
        text = str(confusion[row, column])
        if roomy:
            text += f"\n{percent[row, column]:.0f} %"
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=8 if roomy else 6,
            color="white" if percent[row, column] > 35 else "#222222",
        )
    turn, anchor = (45, "right") if roomy else (90, "center")
    axes.set_xticks(range(count), label_names, rotation=turn, ha=anchor)
    axes.set_yticks(range(count), [f"{n}  ({c})" for n, c in zip(label_names, clips, strict=True)])
    axes.tick_params(length=0, labelsize=9 if roomy else 7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(FixedLocator([edge - 0.5 for edge in range(count + 1)]))
    axes.grid(which="minor", color="#DDDDDD", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (clips)")
    correct = 100.0 * np.trace(confusion) / max(int(clips.sum()), 1)
    axes.set_title(f"{title + ': ' if title else ''}{correct:.2f} % of {clips.sum()} clips right")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=30, pad=0.02)
    bar.set_label("percent of the true class (square-root scale)")
    write(figure, path)
