"""Predictions as rows: what a line of JSON or of a table says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf.prediction.clips import Prediction
from ms2l_tf.prediction.model import UNKNOWN
from ms2l_tf.prediction.segments import Segment
from ms2l_tf.prediction.windows import Window

SEGMENT_COLUMNS = (
    *("clip", "start", "end", "start_seconds", "end_seconds"),
    *("label", "score", "familiarity", "error"),
)


def ranked(
    probabilities: np.ndarray, labels: tuple[str, ...], k: int, familiarity: float, threshold: float
) -> dict[str, Any]:
    """The label, its score, and the k most likely classes with theirs, the best first.

    Args:
        probabilities: [K].
        labels: names of the classes.
        k: how many, at most.
        familiarity: of the clip.
        threshold: under which the label is ``unknown``.
    """
    order = np.argsort(-probabilities, kind="stable")[:k]
    top: list[dict[str, str | float]] = [
        {"label": labels[number], "score": rounded(probabilities[number])} for number in order
    ]
    label = labels[order[0]] if familiarity >= threshold else UNKNOWN
    score, share = rounded(probabilities[order[0]]), rounded(familiarity)
    return {"label": label, "score": score, "familiarity": share, "top": top}


def rounded(score: float) -> float:
    """A score as it is written: six digits after the point."""
    return round(float(score), 6)


def clip_row(
    prediction: Prediction, labels: tuple[str, ...], k: int, threshold: float
) -> dict[str, Any]:
    """A recording for a line of JSON."""
    if prediction.probabilities is None:
        return {"clip": prediction.name, "error": prediction.error}
    share = 1.0 if prediction.familiarity is None else prediction.familiarity
    said = ranked(prediction.probabilities, labels, k, share, threshold)
    return {"clip": prediction.name, "frames": prediction.frames, **said}


def clip_columns(k: int) -> tuple[str, ...]:
    """Of a table of recordings with their k most likely classes."""
    ranks = [name for rank in range(1, k + 1) for name in (f"label_{rank}", f"score_{rank}")]
    return ("clip", "frames", "label", "score", "familiarity", *ranks, "error")


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A `clip_row` as a row of such a table."""
    cells = {name: value for name, value in row.items() if name != "top"}
    for rank, each in enumerate(row.get("top", ()), start=1):
        cells |= {f"label_{rank}": each["label"], f"score_{rank}": each["score"]}
    return cells


def segment_row(name: str, segment: Segment, frame_rate: float) -> dict[str, Any]:
    """A segment of a recording for a line of JSON or a row of `SEGMENT_COLUMNS`."""
    return {
        "clip": name,
        "start": segment.start,
        "end": segment.end,
        "start_seconds": round(segment.start / frame_rate, 3),
        "end_seconds": round(segment.end / frame_rate, 3),
        "label": segment.label,
        "score": rounded(segment.score),
        "familiarity": rounded(segment.familiarity),
    }


def window_row(window: Window, labels: tuple[str, ...], k: int, threshold: float) -> dict[str, Any]:
    """A window of a stream for a line of JSON."""
    place = {"start": window.start, "end": window.end}
    if window.probabilities is None:
        return {**place, "label": None, "score": 0.0, "familiarity": 0.0, "top": []}
    return {**place, **ranked(window.probabilities, labels, k, window.familiarity, threshold)}
