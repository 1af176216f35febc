"""Drawing poses with matplotlib: bones coloured by body part, left and right told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
