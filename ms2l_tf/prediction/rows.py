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
    *("label", "score", "error"),
)


def ranked(
    probabilities: np.ndarray, labels: tuple[str, ...], k: int, threshold: float = 0.0
) -> tuple[str, float, list[dict[str, str | float]]]:
    """The label, its score, and the k most likely classes with theirs, the best first.

    Args:
        probabilities: [K].
        labels: names of the classes.
        k: how many, at most.
        threshold: score under which the label is ``unknown``.
    """
    order = np.argsort(-probabilities, kind="stable")[:k]
    top: list[dict[str, str | float]] = [
        {"label": labels[number], "score": rounded(probabilities[number])} for number in order
    ]
    score = float(probabilities[order[0]])
    return (labels[order[0]] if score >= threshold else UNKNOWN), rounded(score), top


def rounded(score: float) -> float:
    """A score as it is written: six digits after the point."""
    return round(float(score), 6)


def clip_row(
    prediction: Prediction, labels: tuple[str, ...], k: int, threshold: float
) -> dict[str, Any]:
    """A recording for a line of JSON."""
    if prediction.probabilities is None:
        return {"clip": prediction.name, "error": prediction.error}
    label, score, top = ranked(prediction.probabilities, labels, k, threshold)
    named = {"clip": prediction.name, "frames": prediction.frames}
    return {**named, "label": label, "score": score, "top": top}


def clip_columns(k: int) -> tuple[str, ...]:
    """Of a table of recordings with their k most likely classes."""
    ranks = [name for rank in range(1, k + 1) for name in (f"label_{rank}", f"score_{rank}")]
    return ("clip", "frames", "label", "score", *ranks, "error")


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
    }


def window_row(window: Window, labels: tuple[str, ...], k: int, threshold: float) -> dict[str, Any]:
    """A window of a stream for a line of JSON."""
    place = {"start": window.start, "end": window.end}
    if window.probabilities is None:
        return {**place, "label": None, "score": 0.0, "top": []}
    label, score, top = ranked(window.probabilities, labels, k, threshold)
    return {**place, "label": label, "score": score, "top": top}
