"""Long recordings by sliding windows: which they are, and what a model says of each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ms2l_tf.data.pose_store import PoseStore, release
from ms2l_tf.errors import InputError
from ms2l_tf.prediction.model import Model

USAGE = "LENGTH[:STRIDE] in frames, such as 60:15, or seconds, such as 2s:0.5s"
FRAME_RATE = 30.0  # of frames that come without one
_NUMBER = r"(\d+(?:\.\d+)?)(s?)"


class Window(NamedTuple):
    """What a model says of frames `start` to `end` (not included).

    `probabilities` are float32 [K]; None: nobody is seen there. `familiarity` is that of
    `Model.familiarity`; 1 where the model cannot tell.
    """

    start: int
    end: int
    probabilities: np.ndarray | None
    familiarity: float = 1.0


@dataclasses.dataclass(frozen=True)
class WindowSize:
    """Length and stride of windows.

    Attributes:
        length, stride: in frames or seconds.
        seconds: which of them.
    """

    length: float
    stride: float
    seconds: bool

    @classmethod
    def parse(cls, text: str, flag: str = "--windows") -> WindowSize:
        """Of a text such as ``60:15`` or ``2s:0.5s``; without a stride it is half the length.

        Raises:
            InputError: it is none.
        """
        found = re.fullmatch(f"{_NUMBER}(?::{_NUMBER})?", text.strip())
        if found is None or (found[3] and found[2] != found[4]):
            raise InputError(f"{flag}={text}: use {USAGE}")
        seconds, length = found[2] == "s", float(found[1])
        half = length / 2 if seconds else max(1.0, length // 2)
        size = cls(length, float(found[3]) if found[3] else half, seconds)
        if not seconds and not (size.length.is_integer() and size.stride.is_integer()):
            raise InputError(f"{flag}={text}: frames are whole numbers; use {USAGE}")
        if not 0 < size.stride <= size.length:
            raise InputError(
                f"{flag}={text}: a stride is above 0, and no longer than its window: frames "
                "between windows would belong to none"
            )
        return size

    def __str__(self) -> str:
        unit = "s" if self.seconds else ""
        return f"{self.length:g}{unit}:{self.stride:g}{unit}"

    def frames(self, frame_rate: float) -> tuple[int, int]:
        """Length and stride in frames, 1 at least."""
        scale = frame_rate if self.seconds else 1.0
        length, stride = (max(1, round(value * scale)) for value in (self.length, self.stride))
        return length, min(stride, length)


def spans(frames: int, length: int, stride: int) -> Iterator[tuple[int, int]]:
    """Windows (start, end) that cover a recording.

    They begin every `stride` frames; the last ends with the recording, and a recording that is
    shorter than a window is one window.
    """
    if frames <= length:
        yield 0, frames
        return
    start = 0
    for start in range(0, frames - length + 1, stride):
        yield start, start + length
    if start + length < frames:
        yield frames - length, frames


def window_predictions(
    model: Model,
    store: PoseStore,
    row: int,
    size: tuple[int, int],
    batch: int,
    turn: Callable[[np.ndarray], np.ndarray],
) -> Iterator[Window]:
    """What a model says of each window of a clip; no more than a batch of them is in memory.

    Args:
        model: with a head.
        store: poses, mapped from a disk perhaps.
        row: of the clip.
        size: length and stride in frames.
        batch: windows that are computed at a time.
        turn: poses [B, F, M, J, C] into the unit and axes of the model.
    """
    chosen: list[tuple[int, int]] = []
    for span in spans(int(store.lengths[row]), *size):
        chosen.append(span)
        if len(chosen) == batch:
            yield from _of_batch(model, store, row, chosen, turn)
            chosen = []
    if chosen:
        yield from _of_batch(model, store, row, chosen, turn)


def _of_batch(
    model: Model,
    store: PoseStore,
    row: int,
    chosen: list[tuple[int, int]],
    turn: Callable[[np.ndarray], np.ndarray],
) -> Iterator[Window]:
    first = int(store.offsets[row])
    begin, end = first + chosen[0][0], first + chosen[-1][1]
    present = store.present[begin:end]
    block = np.where(present[..., None, None], store.coords[begin:end], np.nan)
    release(store.coords)
    starts = [start - chosen[0][0] for start, _ in chosen]
    length = chosen[0][1] - chosen[0][0]
    seen = [bool(present[start : start + length].any()) for start in starts]
    poses = np.stack([block[start : start + length] for start in starts]).astype(np.float32)
    poses[~np.array(seen)] = 0.0  # of nobody; what comes of it is not used
    made = of_outputs(model, model.compute(turn(poses), np.full(len(starts), length, np.int32)))
    for (start, stop), anyone, said in zip(chosen, seen, made, strict=True):
        yield Window(start, stop, *said) if anyone else Window(start, stop, None)


def of_outputs(model: Model, outputs: dict[str, np.ndarray]) -> list[tuple[np.ndarray, float]]:
    """Probabilities [K] and familiarity of each clip of a batch."""
    probabilities = outputs["probabilities"]
    familiar = model.familiarity(outputs["features"])
    shares = [1.0] * len(probabilities) if familiar is None else familiar.tolist()
    return list(zip(probabilities, shares, strict=True))
