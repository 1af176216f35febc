"""`Timeline`: what a model says of a long clip, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.prediction.segments import SMOOTHINGS, Segment, segments, smoothed
from ms2l_tf.prediction.windows import Window


class Timeline(NamedTuple):
    """Windows of a clip, and the segments that come of them.

    Attributes:
        starts, ends: frames of W windows, the latter not included: int [W].
        probabilities: of each class, float32 [W, K]; NaN where nobody is seen.
        segments: one after the other, from the first to the last frame.
    """

    starts: np.ndarray
    ends: np.ndarray
    probabilities: np.ndarray
    segments: tuple[Segment, ...]


def checked_size(length: int, stride: int | None) -> tuple[int, int]:
    """Length and stride in frames; None: half the length.

    Raises:
        InputError: they are no whole numbers, or a stride is longer than its window.
    """
    chosen = max(1, length // 2) if stride is None and isinstance(length, int) else stride
    for name, value in (("length", length), ("stride", chosen)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"{name}: {value!r}; expected a whole number of frames, 1 at least")
    assert chosen is not None
    if chosen > length:
        raise InputError(f"stride: {chosen} is longer than a window of {length} frames")
    return int(length), int(chosen)


def timeline(
    windows: Sequence[Window], labels: tuple[str, ...], smoothing: str, threshold: float
) -> Timeline:
    """The windows as arrays, with their segments.

    Args:
        windows: of one clip, by their start.
        labels: names of the K classes.
        smoothing: a key of `SMOOTHINGS`.
        threshold: familiarity under which a label is ``unknown``.

    Raises:
        InputError: there is no such smoothing.
    """
    if smoothing not in SMOOTHINGS:
        raise InputError(f"smoothing: {smoothing!r} is not one of {', '.join(SMOOTHINGS)}")
    nothing = np.full(len(labels), np.nan, np.float32)
    said = [nothing if each.probabilities is None else each.probabilities for each in windows]
    starts, ends = (np.array([each[side] for each in windows]) for side in (0, 1))
    parts = segments(smoothed(windows, smoothing), labels, threshold)
    return Timeline(starts, ends, np.stack(said), tuple(parts))
