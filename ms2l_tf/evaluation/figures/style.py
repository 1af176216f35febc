"""What the figures share: a canvas without global state, and colours for many classes."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, NamedTuple

from ms2l_tf.errors import InputError
from ms2l_tf.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart with the common colour vision deficiencies; its yellow is
# darkened to be seen on white.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8A800", "#000000",
)  # fmt: skip
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
GREY = "#9A9A9A"
# Hundreds of classes would need gigabytes at full resolution; figures of fewer stay below this.
_MOST_PIXELS = 5e7
_LONGEST_SIDE = 30_000  # pixels; Agg ends at 65,536


class ClassStyle(NamedTuple):
    """How the points of one class look."""

    colour: str
    marker: str


def class_style(index: int) -> ClassStyle:
    """The style of a class; 64 classes differ in colour or marker.

    Colour and marker both move on from one class to the next, so that neighbours differ in both.
    """
    count = len(COLOURS)
    return ClassStyle(COLOURS[index % count], MARKERS[(index + index // count) % len(MARKERS)])


def new_figure(width: float, height: float) -> Figure:
    """A figure in inches, drawn by Agg whatever display there is (pyplot is never touched)."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("figures need matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Removes the top and right frame lines."""
    axes.spines[["top", "right"]].set_visible(False)


def write(figure: Figure, path: str | os.PathLike[str], dpi: int = 130) -> None:
    """Saves the figure, a huge one more coarsely; the format follows the suffix of `path`."""
    width, height = figure.get_size_inches()
    finest = min(math.sqrt(_MOST_PIXELS / (width * height)), _LONGEST_SIDE / max(width, height))
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=min(dpi, finest))
    except InputError:
        raise
    except ValueError as error:  # an ending that Matplotlib does not know
        raise InputError(f"{path}: the figure cannot be written ({error})") from error
