"""Scores of overlapping windows smoothed, and frames of one action merged into segments."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from ms2l_tf.prediction.model import UNKNOWN
from ms2l_tf.prediction.windows import Window


class Segment(NamedTuple):
    """One action in a recording.

    Attributes:
        start, end: frames, the latter not included.
        label: name of the class, ``unknown``, or None where nobody is seen.
        score: of the most likely class, mean over the frames.
    """

    start: int
    end: int
    label: str | None
    score: float


def _mean(probabilities: np.ndarray) -> np.ndarray:
    mean: np.ndarray = probabilities.mean(axis=0)
    return mean


def _median(probabilities: np.ndarray) -> np.ndarray:
    """Class by class, scaled to a sum of 1."""
    median = np.median(probabilities, axis=0)
    total = median.sum()
    return median / total if total > 0 else _mean(probabilities)


SMOOTHINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"mean": _mean, "median": _median}


def smoothed(windows: Iterable[Window], smoothing: str = "mean") -> Iterator[Window]:
    """Stretches of frames that the same windows cover, with what these say together.

    Windows in which nobody is seen say nothing. Only those that cover a stretch are in memory.

    Args:
        windows: by their start; none ends before an earlier one.
        smoothing: a key of `SMOOTHINGS`.

    Yields:
        Stretches, one after the other.
    """
    together = SMOOTHINGS[smoothing]
    covering: collections.deque[Window] = collections.deque()
    place = 0
    for window in windows:
        yield from _stretches(covering, place, window.start, together)
        place = window.start
        covering.append(window)
    if covering:
        yield from _stretches(covering, place, covering[-1].end, together)


def _stretches(
    covering: collections.deque[Window],
    place: int,
    stop: int,
    together: Callable[[np.ndarray], np.ndarray],
) -> Iterator[Window]:
    """The frames from `place` to `stop`; windows that end there are dropped."""
    while place < stop and covering:
        end = min(stop, covering[0].end)
        said = [each.probabilities for each in covering if each.probabilities is not None]
        yield Window(place, end, together(np.stack(said)) if said else None)
        place = end
        while covering and covering[0].end <= place:
            covering.popleft()


def segments(
    stretches: Iterable[Window], labels: tuple[str, ...], threshold: float = 0.0
) -> Iterator[Segment]:
    """Neighbouring stretches of one label as one segment.

    Args:
        stretches: see `smoothed`.
        labels: names of the classes.
        threshold: score under which the label is ``unknown``.
    """
    current: Segment | None = None
    for stretch in stretches:
        found = Segment(stretch.start, stretch.end, *_labelled(stretch, labels, threshold))
        if current is not None and current.label == found.label:
            current = _merged(current, found)
            continue
        if current is not None:
            yield current
        current = found
    if current is not None:
        yield current


def _labelled(
    stretch: Window, labels: tuple[str, ...], threshold: float
) -> tuple[str | None, float]:
    if stretch.probabilities is None:
        return None, 0.0
    best = int(stretch.probabilities.argmax())
    score = float(stretch.probabilities[best])
    return (labels[best] if score >= threshold else UNKNOWN), score


def _merged(one: Segment, other: Segment) -> Segment:
    frames, more = one.end - one.start, other.end - other.start
    score = (frames * one.score + more * other.score) / (frames + more)
    return Segment(one.start, other.end, one.label, score)
