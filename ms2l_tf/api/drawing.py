"""`draw_clip`: a clip as a row of poses."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any

from ms2l_tf.api.clips import checked_clips
from ms2l_tf.data.records import Axes
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.files import replacing
from ms2l_tf.skeletons.drawing import draw_row
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 1.25, 1.8  # inches of a pose
_FILL = 1 / 1.15  # how much of its field a pose may take


def draw_clip(
    poses: Any,
    layout: SkeletonLayout | str,
    path: str | os.PathLike[str] | None = None,
    *,
    count: int = 6,
    axes: Axes | None = None,
) -> Figure:
    """Draws some poses of a clip side by side, to one scale, as the viewer sees them.

    Args:
        poses: one clip, [F, J, C] or [F, M, J, C] or `ClipPoses`; missing joints NaN.
        layout: of its joints: the layout, its id, or the path of a layout file.
        path: where to save the picture (.png, .pdf, .svg); None: nowhere.
        count: poses from the first to the last frame.
        axes: of 3-D poses, where y is not up; 2-D poses are those of an image, y down.

    Returns:
        The matplotlib figure; a notebook shows it.

    Raises:
        InputError: the clip does not fit the layout, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    if count < 1:
        raise InputError(f"count: {count}; expected 1 at least")
    skeleton = layout if isinstance(layout, SkeletonLayout) else load_layout(layout)
    coords = checked_clips([poses], skeleton)[0].coords
    shown = min(count, len(coords))
    figure = Figure(figsize=(_WIDTH * shown, _HEIGHT), dpi=110, facecolor="white")
    plane = _plane(coords.shape[-1], axes)
    place = (0.0, 0.0, 1 / shown, 1.0)
    draw_row(figure, coords, skeleton, count, plane=plane, place=place, filled=_FILL)
    if path is not None:
        _save(figure, pathlib.Path(path))
    return figure


def _save(figure: Figure, path: pathlib.Path) -> None:
    with replacing(path) as temporary:
        try:
            figure.savefig(temporary)
        except ValueError as error:  # an ending that matplotlib does not know
            raise InputError(f"{path}: cannot be drawn ({one_line(error)})") from None


def _plane(coords: int, axes: Axes | None) -> tuple[str, str]:
    """What points right and up on the page."""
    if coords == 2:
        return "+x", "-y"
    return (axes.right, axes.up) if axes else ("+x", "+y")
