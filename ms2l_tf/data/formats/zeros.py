"""Zeros that stand for what was not seen, as files have them that have no place for a gap."""

from __future__ import annotations

import numpy as np

from ms2l_tf.errors import InputError


def zeros_missing(coords: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Makes joints missing that lie at the origin or have a coordinate that is no finite number.

    A person without any joint is absent, which is the padding of these files and no repair.

    Args:
        coords: [T, M, J, C] numbers of any type.
        where: names the clip in errors.

    Returns:
        float32 [T, M, J, C], NaN where a joint is missing, and repairs in words.

    Raises:
        InputError: nobody is seen in any frame.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 is infinite, so missing
        coords = np.array(coords, np.float32)
    missing = ~np.isfinite(coords).all(axis=-1) | (coords == 0).all(axis=-1)
    if missing.all():
        raise InputError(f"{where}: has no joint of anyone in any frame")
    coords[missing] = np.nan
    there = ~missing.all(axis=-1, keepdims=True)
    count, frames = int((missing & there).sum()), (missing & there).any(axis=(1, 2))
    if not count:
        return coords, ()
    what = f"{count} joints at the origin or without a number set to missing"
    return coords, (f"{what} in {int(frames.sum())} of {len(coords)} frames",)


def without_padding(coords: np.ndarray) -> np.ndarray:
    """Poses [T, M, J, C] up to the last frame that is not all zero; at least one frame."""
    filled = np.flatnonzero((np.nan_to_num(coords) != 0).any(axis=(1, 2, 3)))
    return coords[: int(filled[-1]) + 1 if len(filled) else 1]
