"""How long the clips are: columns of a histogram, the shortest, the longest, those of one frame."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ms2l_tf.data.flaws import Listing

_COLUMNS = 30
_NAMED = 5
_LONG_TAIL = 20  # the longest by the median: from there on columns widen with the length


def summarise_lengths(lengths: np.ndarray, names: np.ndarray) -> dict[str, Any]:
    """Plain data on the clips that have frames.

    Args:
        lengths: int [N].
        names: of the clips, [N].
    """
    clips = np.flatnonzero(lengths > 0)
    order = clips[np.argsort(lengths[clips], kind="stable")]
    edges = _edges(lengths[clips])
    single = Listing()
    for clip in clips[lengths[clips] == 1]:
        single.add(str(names[clip]))
    return {
        "length_histogram": {
            "edges": edges.tolist(),
            "counts": np.histogram(lengths[clips], bins=edges)[0].tolist(),
        },
        "shortest": _named(order[:_NAMED], lengths, names),
        "longest": _named(order[::-1][:_NAMED], lengths, names),
        "clips_of_one_frame": dataclasses.asdict(single),
    }


def _edges(lengths: np.ndarray) -> np.ndarray:
    """Whole numbers from the least length to beyond the greatest."""
    low, high = int(lengths.min()), int(lengths.max())
    if high > _LONG_TAIL * np.median(lengths):
        return np.unique(np.rint(np.geomspace(low, high + 1, _COLUMNS + 1)).astype(int))
    width = math.ceil((high - low + 1) / _COLUMNS)
    return np.arange(low, high + width + 1, width)


def _named(clips: np.ndarray, lengths: np.ndarray, names: np.ndarray) -> list[dict[str, Any]]:
    return [{"clip": str(names[clip]), "frames": int(lengths[clip])} for clip in clips]
