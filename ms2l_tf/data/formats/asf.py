"""The skeleton of Acclaim motion capture, an `.asf` file; `asf_amc` says what its fields mean."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ms2l_tf.data.formats.mocap import check_moved, content_lines, parse_numbers, shorten
from ms2l_tf.data.kinematics import euler_rotation, visit_order
from ms2l_tf.errors import InputError

ROOT = "root"
ROTATIONS = ("RX", "RY", "RZ")
TRANSLATIONS = ("TX", "TY", "TZ")
_INCH = 0.0254  # metres
# A line of a section, as (line number, words).
_Line = tuple[int, list[str]]


@dataclasses.dataclass(frozen=True, eq=False)
class AcclaimSkeleton:
    """What an `.asf` file says; J joints are the root and the end of every bone.

    Attributes:
        joints: `"root"`, then the bones in the order of the file.
        parents: of each joint, -1 for the root.
        offsets: float64 [J, 3], bones in the world's axes at rest; for the root its position.
        frames: float64 [J, 3, 3], the rotation C of each bone.
        channels: for each joint what the `.amc` file gives, e.g. `("RX", "RZ")`.
        metres: length of one unit of the file.
        degrees: whether angles are degrees, unless the `.amc` file says otherwise.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    frames: np.ndarray
    channels: tuple[tuple[str, ...], ...]
    metres: float
    degrees: bool


def parse_asf(text: str, where: str) -> AcclaimSkeleton:
    """Reads the skeleton.

    Args:
        text: content of the `.asf` file.
        where: names the file in errors.

    Raises:
        InputError: a section or a bone's field is missing or malformed, or the bones don't form
            one tree under the root.
    """
    sections = _split_sections(text, where)
    for name in (":root", ":bonedata", ":hierarchy"):
        if name not in sections:
            raise InputError(f"{where}: has no section {name}")
    units = _fields(sections.get(":units", []))
    degrees = units.get("angle", (0, ["deg"]))[1] != ["rad"]
    length = _numbers(units, "length", 1, where)[0] if "length" in units else 1.0
    if length <= 0:
        raise InputError(f"{where}, line {units['length'][0]}: the unit of length is {length}")
    bones = [
        _Bone.parse(fields, line, degrees, where)
        for line, fields in _blocks(sections[":bonedata"], where)
    ]
    joints = (ROOT, *(bone.name for bone in bones))
    for number, bone in enumerate(bones, start=1):
        if bone.name in joints[:number]:
            raise InputError(f"{where}, line {bone.line}: the bone {bone.name} is there already")
    position, root_channels = _parse_root(_fields(sections[":root"]), where)
    num_channels = len(root_channels) + sum(len(bone.channels) for bone in bones)
    check_moved(len(joints), num_channels, where)
    return AcclaimSkeleton(
        joints,
        _parse_hierarchy(sections[":hierarchy"], joints, where),
        np.array([position, *(bone.offset for bone in bones)]),
        np.array([np.eye(3), *(bone.frame for bone in bones)]),
        (root_channels, *(bone.channels for bone in bones)),
        _INCH / length,
        degrees,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Bone:
    line: int
    name: str
    offset: np.ndarray
    frame: np.ndarray
    channels: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Mapping[str, _Line], line: int, degrees: bool, where: str) -> _Bone:
        for field in ("name", "direction", "length", "axis"):
            if field not in fields or not fields[field][1]:
                raise InputError(f"{where}, line {line}: the bone that begins here has no {field}")
        direction = np.array(_numbers(fields, "direction", 3, where))
        norm = math.hypot(*direction)
        if not 0 < norm < math.inf:
            size = "zero" if not norm else "without end"
            raise InputError(f"{where}, line {fields['direction'][0]}: the direction is {size}")
        axis_line, axis = fields["axis"]
        order = "".join(axis[3:]).upper()
        if order not in ("", "XYZ"):
            raise InputError(
                f"{where}, line {axis_line}: axis order {shorten(order)} is unknown, only XYZ is"
            )
        angles = np.array(_numbers(fields, "axis", 3, where))
        if degrees:
            angles = np.deg2rad(angles)
        dof_line, dofs = fields.get("dof", (0, []))
        channels = tuple(dof.upper() for dof in dofs)
        _check_channels(channels, ROTATIONS, f"{where}, line {dof_line}")
        return cls(
            line,
            fields["name"][1][0],
            direction / norm * _numbers(fields, "length", 1, where)[0],
            euler_rotation("ZYX", angles[::-1]),
            channels,
        )


