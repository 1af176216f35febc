"""What names of joints tell: prefixes of a program, sides of the body, and which point it is.

Programs name one skeleton in many ways: `mixamorig:LeftUpLeg`, `Character1_LeftUpLeg`, `Bip01 L
Thigh`, `lThigh` and `UpperLeg_L` are one hip. A joint of these hierarchies lies where its bone
begins: the thigh begins at the hip, the shin at the knee, the foot at the ankle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_SEPARATORS = " _.-"
_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}
# Where a name may say its side, clearest first. A single letter counts if the other side exists.
_SIDE_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?i:left|right)",
        r"(?:(?<=^)|(?<=[ _.\-]))[lLrR](?=[ _.\-]|$)",
        r"^[lLrR](?=[A-Z])",
        r"(?<=[a-z])[LR](?=[A-Z]|$)",
        r"^[lLrR](?=[a-z])",
        r"(?<=[a-z])[lr]$",
    )
)

# Words for a body point, the best first: a skeleton that has the first uses the later ones for
# something else. `ankle` and `foot` are ankle and forefoot, `foot` and `toe` too.
SYNONYMS: Mapping[str, str] = {
    "pelvis": "hips hip pelvis pelv hipcenter centerhip midhip baseofspine spinebase waist root",
    "neck": "spineshoulder shouldercenter neck neck1 lowerneck",
    "head": "head upperneck",
    "head_top": "headtop htop headtopend headend headnub topofhead headsite skull",
    "hip": "hip upleg upperleg thigh hipjoint legupper upperthigh femur",
    "knee": "knee kne lowerleg lowleg shin calf leglower leg tibia",
    "ankle": "ankle ank foot foo",
    "foot": "foot foo toebase toe toes toe0 ball bigtoe footindex forefoot",
    "toe": "toeend toe toes toe2 toetip",
    "heel": "heel hee",
    "collar": "collar clavicle collarbone clav cla shoulder",
    "shoulder": "upperarm uparm armupper arm shoulder shldr sho humerus",
    "elbow": "elbow elb lowerarm forearm lowarm armlower radius",
    "wrist": "wrist wri hand han",
    "hand": "hand han palm middle1 middlefinger1 handmiddle1 fingers fin",
    "fingers": "fingers fin tipofhand handtip middle3 handmiddle3 middle index",
    "thumb": "thumb thu thumb1 handthumb1 finger0",
    "eye": "eye",
    "ear": "ear",
    "nose": "nose",
}
_CENTRAL = ("pelvis", "neck", "head", "head_top", "nose")  # the others have a side
# Acclaim names bones, and a joint is the end of its bone.
BONE_ENDS: Mapping[str, str] = {
    **SYNONYMS,
    "hip": "hipjoint",
    "knee": "femur",
    "ankle": "tibia",
    "foot": "foot",
    "toe": "toes",
    "collar": "",
    "shoulder": "clavicle",
    "elbow": "humerus",
    "wrist": "wrist radius",
    "neck": "lowerneck",
    "head": "head upperneck",
}


class SidedName(NamedTuple):
    """A joint's name taken apart: `LeftUpLeg` is `left` and `upleg`; no side is empty."""

    side: str
    word: str


def stripped(names: Sequence[str]) -> tuple[str, ...]:
    """The names without what a program writes before each of them.

    That is a namespace up to its last colon, and what all names begin with, up to a separator.
    A root that is called like this beginning (`Bip01` of `Bip01 Pelvis`) stays as it is. Names
    that would not be unique any more stay too.
    """
    plain = [name.rpartition(":")[2] or name for name in names]
    prefix = _common_prefix(plain)
    bare = prefix.rstrip(_SEPARATORS)
    short = [name if name == bare else name.removeprefix(prefix) for name in plain]
    unique = len(set(short)) == len(names) and all(short)
    return tuple(short if unique else names)


def sided_names(names: Sequence[str]) -> tuple[tuple[SidedName, ...], tuple[int, ...]]:
    """Side and word of each joint, and its counterpart on the other side (else itself)."""
    index = {name: number for number, name in enumerate(names)}
    sided = [SidedName("", _word(name)) for name in names]
    mirror = list(range(len(names)))
    for number, name in enumerate(names):
        for side, rest, twin in _readings(name):
            other = index.get(twin)
            if other is not None and other != number and mirror[other] in (other, number):
                mirror[number], mirror[other] = other, number
                sided[number] = SidedName(side, _word(rest))
                break
    return tuple(sided), tuple(mirror)


def find_points(
    names: Sequence[str],
    synonyms: Mapping[str, str] = SYNONYMS,
    taken: Mapping[int, str] | None = None,
) -> dict[int, str]:
    """Which body point each joint is, such as `knee_left` or `pelvis`, as far as names tell.

    Args:
        names: of the J joints, without prefixes.
        synonyms: words of each point, the best first.
        taken: points of some joints that are known already.

    Returns:
        Joint -> point; each point once, and joints that no word fits are left out.
    """
    points = dict(taken or {})
    sided, mirror = sided_names(names)
    for point, words in synonyms.items():
        for side in ("",) if point in _CENTRAL else ("left", "right"):
            full = f"{point}_{side}" if side else point
            joint = _first(words.split(), side, sided, points)
            if joint is not None and full not in points.values():
                points[joint] = full
    return {j: point for j, point in points.items() if _is_even(j, point, mirror, points)}


def _first(
    words: Iterable[str], side: str, sided: Sequence[SidedName], points: Mapping[int, str]
) -> int | None:
    """The free joint of the best word."""
    index = {name: joint for joint, name in reversed(list(enumerate(sided))) if joint not in points}
    return next((index[SidedName(side, w)] for w in words if SidedName(side, w) in index), None)


def _is_even(joint: int, point: str, mirror: Sequence[int], points: Mapping[int, str]) -> bool:
    """Whether the joint's counterpart, if it has one, is the point's."""
    other = mirror[joint]
    if other == joint:
        return True
    name, _, side = point.rpartition("_")
    return points.get(other) == f"{name}_{_OTHER.get(side, '')}"


def _common_prefix(names: Sequence[str]) -> str:
    """What the names begin with, up to its last separator; it may not tell a side.

    The shortest name may be this beginning itself.
    """
    shortest = min(names, key=len)
    for begun in (names, [name for name in names if name != shortest]):
        common = _common_start(min(begun), max(begun)) if len(begun) > 1 else ""
        prefix = common[: max(common.rfind(sign) for sign in _SEPARATORS) + 1]
        fits = shortest.startswith(prefix) or shortest == prefix.rstrip(_SEPARATORS)
        if prefix and fits and not any(told.search(prefix) for told in _SIDE_PATTERNS[:3]):
            return prefix
    return ""


def _common_start(one: str, other: str) -> str:
    """What the first and the last name of a sorted list share, all between share too."""
    length = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return one[:length] if length is not None else min(one, other, key=len)


def _readings(name: str) -> Iterable[tuple[str, str, str]]:
    """Ways to read a side from a name: side, the name without it, and the other side's name."""
    for pattern in _SIDE_PATTERNS:
        for match in pattern.finditer(name):
            told = match[0]
            other = _OTHER[told.lower()]
            cased = (
                other.upper() if told.isupper() else other.title() if told[0].isupper() else other
            )
            begin, end = match.span()
            side = "left" if told.lower().startswith("l") else "right"
            yield side, f"{name[:begin]} {name[end:]}", f"{name[:begin]}{cased}{name[end:]}"


def _word(name: str) -> str:
    """Small letters and digits alone: `Up_Leg`, `UpLeg` and `up leg` are one word."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
