"""Frames as they come, a line of JSON each, to a prediction every few frames."""

from __future__ import annotations

import collections
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

import numpy as np

from ms2l_tf.data.pose_writer import made_consistent
from ms2l_tf.data.records import Axes
from ms2l_tf.errors import InputError, one_line, warn
from ms2l_tf.prediction.model import Model
from ms2l_tf.prediction.windows import FRAME_RATE, Window, WindowSize, of_outputs
from ms2l_tf.skeletons.mapping import JointMapping

_LONGEST = 1 << 20  # bytes of a line
_LARGEST = float(np.finfo(np.float32).max)


class FrameStream:
    """Predicts every `stride` frames over the last `length` ones, as windows of a recording are.

    Args:
        model: with a head.
        size: of the windows.
        frame_rate: frames a second; None: that of the training clips, or 30.
        unit: of the poses; None: the model's.
        axes: of the poses; None: the model's.
        mapping: from the layout of the frames to the model's; None: it is the same.

    Attributes:
        length, stride: of the windows in frames.
        shape: (J, C) of a person in a frame.
        count: of predictions.
        slowest, total: seconds that one and all of them took.
    """

    def __init__(
        self,
        model: Model,
        size: WindowSize,
        *,
        frame_rate: float | None = None,
        unit: str | None = None,
        axes: Axes | None = None,
        mapping: JointMapping | None = None,
    ) -> None:
        known = model.manifest
        self._rate = frame_rate or known.frame_rate or FRAME_RATE
        self.length, self.stride = size.frames(self._rate)
        self._model, self._mapping = model, mapping
        self._turn = lambda poses: model.turned(poses, unit, axes)
        self._held: collections.deque[np.ndarray] = collections.deque(maxlen=self.length)
        joints = known.layout if mapping is None else mapping.source_layout
        self.shape = (joints.num_joints, known.coords)
        self._frames = self._predicted = 0
        self.count, self.slowest, self.total = 0, 0.0, 0.0

    @property
    def latency(self) -> str:
        """How long after a movement its prediction is told, in words."""
        mean, slowest = 1e3 * self.total / max(self.count, 1), 1e3 * self.slowest
        wait = self.stride / self._rate
        return (
            f"{self.count} predictions, {mean:.1f} ms each ({slowest:.1f} at most); told within "
            f"{wait:.2f} s + {slowest:.1f} ms of a frame, at {self._rate:g} frames a second"
        )

    def warm_up(self) -> None:
        """Has the model computed once, so that the first prediction is as quick as others."""
        known = self._model.manifest
        shape = (1, self.length, known.persons, known.layout.num_joints, known.coords)
        poses = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        self._model.compute(poses, np.array([self.length], np.int32))

    def add(self, frame: np.ndarray) -> Window | None:
        """A frame more, [M, J, C]; a prediction if it is time for one."""
        self._held.append(frame)
        self._frames += 1
        due = self._frames - self.length
        return self._predict() if due >= 0 and due % self.stride == 0 else None

    def finish(self) -> Window | None:
        """The last prediction, of frames after the one before; None: there are none."""
        return self._predict() if self._frames > self._predicted else None

    def _predict(self) -> Window:
        began = time.perf_counter()
        poses = self._poses()
        layout = self._model.manifest.layout
        present, _ = made_consistent(poses, None, layout, self._rate)
        place = (self._frames - len(poses), self._frames)
        made = Window(*place, None)
        if present.any():
            lengths = np.array([len(poses)], np.int32)
            outputs = self._model.compute(self._turn(poses[None]), lengths)
            made = Window(*place, *of_outputs(self._model, outputs)[0])
        self._predicted = self._frames
        took = time.perf_counter() - began
        self.count, self.total = self.count + 1, self.total + took
        self.slowest = max(self.slowest, took)
        return made

    def _poses(self) -> np.ndarray:
        """The frames that are held: [F, M, J, C] in the layout of the model."""
        persons = max(len(frame) for frame in self._held)
        shape = (len(self._held), persons, *self._held[0].shape[1:])
        poses = np.full(shape, np.nan, np.float32)
        for row, frame in zip(poses, self._held, strict=True):
            row[: len(frame)] = frame
        return poses if self._mapping is None else self._mapping.apply(poses)


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Lines as soon as they are there, none of them longer than a frame can be."""
    return iter(lambda: file.readline(_LONGEST), b"")


def stream_predictions(
    stream: FrameStream,
    lines: Iterable[bytes],
    told: Callable[[Window], None],
    *,
    keep_going: bool = False,
) -> None:
    """Reads frames to their end and tells every prediction at once.

    Args:
        stream: that frames are added to.
        lines: of JSON, see `parse_frame`; empty ones do not count.
        told: is given each prediction.
        keep_going: a line that is no frame is a frame in which nobody is seen, with a warning,
            instead of the end.

    Raises:
        InputError: a line is no frame; it names the line.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            frame = parse_frame(line, stream.shape, f"standard input, line {number}")
        except InputError as error:
            if not keep_going:
                raise
            warn(f"{error}; taken for a frame without anybody")
            frame = np.full((1, *stream.shape), np.nan, np.float32)
        if made := stream.add(frame):
            told(made)
    if made := stream.finish():
        told(made)


def parse_frame(line: bytes, shape: tuple[int, int], where: str) -> np.ndarray:
    """A frame of a line of JSON: float32 [M, J, C].

    Args:
        line: [J, C] or [M, J, C] as lists; null stands for a coordinate, joint, person or frame
            that is missing.
        shape: (J, C).
        where: names the line in errors.

    Raises:
        InputError: it is no such frame.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else one_line(error, 80)
        raise InputError(f"{where}: is not valid JSON ({reason})") from None
    joints, coords = shape
    expected = f"{where}: expected lists [{joints}, {coords}] or [persons, {joints}, {coords}]"
    if value is None or value == []:
        return np.full((1, *shape), np.nan, np.float32)
    if not isinstance(value, list):
        raise InputError(f"{expected}, got {type(value).__name__}")
    one = all(joint is None or _is_point(joint) for joint in value)
    if one and len(value) != joints and any(joint is not None for joint in value):
        raise InputError(f"{expected}, got {len(value)} joints")
    persons = [value] if one and len(value) == joints else value
    return np.stack([_person(person, shape, expected) for person in persons])


def _is_point(value: Any) -> bool:
    """Whether it is a list of numbers, or of nothing."""
    return isinstance(value, list) and not any(isinstance(each, list) for each in value)


def _person(value: Any, shape: tuple[int, int], expected: str) -> np.ndarray:
    if value is None:
        return np.full(shape, np.nan, np.float32)
    if not isinstance(value, list) or len(value) != shape[0]:
        count = f"{len(value)} joints" if isinstance(value, list) else "a number"
        raise InputError(f"{expected}, got {count}")
    return np.array([_joint(joint, shape[1], expected) for joint in value], np.float32)


def _joint(value: Any, coords: int, expected: str) -> list[float]:
    if value is None:
        return [np.nan] * coords
    if not isinstance(value, list) or len(value) != coords:
        raise InputError(f"{expected}, got a joint that has not {coords} coordinates")
    numbers = [np.nan if each is None else each for each in value]
    for each in numbers:
        if isinstance(each, bool) or not isinstance(each, (int, float)):
            raise InputError(f"{expected}, got {str(each)[:20]!r} for a coordinate")
        if abs(each) > _LARGEST:  # NaN is not
            raise InputError(f"{expected}, got a coordinate that is infinite or too large")
    return numbers
