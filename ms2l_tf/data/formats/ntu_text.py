"""The text of a `.skeleton` file of NTU RGB+D: frames, the bodies in each, the joints of each.

```
102                      frames
1                        bodies in the first frame
72057594037931101 0 ...  a body: its number, which it keeps while it is tracked, and 9 more
25                       its joints
0.21 0.11 3.42 ...       a joint: x y z in metres, then 9 numbers that are not read
```

What is not read (pixels of other cameras, a rotation) is not looked at either: published files
hold values there that are no numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.checks import is_count
from ms2l_tf.data.formats.decimals import leading_numbers
from ms2l_tf.data.formats.kinect import as_float32
from ms2l_tf.data.formats.mocap import BYTE_ORDER_MARK, is_number, shorten
from ms2l_tf.errors import InputError

NUM_JOINTS = 25
_BODY_NUMBERS = 10
_JOINT_NUMBERS = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """What was tracked under one number: joints float32 [N, 25, 3] in its frames, int [N]."""

    frames: np.ndarray
    joints: np.ndarray


@dataclasses.dataclass
class _Track:
    """Frames of one body, the lines of its joints, and where these begin for each frame."""

    frames: list[int] = dataclasses.field(default_factory=list)
    rows: list[str] = dataclasses.field(default_factory=list)
    begins: list[int] = dataclasses.field(default_factory=list)


def parse_skeleton(text: str, where: str) -> tuple[int, list[Body]]:
    """Number of frames, and the bodies in the order in which they appear.

    Nothing is allocated by a count in the file: its lines have to be there.

    Args:
        text: content of the file.
        where: names the file in errors.

    Raises:
        InputError: counts and lines do not agree, a coordinate is no number, or a body occurs twice
            in a frame.
    """
    lines = text.removeprefix(BYTE_ORDER_MARK).rstrip().replace("\r\n", "\n").split("\n")
    num_frames = _count(lines, 0, "the number of frames", where)
    tracks: dict[str, _Track] = {}
    line = 1
    for frame in range(num_frames):
        num_bodies = _count(lines, line, f"the number of bodies in frame {frame}", where)
        line += 1
        for _ in range(num_bodies):
            _read_body(lines, line, frame, tracks, where)
            line += 2 + NUM_JOINTS
    if line < len(lines):
        raise InputError(
            f"{where}, line {line + 1}: follows the last of the {num_frames} frames that line 1 "
            "announces"
        )
    plain = text.isascii() and "_" not in text
    return num_frames, [
        Body(np.array(track.frames), _joints(track, plain, where)) for track in tracks.values()
    ]


def _read_body(
    lines: Sequence[str], line: int, frame: int, tracks: dict[str, _Track], where: str
) -> None:
    """Adds the body that begins in a line (from 0) to its track."""
    if line >= len(lines):
        raise _cut_short(lines, f"a body of frame {frame}", where)
    words = lines[line].split()
    if len(words) != _BODY_NUMBERS:
        raise InputError(
            f"{where}, line {line + 1}: a body begins with {_BODY_NUMBERS} numbers, "
            f"got {len(words)}"
        )
    joints = _count(lines, line + 1, "the number of joints", where)
    if joints != NUM_JOINTS:
        raise InputError(
            f"{where}, line {line + 2}: the body has {joints} joints, expected {NUM_JOINTS}"
        )
    begin = line + 2
    if begin + NUM_JOINTS > len(lines):
        raise _cut_short(lines, f"frame {frame}", where)
    track = tracks.setdefault(words[0], _Track())
    if track.frames and track.frames[-1] == frame:
        raise InputError(
            f"{where}, line {line + 1}: the body {shorten(words[0])} occurs twice in frame {frame}"
        )
    track.frames.append(frame)
    track.begins.append(begin)
    track.rows += lines[begin : begin + NUM_JOINTS]


def _count(lines: Sequence[str], line: int, what: str, where: str) -> int:
    if line >= len(lines):
        raise _cut_short(lines, what, where)
    word = lines[line].strip()
    if not is_count(word):
        raise InputError(f"{where}, line {line + 1}: {shorten(word)} is not {what}")
    return int(word)


def _cut_short(lines: Sequence[str], what: str, where: str) -> InputError:
    return InputError(f"{where}: is cut short, it ends in line {len(lines)} before {what} is there")


def _joints(track: _Track, plain: bool, where: str) -> np.ndarray:
    """The first three numbers of the lines of joints."""
    # As published: one blank between numbers. What deviates is looked at line by line.
    values = leading_numbers(track.rows, _JOINT_NUMBERS, 3) if plain else None
    if values is None:
        values = np.array(_careful_values(track, where))
    return as_float32(values.reshape(-1, NUM_JOINTS, 3))


def _careful_values(track: _Track, where: str) -> list[float]:
    values: list[float] = []
    for number, row in enumerate(track.rows):
        words = row.split()
        line = track.begins[number // NUM_JOINTS] + number % NUM_JOINTS + 1
        if len(words) != _JOINT_NUMBERS:
            raise InputError(
                f"{where}, line {line}: a joint has {_JOINT_NUMBERS} numbers, got {len(words)}"
            )
        for word in words[:3]:
            if not is_number(word):
                raise InputError(f"{where}, line {line}: {shorten(word)} is not a number")
            values.append(float(word))
    return values
