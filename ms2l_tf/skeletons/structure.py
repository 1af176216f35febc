"""What makes a skeleton layout sound; every check returns the first problem it finds, or None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

Pairs = Sequence[tuple[int, int]]


class Structure(Protocol):
    """What a skeleton layout consists of; see `SkeletonLayout`."""

    @property
    def joints(self) -> Sequence[str]:
        """Names."""

    @property
    def edges(self) -> Pairs:
        """Undirected."""

    @property
    def bones(self) -> Pairs:
        """(child, parent)."""

    @property
    def graph_centre(self) -> int:
        """A joint."""

    @property
    def mirror(self) -> Sequence[int]:
        """Left-right counterpart of each joint."""

    @property
    def anchors(self) -> Mapping[str, Sequence[int]]:
        """Joints of each body point."""

    @property
    def parts(self) -> Mapping[str, Sequence[int]]:
        """Joints of each body part."""


def find_problem(layout: Structure) -> str | None:
    """First structural problem of a layout as `field: what is wrong; how to mend it`."""
    joints = layout.joints
    return (
        _joint_names(joints)
        or _indices(layout)
        or _links("bones", layout.bones, joints)
        or _links("edges", layout.edges, joints)
        or _forest(layout.bones, joints)
        or _mirror(layout.mirror, joints)
        or _parts(layout.parts, joints)
        or _anchors(layout.anchors, joints)
        or _sides(layout)
    )


def _joint_names(joints: Sequence[str]) -> str | None:
    if not joints:
        return "joints: the list is empty; name at least one joint"
    for joint in joints:
        if joints.count(joint) > 1:
            return f"joints: {joint!r} is listed twice; joint names must be unique"
    return None


def _indices(layout: Structure) -> str | None:
    """Every index of every field lies in 0..J-1."""
    fields: dict[str, list[int]] = {
        "edges": [j for edge in layout.edges for j in edge],
        "bones": [j for bone in layout.bones for j in bone],
        "graph_centre": [layout.graph_centre],
        "mirror": list(layout.mirror),
        "anchors": [j for group in layout.anchors.values() for j in group],
        "parts": [j for group in layout.parts.values() for j in group],
    }
    for field, indices in fields.items():
        for j in indices:
            if not 0 <= j < len(layout.joints):
                return f"{field}: joint index {j} is outside 0..{len(layout.joints) - 1}"
    return None


def _links(field: str, links: Pairs, joints: Sequence[str]) -> str | None:
    seen: set[frozenset[int]] = set()
    for a, b in links:
        if a == b:
            return f"{field}: {joints[a]!r} is linked to itself; remove the pair"
        if frozenset((a, b)) in seen:
            return f"{field}: {joints[a]!r} - {joints[b]!r} is listed twice; keep one"
        seen.add(frozenset((a, b)))
    return None


def _forest(bones: Pairs, joints: Sequence[str]) -> str | None:
    """Bones are (child, parent): one parent at most, and no way round in a circle."""
    parent: dict[int, int] = {}
    for child, up in bones:
        if child in parent:
            return (
                f"bones: {joints[child]!r} has two parents, {joints[parent[child]]!r} and "
                f"{joints[up]!r}; each [child, parent] pair needs its own child"
            )
        parent[child] = up
    for start in parent:
        joint, steps = start, 0
        while joint in parent:
            joint, steps = parent[joint], steps + 1
            if steps > len(parent):
                return (
                    f"bones: following the parents of {joints[start]!r} never ends; cut the cycle"
                )
    return None


def _mirror(mirror: Sequence[int], joints: Sequence[str]) -> str | None:
    if len(mirror) != len(joints):
        return f"mirror: {len(mirror)} entries for {len(joints)} joints"
    for j, other in enumerate(mirror):
        if mirror[other] != j:
            return (
                f"mirror: {joints[j]!r} maps to {joints[other]!r}, which maps to "
                f"{joints[mirror[other]]!r}; each joint belongs to one [left, right] pair at most"
            )
    return None


def _parts(parts: Mapping[str, Sequence[int]], joints: Sequence[str]) -> str | None:
    owner: dict[int, str] = {}
    for part, members in parts.items():
        for j in members:
            if j in owner:
                return f"parts: {joints[j]!r} is in {owner[j]} and in {part}; keep one"
            owner[j] = part
    for j, joint in enumerate(joints):
        if j not in owner:
            return f"parts: {joint!r} is in no part; every joint belongs to exactly one"
    return None


def _anchors(anchors: Mapping[str, Sequence[int]], joints: Sequence[str]) -> str | None:
    if not anchors["root"]:
        return "anchors.root: the list is empty; name the joints whose mean is the mid-hip"
    for anchor, members in anchors.items():
        for j in members:
            if members.count(j) > 1:
                return f"anchors.{anchor}: {joints[j]!r} is listed twice; keep one"
    return None


def _sides(layout: Structure) -> str | None:
    """Mirroring swaps the left and right parts and anchors.

    A joint that mirrors to itself has no counterpart and may be anywhere, so a layout of a
    single arm is sound.
    """
    joints, mirror = layout.joints, layout.mirror
    part_of = {j: part for part, members in layout.parts.items() for j in members}
    for j, other in enumerate(mirror):
        if other != j and part_of[other] != other_side(part_of[j]):
            return (
                f"parts: {joints[j]!r} in {part_of[j]} mirrors to {joints[other]!r} in "
                f"{part_of[other]}, not in {other_side(part_of[j])}; mend parts or mirror"
            )
    for left in ("hip_left", "shoulder_left"):
        right = other_side(left)
        mirrored = {mirror[j] for j in layout.anchors[left]}
        if mirrored and layout.anchors[right] and mirrored != set(layout.anchors[right]):
            return f"anchors.{left}: its joints do not mirror to those of {right}; mend one of them"
    return None


def other_side(name: str) -> str:
    """`arm_left` <-> `arm_right`; a name without a side is its own counterpart."""
    if name.endswith("_left"):
        return name.removesuffix("_left") + "_right"
    if name.endswith("_right"):
        return name.removesuffix("_right") + "_left"
    return name
