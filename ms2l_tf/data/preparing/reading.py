"""`Reading`: a clip as read and checked, and its bytes, as processes and unfinished parts hold it.

The bytes are JSON and plain arrays, so that nothing that lies on a disk is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.pose_writer import CheckedPoses
from ms2l_tf.data.records import Clip, ClipPoses

_SUM, _LENGTH = 4, 8  # bytes of the checksum and of the header's length
_TYPES = {"coords": np.float32, "present": np.bool_, "confidence": np.float32}


@dataclasses.dataclass(frozen=True)
class Reading:
    """What came of one entry of a source.

    Attributes:
        entry: as the reader calls it.
        error: why it cannot be used; then there is nothing else.
        clip: its row, checked.
        poses: by layout, checked and padded.
        repairs, marks: see `ReadClip`.
        digest: of the poses as they were read, hexadecimal.
        frames: of the longest layout.
        repeated: how many of these are equal to the one before.
    """

    entry: str
    error: str = ""
    clip: Clip | None = None
    poses: Mapping[str, CheckedPoses] = dataclasses.field(default_factory=dict)
    repairs: tuple[str, ...] = ()
    marks: tuple[int, ...] = ()
    digest: str = ""
    frames: int = 0
    repeated: int = 0


def pack(readings: Sequence[Reading]) -> bytes:
    """The readings as bytes: checksum, length of the header, header as JSON, arrays."""
    arrays: list[np.ndarray] = []
    header = json.dumps([_described(reading, arrays) for reading in readings]).encode()
    content = b"".join([len(header).to_bytes(_LENGTH), header, *map(np.ndarray.tobytes, arrays)])
    return zlib.crc32(content).to_bytes(_SUM) + content


def unpack(packed: bytes) -> list[Reading]:
    """What `pack` was given; its arrays cannot be written to.

    Raises:
        ValueError: the bytes are not as `pack` made them.
    """
    content = memoryview(packed)[_SUM:]
    if zlib.crc32(content) != int.from_bytes(packed[:_SUM]):
        raise ValueError("the checksum does not match")
    start = _LENGTH + int.from_bytes(content[:_LENGTH])
    arrays = _Arrays(content[start:])
    return [_rebuilt(entry, arrays) for entry in json.loads(bytes(content[_LENGTH:start]))]


def _described(reading: Reading, arrays: list[np.ndarray]) -> dict[str, Any]:
    poses = {layout: _packed(checked, arrays) for layout, checked in reading.poses.items()}
    clip = None if reading.clip is None else dataclasses.asdict(reading.clip)
    return {**vars(reading), "clip": clip, "poses": poses}


def _packed(checked: CheckedPoses, arrays: list[np.ndarray]) -> dict[str, Any]:
    shapes = {}
    for name, dtype in _TYPES.items():
        values = getattr(checked.poses, name)
        if values is not None:
            arrays.append(np.ascontiguousarray(values, dtype))
            shapes[name] = values.shape
    return {"shapes": shapes, "repairs": dict(checked.repairs), "seen": checked.seen}


def _rebuilt(entry: dict[str, Any], arrays: _Arrays) -> Reading:
    poses = {
        layout: CheckedPoses(
            ClipPoses(**{name: arrays.take(name, shape) for name, shape in of["shapes"].items()}),
            of["repairs"],
            of["seen"],
        )
        for layout, of in entry["poses"].items()
    }
    clip = None if entry["clip"] is None else Clip(**entry["clip"])
    lists = {name: tuple(entry[name]) for name in ("repairs", "marks")}
    return Reading(**{**entry, **lists, "clip": clip, "poses": poses})


class _Arrays:
    """Takes arrays from bytes, one after the other."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._place = 0

    def take(self, name: str, shape: Sequence[int]) -> np.ndarray:
        dtype, count = np.dtype(_TYPES[name]), int(np.prod(shape))
        values = np.frombuffer(self._content, dtype, count, self._place)
        self._place += values.nbytes
        return values.reshape(shape)
