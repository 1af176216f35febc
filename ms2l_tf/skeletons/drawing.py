"""Drawing poses with matplotlib: bones coloured by body part, left and right told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe-Ito colours, safe for colour-blind readers: the left of the person is blue, the right
# orange, the leg lighter than the arm.
PART_COLOURS = {
    "trunk": "#404040",
    "arm_left": "#0072B2",
    "arm_right": "#D55E00",
    "leg_left": "#56B4E9",
    "leg_right": "#E69F00",
}
_EDGE_COLOUR = "#B0B0B0"


def draw_pose(
    axes: Axes,
    pose: np.ndarray,
    layout: SkeletonLayout,
    *,
    plane: tuple[str, str] = ("+x", "+y"),
    size: float = 1.0,
) -> None:
    """Draws one person into matplotlib axes, to scale and without a frame.

    A bone has the colour of its child's body part; graph edges that are no bones are thin and
    grey. A missing joint (NaN) is left out, and with it the bones that need it.

    Args:
        axes: Where to draw; may already hold other persons.
        pose: Float array [J, C], C = 2 or 3.
        layout: The layout of the pose.
        plane: Signed coordinates that point right and up on the page, e.g. `("+x", "+z")` for
            z-up data or `("+x", "-y")` for image coordinates.
        size: Factor for line widths and joint markers.
    """
    points = project(pose, layout, plane)
    bones = {frozenset(bone) for bone in layout.bones}
    extra = [edge for edge in layout.edges if frozenset(edge) not in bones]
    _draw_lines(axes, points, extra, _EDGE_COLOUR, 0.8 * size)
    for part, members in layout.parts.items():
        colour = PART_COLOURS[part]
        _draw_lines(axes, points, [b for b in layout.bones if b[0] in members], colour, 2 * size)
        joints = points[list(members)]
        axes.plot(joints[:, 0], joints[:, 1], "o", color=colour, markersize=3 * size)
    axes.set_aspect("equal")
    axes.set_axis_off()


def project(pose: np.ndarray, layout: SkeletonLayout, plane: tuple[str, str]) -> np.ndarray:
    """Page coordinates [J, 2] of a pose [J, C]; see `draw_pose`."""
    pose = np.asarray(pose)
    if pose.ndim != 2 or pose.shape[0] != layout.num_joints or pose.shape[1] not in (2, 3):
        raise InputError(
            f"layout {layout.name!r}: expected a pose [{layout.num_joints}, 2 or 3], "
            f"got the shape {pose.shape}"
        )
    known = [sign + axis for axis in "xyz"[: pose.shape[1]] for sign in "+-"]
    for direction in plane:
        if direction not in known:
            raise InputError(f"plane: unknown axis {direction!r}; use one of {', '.join(known)}")
    columns = [pose[:, "xyz".index(d[1])] * (-1 if d[0] == "-" else 1) for d in plane]
    return np.stack(columns, axis=-1)


def draw_row(
    figure: Figure,
    coords: np.ndarray,
    layout: SkeletonLayout,
    count: int,
    *,
    plane: tuple[str, str],
    place: tuple[float, float, float, float],
    filled: float,
) -> list[tuple[int, Axes, float]]:
    """Draws some poses of a clip side by side to one scale, each around the middle of its joints.

    Args:
        figure: to draw into.
        coords: [T, M, J, C].
        layout: of the joints.
        count: poses from the first to the last frame, at most.
        plane: see `draw_pose`.
        place: left, bottom, width and height of the leftmost field, in parts of the figure.
        filled: how much of its field a pose may take.

    Returns:
        For each pose its frame, its field, and half the field's height in units of the poses.
    """
    moments = np.linspace(0, len(coords) - 1, min(count, len(coords))).round().astype(int)
    poses = [_centred(np.array(coords[moment])) for moment in moments]
    left, bottom, width, height = place
    aspect = width * figure.get_figwidth() / (height * figure.get_figheight())
    half = _half(
        np.concatenate([project(p, layout, plane) for pose in poses for p in pose]), aspect
    )
    half /= filled
    fields = []
    for column, (moment, pose) in enumerate(zip(moments, poses, strict=True)):
        axes = figure.add_axes((left + width * column, bottom, width, height))
        for person in pose:
            draw_pose(axes, person, layout, plane=plane, size=0.7)
        axes.set_xlim(-half * aspect, half * aspect)
        axes.set_ylim(-half, half)
        fields.append((int(moment), axes, half))
    return fields


def _centred(pose: np.ndarray) -> np.ndarray:
    """The persons [M, J, C] around the middle of the bounding box of the joints that are there."""
    joints = pose[np.isfinite(pose).all(axis=-1)]
    return pose - (joints.min(axis=0) + joints.max(axis=0)) / 2 if len(joints) else pose


def _half(points: np.ndarray, aspect: float) -> float:
    """Half the height of a field, `aspect` times as wide, that holds all points [N, 2]."""
    points = np.abs(points[np.isfinite(points).all(axis=1)])
    across, along = points.max(axis=0) if len(points) else (1.0, 1.0)
    return max(float(along), float(across) / aspect, 1e-6)


def _draw_lines(
    axes: Axes,
    points: np.ndarray,
    links: Sequence[tuple[int, int]],
    colour: str,
    width: float,
) -> None:
    if not links:
        return
    # One broken line for all links: NaN lifts the pen, at a gap as at a missing joint.
    gap = np.full(2, np.nan)
    path = np.array([point for a, b in links for point in (points[a], points[b], gap)])
    axes.plot(path[:, 0], path[:, 1], "-", color=colour, linewidth=width, solid_capstyle="round")
