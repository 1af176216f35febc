"""`draw_clip`: a clip as a row of poses."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ms2l_tf.api.clips import checked_clips
from ms2l_tf.data.records import Axes
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.files import replacing
from ms2l_tf.skeletons.drawing import draw_pose, project
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 1.25, 1.8  # inches of a pose
_MARGIN = 1.15


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
    moments = np.linspace(0, len(coords) - 1, min(count, len(coords))).round().astype(int)
    shown, plane = [_centred(coords[moment]) for moment in moments], _plane(coords.shape[-1], axes)
    half = _half(np.concatenate([project(p, skeleton, plane) for pose in shown for p in pose]))
    figure = Figure(figsize=(_WIDTH * len(shown), _HEIGHT), dpi=110, facecolor="white")
    for column, pose in enumerate(shown):
        field = figure.add_axes((column / len(shown), 0.0, 1 / len(shown), 1.0))
        for person in pose:
            draw_pose(field, person, skeleton, plane=plane, size=0.7)
        field.set_xlim(-half * _WIDTH / _HEIGHT, half * _WIDTH / _HEIGHT)
        field.set_ylim(-half, half)
    if path is not None:
        _save(figure, pathlib.Path(path))
    return figure


def _save(figure: Figure, path: pathlib.Path) -> None:
    with replacing(path) as temporary:
        try:
            figure.savefig(temporary)
        except ValueError as error:  # an ending that matplotlib does not know
            raise InputError(f"{path}: cannot be drawn ({one_line(error)})") from None


def _centred(pose: np.ndarray) -> np.ndarray:
    """The persons [M, J, C] around the middle of the joints that are there."""
    joints = pose[np.isfinite(pose).all(axis=-1)]
    return pose - (joints.min(axis=0) + joints.max(axis=0)) / 2 if len(joints) else pose


def _plane(coords: int, axes: Axes | None) -> tuple[str, str]:
    """What points right and up on the page."""
    if coords == 2:
        return "+x", "-y"
    return (axes.right, axes.up) if axes else ("+x", "+y")


def _half(points: np.ndarray) -> float:
    """Half the height of a field that is high and wide enough for all points [N, 2]."""
    points = np.abs(points[np.isfinite(points).all(axis=1)])
    if not len(points):
        return 1.0
    across, along = points.max(axis=0)
    return max(float(along), float(across) * _HEIGHT / _WIDTH, 1e-6) * _MARGIN
