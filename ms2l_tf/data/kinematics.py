"""Forward kinematics in NumPy: from joint angles to points in space.

A skeleton is a forest given by `parents`: for each of J joints the index of its parent, -1 for a
root. Rotations are matrices that act on column vectors, angles are radians.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_AXES = "XYZ"


def axis_rotation(axis: str, angles: np.ndarray) -> np.ndarray:
    """Right-handed rotations about one coordinate axis.

    Args:
        axis: `"X"`, `"Y"` or `"Z"`.
        angles: float [...].

    Returns:
        float64 [..., 3, 3]; a quarter turn about Z takes x to y.
    """
    angles = np.asarray(angles, np.float64)
    fixed = _AXES.index(axis)
    first, second = (fixed + 1) % 3, (fixed + 2) % 3
    matrices = np.zeros((*angles.shape, 3, 3))
    matrices[..., fixed, fixed] = 1.0
    matrices[..., first, first] = matrices[..., second, second] = np.cos(angles)
    matrices[..., second, first] = np.sin(angles)
    matrices[..., first, second] = -matrices[..., second, first]
    return matrices


def euler_rotation(axes: Sequence[str], angles: np.ndarray) -> np.ndarray:
    """The product of axis rotations as written: `"ZXY"` is Rz Rx Ry, so Y is applied first.

    Args:
        axes: n letters, possibly none.
        angles: float [..., n].

    Returns:
        float64 [..., 3, 3].
    """
    angles = np.asarray(angles, np.float64)
    product = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for number, axis in enumerate(axes):
        product = product @ axis_rotation(axis, angles[..., number])
    return product


def visit_order(parents: Sequence[int]) -> list[int]:
    """Joints such that a parent comes before its children; joints on a circle are left out."""
    children: dict[int, list[int]] = {}
    for joint, parent in enumerate(parents):
        children.setdefault(parent, []).append(joint)
    order = list(children.get(-1, ()))
    for joint in order:  # grows while it is walked
        order += children.get(joint, ())
    return order


def world_rotations(parents: Sequence[int], local: np.ndarray) -> np.ndarray:
    """Rotations relative to the world from those relative to the parent, both [T, J, 3, 3]."""
    world = np.array(local, np.float64)
    for joint in visit_order(parents):
        if parents[joint] >= 0:
            world[:, joint] = world[:, parents[joint]] @ world[:, joint]
    return world


def world_points(parents: Sequence[int], steps: np.ndarray) -> np.ndarray:
    """Points from the way to each joint: from its parent, or from the origin; both [T, J, 3]."""
    points = np.array(steps, np.float64)
    for joint in visit_order(parents):
        if parents[joint] >= 0:
            points[:, joint] += points[:, parents[joint]]
    return points


def resample(poses: np.ndarray, rate: float, target: float) -> np.ndarray:
    """Poses at another frame rate; the first frame stays the first.

    Whole fractions of the rate (120 to 30) pick frames and so keep bone lengths exactly; other
    rates interpolate linearly between the two nearest frames. Motion of the human body has next
    to nothing above 15 Hz, so nothing is filtered out before.

    Args:
        poses: float [T, ...], T > 0.
        rate: frames per second of `poses`.
        target: frames per second wanted.

    Returns:
        float [T', ...] that covers the same time, up to less than one new frame.
    """
    step = rate / target
    whole = round(step)
    # Files round the frame time (0.0333333); over 1,000 frames that is a thirtieth of a frame.
    if whole >= 1 and abs(step - whole) < 1e-4 * step:
        return poses[::whole]
    last = len(poses) - 1
    times = np.arange(int(last / step + 1e-6) + 1) * step
    before = np.minimum(times.astype(int), last)
    after = np.minimum(before + 1, last)
    share = np.minimum(times - before, 1.0).reshape(-1, *[1] * (poses.ndim - 1))
    blended: np.ndarray = poses[before] * (1 - share) + poses[after] * share
    return blended
