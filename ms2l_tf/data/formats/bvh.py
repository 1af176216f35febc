"""BioVision Hierarchy: skeleton and motion in one `.bvh` file.

A joint's rotation is the product of its rotation channels in the order listed (`Zrotation
Xrotation Yrotation` is Rz Rx Ry), relative to its parent. Its place is its offset in the frame of
the parent; position channels, where a joint has them, replace the coordinates of the offset. `End
Site`s have no name and no motion and are left out. The words of the format may stand in small
letters or in capitals, as some programs write them; the names of joints are kept as they are, and
may hold blanks, as those of 3ds Max do.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

import numpy as np

from ms2l_tf.data.checks import is_count
from ms2l_tf.data.formats.mocap import (
    check_moved,
    check_recorded_rate,
    parse_numbers,
    shorten,
    text_lines,
)
from ms2l_tf.data.kinematics import euler_rotation, world_points, world_rotations
from ms2l_tf.errors import InputError

_CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")
_CANONICAL = {channel.lower(): channel for channel in _CHANNELS}
_END_SITE = -1


@dataclasses.dataclass(frozen=True, eq=False)
class BvhMotion:
    """The content of a `.bvh` file.

    Attributes:
        joints: J names, parents before their children.
        parents: of each joint, -1 for the root.
        offsets: float64 [J, 3] in the unit of the file.
        channels: for each joint, e.g. `("Zrotation", "Xrotation", "Yrotation")`.
        values: float64 [T, all channels], angles in degrees.
        frame_time: seconds.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[str, ...], ...]
    values: np.ndarray
    frame_time: float


def joint_points(motion: BvhMotion) -> np.ndarray:
    """The joints' positions in the unit of the file, float64 [T, J, 3]."""
    shape = (len(motion.values), len(motion.joints))
    local = np.empty((*shape, 3, 3))
    places = np.broadcast_to(motion.offsets, (*shape, 3)).copy()
    first = 0
    for joint, channels in enumerate(motion.channels):
        values = motion.values[:, first : first + len(channels)]
        first += len(channels)
        turns = [number for number, name in enumerate(channels) if name.endswith("rotation")]
        axes = [channels[number][0] for number in turns]
        local[:, joint] = euler_rotation(axes, np.deg2rad(values[:, turns]))
        for number, name in enumerate(channels):
            if name.endswith("position"):
                places[:, joint, "XYZ".index(name[0])] = values[:, number]
    world = world_rotations(motion.parents, local)
    steps = places
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            steps[:, joint] = (world[:, parent] @ places[:, joint, :, np.newaxis])[..., 0]
    return world_points(motion.parents, steps)


def parse_bvh(text: str, where: str) -> BvhMotion:
    """Reads skeleton and motion.

    Args:
        text: content of the file.
        where: names the file in errors.

    Raises:
        InputError: the hierarchy is malformed, there is no frame, or the motion doesn't hold as
            many lines and numbers as announced, all finite.
    """
    lines = text_lines(text)
    hierarchy = _Hierarchy(where)
    start = hierarchy.parse(lines)
    num_channels = sum(len(channels) for channels in hierarchy.channels)
    check_moved(len(hierarchy.joints), num_channels, where)
    values, frame_time = _parse_motion(lines, start, num_channels, where)
    return BvhMotion(
        tuple(hierarchy.joints),
        tuple(hierarchy.parents),
        np.array([hierarchy.offsets[joint] for joint in range(len(hierarchy.joints))]),
        tuple(hierarchy.channels),
        values,
        frame_time,
    )