def _parse_root(fields: Mapping[str, _Line], where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Position and channels of the root."""
    if "order" not in fields:
        raise InputError(f"{where}: the section :root has no order")
    line, order = fields["order"]
    channels = tuple(channel.upper() for channel in order)
    _check_channels(channels, (*TRANSLATIONS, *ROTATIONS), f"{where}, line {line}")
    if "orientation" in fields and any(_numbers(fields, "orientation", 3, where)):
        raise InputError(
            f"{where}, line {fields['orientation'][0]}: the root is turned at rest, which this "
            "reader doesn't know; only orientation 0 0 0 is read"
        )
    position = _numbers(fields, "position", 3, where) if "position" in fields else [0.0] * 3
    return np.array(position), channels


def _check_channels(channels: Sequence[str], known: Sequence[str], place: str) -> None:
    for channel in channels:
        if channel not in known or channels.count(channel) > 1:
            raise InputError(
                f"{place}: degree of freedom {shorten(channel)} is unknown or given twice; this "
                f"reader knows {' '.join(known)}"
            )


def _parse_hierarchy(lines: Sequence[_Line], joints: Sequence[str], where: str) -> tuple[int, ...]:
    index = {name: joint for joint, name in enumerate(joints)}
    parents = [-1] * len(joints)
    for number, words in lines:
        if _is_word(words, "begin") or _is_word(words, "end"):
            continue
        for word in words:
            if word not in index:
                raise InputError(f"{where}, line {number}: unknown bone {shorten(word)}")
        for word in words[1:]:
            if index[word] == 0 or parents[index[word]] >= 0:
                raise InputError(f"{where}, line {number}: {word} cannot hang there again")
            parents[index[word]] = index[words[0]]
    # A bone without parent would count as a second root; those on a circle are never visited.
    visited = visit_order(parents)
    for joint, name in enumerate(joints):
        if joint > 0 and (parents[joint] < 0 or joint not in visited):
            raise InputError(f"{where}: the bone {name} does not hang on the root")
    return tuple(parents)


def _split_sections(text: str, where: str) -> dict[str, list[_Line]]:
    sections: dict[str, list[_Line]] = {}
    current: list[_Line] | None = None
    for number, words in content_lines(text):
        if words[0].startswith(":"):
            current = sections.setdefault(words[0].lower(), [])
        elif current is None:
            raise InputError(f"{where}, line {number}: is no .asf file, it starts with no :section")
        else:
            current.append((number, words))
    return sections


def _blocks(lines: Sequence[_Line], where: str) -> Iterator[tuple[int, dict[str, _Line]]]:
    """The `begin` ... `end` blocks: first line and fields."""
    begun = 0
    block: list[_Line] = []
    for number, words in lines:
        if _is_word(words, "begin"):
            if begun:
                raise InputError(
                    f"{where}, line {number}: 'begin' before line {begun} has its 'end'"
                )
            begun, block = number, []
        elif not begun:
            raise InputError(
                f"{where}, line {number}: {shorten(words[0])} outside 'begin' and 'end'"
            )
        elif _is_word(words, "end"):
            yield begun, _fields(block)
            begun = 0
        else:
            block.append((number, words))
    if begun:
        raise InputError(f"{where}, line {begun}: this 'begin' has no 'end'")


def _is_word(words: Sequence[str], word: str) -> bool:
    """Whether a line is one word of the format, in small letters or in capitals."""
    return len(words) == 1 and words[0].lower() == word


def _fields(lines: Sequence[_Line]) -> dict[str, _Line]:
    return {words[0].lower(): (number, words[1:]) for number, words in lines}


def _numbers(fields: Mapping[str, _Line], field: str, count: int, where: str) -> list[float]:
    line, words = fields[field]
    place = f"{where}, line {line}"
    numbers = parse_numbers(words[:count], place)
    if len(numbers) < count:
        raise InputError(f"{place}: {field} has {len(numbers)} numbers, expected {count}")
    return numbers
