"""What the readers of Kinect skeletons share: the sensor's axes, and joints it did not see."""

from __future__ import annotations

import numpy as np

from ms2l_tf.data.records import Axes, ClipPoses
from ms2l_tf.errors import InputError

# The sensor looks along +z, y is up, and x grows to its left: who faces it has the right hand
# where x is larger.
AXES = Axes(up="+y", forward="+z", handedness="right")
FRAME_RATE = 30.0
_LISTED = 10  # frames that a line names


def as_float32(values: np.ndarray) -> np.ndarray:
    """The same as float32; what is beyond it is infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def drop_unseen(coords: np.ndarray) -> np.ndarray:
    """Sets joints, [..., C], to NaN in place whose coordinates are all zero, or not all finite.

    Returns:
        Which these are, bool [...].
    """
    unseen: np.ndarray = (coords == 0).all(axis=-1) | ~np.isfinite(coords).all(axis=-1)
    coords[unseen] = np.nan
    return unseen


def one_person(coords: np.ndarray, where: str) -> tuple[ClipPoses, tuple[str, ...]]:
    """The poses of who stands alone before the sensor, [T, J, 3], and what was repaired.

    Raises:
        InputError: no joint is seen in any frame.
    """
    coords = as_float32(coords)
    unseen = drop_unseen(coords)
    if unseen.all():
        raise InputError(f"{where}: has no joint in any frame")
    return ClipPoses(coords[:, np.newaxis]), describe_missing(unseen)


def describe_missing(missing: np.ndarray) -> tuple[str, ...]:
    """The line of a report about missing joints, bool [T, ...]; nothing if there is none."""
    if not missing.any():
        return ()
    frames = np.flatnonzero(missing.any(axis=tuple(range(1, missing.ndim))))
    shown = ", ".join(map(str, frames[:_LISTED])) + (", ..." if len(frames) > _LISTED else "")
    return (
        f"{int(missing.sum())} joints set to missing in {len(frames)} of {len(missing)} frames "
        f"(frame {shown}, counted from 0)",
    )