class _Hierarchy:
    """Parser of the first half of a file, word by word."""

    def __init__(self, where: str) -> None:
        self.joints: list[str] = []
        self.parents: list[int] = []
        self.offsets: dict[int, list[float]] = {}
        self.channels: list[tuple[str, ...]] = []
        self._where = where
        self._line = 0
        self._open: list[int] = []  # the joints whose braces are open, or end sites
        self._words: Iterator[str] = iter(())

    def parse(self, lines: Sequence[str]) -> int:
        """Reads up to the line `MOTION` and returns how many lines that are."""
        self._words = self._walk(lines)
        for word in self._words:
            if word.upper() == "MOTION":
                self._check()
                return self._line
            self._statement(word)
        if self._open:
            raise InputError(
                f"{self._where}: ends within the hierarchy, {len(self._open)} '{{' have no '}}'"
            )
        raise InputError(f"{self._where}: has no line MOTION; it is truncated or no .bvh file")

    def _walk(self, lines: Sequence[str]) -> Iterator[str]:
        for self._line, line in enumerate(lines, start=1):
            yield from line.split()

    def _statement(self, written: str) -> None:
        word = written.upper()
        if word == "HIERARCHY":
            return
        if word in ("ROOT", "JOINT"):
            self._begin_joint(word)
        elif word == "END":
            self._take("Site")
            self._take("{")
            self._open.append(_END_SITE)
        elif word == "OFFSET":
            offset = parse_numbers([self._next() for _ in range(3)], self._place)
            if self._inside(word) != _END_SITE:
                self.offsets[self._open[-1]] = offset
        elif word == "CHANNELS":
            self._read_channels()
        elif word == "}":
            if not self._open:
                raise InputError(f"{self._place}: '}}' without '{{'")
            self._open.pop()
        else:
            raise InputError(f"{self._place}: {shorten(written)} is no word of a hierarchy")

    def _begin_joint(self, word: str) -> None:
        name, place = self._read_name()
        if word == "ROOT" and self.joints:
            raise InputError(f"{place}: a second ROOT; one skeleton a file can be read")
        if word == "JOINT" and not self._open:
            raise InputError(f"{place}: JOINT {name} outside a ROOT")
        if word == "JOINT" and self._open[-1] == _END_SITE:
            raise InputError(f"{place}: JOINT {name} within an End Site")
        if name in self.joints:
            raise InputError(f"{place}: the joint {shorten(name)} is there already")
        self.parents.append(self._open[-1] if self._open else -1)
        self._open.append(len(self.joints))
        self.joints.append(name)
        self.channels.append(())

    def _read_name(self) -> tuple[str, str]:
        """A name up to the end of its line or the brace after it, and its place."""
        name, line, place = self._next(), self._line, self._place
        while (word := self._next()) != "{":
            if self._line != line:
                raise InputError(f"{self._place}: {shorten(word)} instead of '{{'")
            name += f" {word}"
        return name, place

    def _read_channels(self) -> None:
        joint = self._inside("CHANNELS")
        count = self._next()
        if not is_count(count) or int(count) > len(_CHANNELS) or joint == _END_SITE:
            raise InputError(f"{self._place}: CHANNELS {shorten(count)} cannot be")
        words = [self._next() for _ in range(int(count))]
        for word in words:
            if word.lower() not in _CANONICAL or words.count(word) > 1:
                raise InputError(
                    f"{self._place}: {shorten(word)} instead of the next of {count} channels "
                    f"({', '.join(_CHANNELS)})"
                )
        self.channels[joint] = tuple(_CANONICAL[word.lower()] for word in words)

    def _check(self) -> None:
        if self._open:
            raise InputError(
                f"{self._place}: the motion begins while {len(self._open)} '{{' have no '}}'"
            )
        if not self.joints:
            raise InputError(f"{self._place}: the motion begins, but there was no ROOT")
        for joint, name in enumerate(self.joints):
            if joint not in self.offsets:
                raise InputError(f"{self._where}: the joint {name} has no OFFSET")

    def _inside(self, what: str) -> int:
        if not self._open:
            raise InputError(f"{self._place}: {what} outside a ROOT")
        return self._open[-1]

    def _take(self, expected: str) -> None:
        word = self._next()
        if word.upper() != expected.upper():
            raise InputError(f"{self._place}: {shorten(word)} instead of '{expected}'")

    def _next(self) -> str:
        word = next(self._words, None)
        if word is None:
            raise InputError(f"{self._place}: the file ends within the hierarchy")
        return word

    @property
    def _place(self) -> str:
        return f"{self._where}, line {self._line}"


def _parse_motion(
    lines: Sequence[str], start: int, num_channels: int, where: str
) -> tuple[np.ndarray, float]:
    """Values [T, channels] and frame time from the lines after `MOTION`."""
    rows = [(number, line) for number, line in enumerate(lines[start:], start + 1) if line.strip()]
    num_frames = _header_number(rows, 0, "Frames:", where)
    frame_time = _header_number(rows, 1, "Frame Time:", where)
    if num_frames < 1:
        raise InputError(f"{where}: has no frame (Frames: {num_frames:g})")
    if num_frames != int(num_frames):
        raise InputError(f"{where}, line {rows[0][0]}: Frames: {num_frames:g} is no whole number")
    rows = rows[2:]
    if frame_time <= 0:
        raise InputError(f"{where}: Frame Time: {frame_time:g} must be more than 0 seconds")
    check_recorded_rate(1 / frame_time, f"{where}: Frame Time: {frame_time:g} seconds")
    if len(rows) != num_frames:
        kind = "truncated" if len(rows) < num_frames else "too long"
        end = rows[-1][0] if rows else start + 2
        raise InputError(
            f"{where}, line {end}: the motion is {kind}, {len(rows)} frames of {num_frames:g}"
        )
    try:
        values = np.loadtxt([line for _, line in rows], comments=None, ndmin=2)
    except ValueError:
        values = np.empty((0, 0))
    if values.shape != (num_frames, num_channels) or not np.isfinite(values).all():
        _explain(rows, num_channels, where)
    return values, frame_time


def _header_number(rows: Sequence[tuple[int, str]], row: int, label: str, where: str) -> float:
    words = label.removesuffix(":").split()
    pattern = r"\s*" + r"\s+".join(words) + r"\s*:(.*)"
    match = re.fullmatch(pattern, rows[row][1], re.IGNORECASE) if len(rows) > row else None
    if match is None:
        place = f"{where}, line {rows[row][0]}" if len(rows) > row else where
        raise InputError(f"{place}: '{label}' is missing after MOTION")
    return parse_numbers([match[1].strip()], f"{where}, line {rows[row][0]}")[0]


def _explain(rows: Sequence[tuple[int, str]], num_channels: int, where: str) -> None:
    """Raises the error of the first line that is wrong."""
    for number, line in rows:
        words = line.split()
        if len(words) != num_channels:
            raise InputError(
                f"{where}, line {number}: has {len(words)} values, the hierarchy has "
                f"{num_channels} channels"
            )
        parse_numbers(words, f"{where}, line {number}")
    raise InputError(f"{where}: the motion cannot be read as numbers")
