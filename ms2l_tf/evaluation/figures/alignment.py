"""Features of the same clips in several skeleton layouts, drawn in one plane."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray, check_features, check_labels
from ms2l_tf.evaluation.figures import embedding
from ms2l_tf.evaluation.figures.style import COLOURS, GREY, MARKERS, bare, new_figure, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Markers belong to the layouts here, so classes need more colours than the eight of all figures.
CLASS_COLOURS = (*COLOURS, "#5D3A9B", "#8B4513", "#8FD744", "#FF8FA3")
POINTS = 1000


def alignment_figure(
    path: str | os.PathLike[str],
    features: Mapping[str, FloatArray],
    labels: IntArray,
    label_names: Sequence[str],
    *,
    title: str = "",
    clips: int | None = None,
    seed: int = 0,
) -> None:
    """Draws a t-SNE of all layouts together: a colour is an action, a marker a layout.

    A thin line joins the versions of a clip: the shorter the lines, the better the layouts agree.
    The twelve classes with most clips have colours, other and unlabelled clips are grey. Of more
    layouts than there are markers, the first are drawn, and the title says so.

    Args:
        path: where the figure goes.
        features: by layout, [N, D]; row n is the same clip in all of them.
        labels: class indices [N]; -1 is unlabelled.
        label_names: names of the K classes.
        title: of the figure; what is drawn is appended.
        clips: how many clips to draw at most, evenly spaced over the N; None: as many as make
            about `POINTS` points.
        seed: of the method.

    Raises:
        InputError: layouts and labels do not belong to the same clips, or these are too few.
    """
    names = list(features)[: len(MARKERS)]
    arrays, labels = _checked(path, {name: features[name] for name in names}, labels)
    total = len(labels)
    rows = _evenly(total, POINTS // len(names) if clips is None else clips)
    if len(rows) < embedding.FEWEST:
        raise InputError(f"{path}: {len(rows)} clips are too few for a map of the features")
    shown = labels[rows]
    plane, _ = embedding.project(np.concatenate([array[rows] for array in arrays]), "tsne", seed)
    points = plane.reshape(len(names), len(rows), 2)
    colours = class_colours(shown)

    figure = new_figure(9.2, 6.4)
    axes = figure.add_subplot()
    _scatter(axes, points, [colours.get(label, GREY) for label in shown.tolist()])
    classes = {label_names[label]: colour for label, colour in colours.items()}
    if not np.isin(shown, list(colours)).all():
        classes["other"] = GREY
    _legends(figure, names, classes)
    bare(axes)
    # Neither axis has a unit: only who is near whom means anything.
    axes.set_xticks([])
    axes.set_yticks([])
    drawn = f"{_part(len(rows), total)} clips in {_part(len(names), len(features))} layouts"
    axes.set_title(f"{title + ': ' if title else ''}t-SNE of {drawn}")
    write(figure, path)


def class_colours(labels: IntArray) -> dict[int, str]:
    """Colours of the classes with most clips, at most one each of `CLASS_COLOURS`, by class."""
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    # Stable: of equally frequent classes the first get the colours.
    most = np.argsort(-counts, kind="stable")[: len(CLASS_COLOURS)]
    chosen = sorted(classes[most].tolist())
    return dict(zip(chosen, CLASS_COLOURS, strict=False))


def _checked(
    path: str | os.PathLike[str], features: Mapping[str, FloatArray], labels: IntArray
) -> tuple[list[FloatArray], IntArray]:
    if not features:
        raise InputError(f"{path}: there are no features of any layout to draw")
    arrays = [check_features(array, f"features of {name}") for name, array in features.items()]
    for name, array in zip(features, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise InputError(
                f"{path}: {name} has features of {_size(array)}, {next(iter(features))} of "
                f"{_size(arrays[0])}; draw layouts of the same clips and the same encoder"
            )
    return arrays, check_labels(labels, len(arrays[0]), f"labels of {path}")


def _size(array: FloatArray) -> str:
    return f"{array.shape[0]} clips and {array.shape[1]} dimensions"


def _evenly(total: int, limit: int) -> IntArray:
    """At most `limit` rows, evenly spaced; datasets are often sorted by action."""
    return np.linspace(0, total, min(limit, total), endpoint=False).astype(np.int64)


def _part(drawn: int, total: int) -> str:
    return str(total) if drawn == total else f"{drawn} of {total}"


def _scatter(axes: Axes, points: npt.NDArray[Any], colours: list[str]) -> None:
    """Points [layouts, clips, 2], colours of the clips; grey ones lie below the others."""
    from matplotlib.collections import LineCollection

    versions = list(points.swapaxes(0, 1))
    axes.add_collection(LineCollection(versions, colors=colours, linewidths=0.5, alpha=0.35))
    grey = np.array([colour == GREY for colour in colours])
    size = 20 if points.shape[0] * points.shape[1] <= 600 else 12
    for chosen, layer in ((grey, 2), (~grey, 3)):
        for number, (layout, marker) in enumerate(zip(points, MARKERS, strict=False)):
            # Hollow and growing: where layouts agree, markers are nested and all must be seen.
            axes.scatter(
                layout[chosen, 0],
                layout[chosen, 1],
                s=size * (1.0 + 0.6 * number),
                marker=marker,
                facecolors="none",
                edgecolors=[
                    colour for colour, is_chosen in zip(colours, chosen, strict=True) if is_chosen
                ],
                linewidths=0.9,
                zorder=layer,
            )


def _legends(figure: Figure, layouts: Sequence[str], classes: Mapping[str, str]) -> None:
    """Actions by colour above, layouts by marker below."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    options: dict[str, Any] = {"alignment": "left", "frameon": False, "fontsize": 8}
    actions = [Patch(color=colour, label=name) for name, colour in classes.items()]
    figure.legend(handles=actions, loc="outside right upper", title="action", **options)
    hollow: dict[str, Any] = {"linestyle": "", "color": "black", "markerfacecolor": "none"}
    shapes = [
        Line2D([], [], marker=marker, label=name, **hollow)
        for name, marker in zip(layouts, MARKERS, strict=False)
    ]
    figure.legend(handles=shapes, loc="outside right lower", title="layout", **options)
