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
        familiarity: see `Window`, mean over the frames.
    """

    start: int
    end: int
    label: str | None
    score: float
    familiarity: float = 1.0


SMOOTHINGS: Mapping[str, Callable[..., np.ndarray]] = {"mean": np.mean, "median": np.median}


def smoothed(windows: Iterable[Window], smoothing: str = "mean") -> Iterator[Window]:
    """Stretches of frames that the same windows cover, with what these say together.

    Windows in which nobody is seen say nothing. Only those that cover a stretch are in memory.

    Args:
        windows: by their start; none ends before an earlier one.
        smoothing: a key of `SMOOTHINGS`.

    Yields:
        Stretches, one after the other.
    """
    covering: collections.deque[Window] = collections.deque()
    place = 0
    for window in windows:
        yield from _stretches(covering, place, window.start, smoothing)
        place = window.start
        covering.append(window)
    if covering:
        yield from _stretches(covering, place, covering[-1].end, smoothing)


def _stretches(
    covering: collections.deque[Window],
    place: int,
    stop: int,
    smoothing: str,
) -> Iterator[Window]:
    """The frames from `place` to `stop`; windows that end there are dropped."""
    while place < stop and covering:
        end = min(stop, covering[0].end)
        yield _together(place, end, list(covering), smoothing)
        place = end
        while covering and covering[0].end <= place:
            covering.popleft()


def _together(start: int, end: int, covering: list[Window], smoothing: str) -> Window:
    """What the windows that cover a stretch say; probabilities are scaled to a sum of 1."""
    said = [each.probabilities for each in covering if each.probabilities is not None]
    if not said:
        return Window(start, end, None)
    how = SMOOTHINGS[smoothing]
    probabilities = how(said, axis=0)
    if not probabilities.sum():  # the median of windows that agree in nothing
        probabilities = np.mean(said, axis=0)
    familiar = [each.familiarity for each in covering if each.probabilities is not None]
    return Window(start, end, probabilities / probabilities.sum(), float(how(familiar)))


def segments(
    stretches: Iterable[Window], labels: tuple[str, ...], threshold: float = 0.0
) -> Iterator[Segment]:
    """Neighbouring stretches of one label as one segment.

    Args:
        stretches: see `smoothed`.
        labels: names of the classes.
        threshold: familiarity under which the label is ``unknown``.
    """
    current: Segment | None = None
    for stretch in stretches:
        found = _labelled(stretch, labels, threshold)
        if current is not None and current.label == found.label:
            current = _merged(current, found)
            continue
        if current is not None:
            yield current
        current = found
    if current is not None:
        yield current


def _labelled(stretch: Window, labels: tuple[str, ...], threshold: float) -> Segment:
    start, end, probabilities, familiarity = stretch
    if probabilities is None:
        return Segment(start, end, None, 0.0, 0.0)
    best = int(probabilities.argmax())
    label = labels[best] if familiarity >= threshold else UNKNOWN
    return Segment(start, end, label, float(probabilities[best]), familiarity)


def _merged(one: Segment, other: Segment) -> Segment:
    weights = one.end - one.start, other.end - other.start
    score, familiarity = (
        float(np.average(values, weights=weights))
        for values in ((one.score, other.score), (one.familiarity, other.familiarity))
    )
    return Segment(one.start, other.end, one.label, score, familiarity)
