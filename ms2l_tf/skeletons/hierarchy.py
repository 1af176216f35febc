"""A layout made of a hierarchy of joints, as files of motion capture hold it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ms2l_tf.skeletons.joint_names import SYNONYMS, find_points, sided_names
from ms2l_tf.skeletons.layout import PARTS, SkeletonLayout, layout_names, load_layout

_ARM = ("shoulder", "elbow", "wrist", "collar")
_LEG = ("hip", "knee", "ankle")
_SEMANTIC = {"hand": "wrist", "elbow": "elbow", "knee": "knee", "ankle": "ankle"}


def layout_of_hierarchy(
    name: str,
    joints: Sequence[str],
    parents: Sequence[int],
    synonyms: Mapping[str, str] = SYNONYMS,
) -> SkeletonLayout:
    """The packaged layout with these joints, else one made of names and hierarchy.

    Counterparts are joints whose names differ in their side alone. A limb is what hangs on the
    first joint of a side that leads to a shoulder or a hip; all else is the trunk. Body points
    come from names (`find_points`); those that no name tells are empty. What lies above the
    pelvis, such as a joint for the scene, hangs on nothing.

    Args:
        name: of the layout, if it is made.
        joints: J names, without prefixes.
        parents: of each joint, -1 for a root.
        synonyms: words for body points.
    """
    if (packaged := packaged_twin(joints)) is not None:
        return packaged
    points = find_points(joints, synonyms)
    joint_of = {point: joint for joint, point in points.items()}
    sided, mirror = sided_names(joints)
    parts = _parts([side for side, _ in sided], parents, points)
    above = _ancestors(joint_of["pelvis"], parents) if "pelvis" in joint_of else set()
    bones = tuple((j, up) for j, up in enumerate(parents) if up >= 0 and up not in above)
    anchors = _anchors(joint_of, parents)
    return SkeletonLayout(
        name=name,
        joints=tuple(joints),
        edges=bones,
        bones=bones,
        graph_centre=_centre(joint_of, parents, anchors),
        mirror=_mirror(mirror, parts),
        anchors=anchors,
        parts=parts,
        semantic=_semantic(joint_of, anchors),
        note="Made of the hierarchy and the joint names of the files.",
    )


def packaged_twin(joints: Sequence[str]) -> SkeletonLayout | None:
    """The packaged layout that has these joints in this order."""
    layouts = map(load_layout, layout_names())
    return next((layout for layout in layouts if layout.joints == tuple(joints)), None)


def _anchors(joint_of: Mapping[str, int], parents: Sequence[int]) -> dict[str, tuple[int, ...]]:
    def pair(point: str) -> tuple[int, ...]:
        both = [joint_of.get(f"{point}_{side}") for side in ("left", "right")]
        return () if None in both else tuple(joint for joint in both if joint is not None)

    anchors: dict[str, tuple[int, ...]] = {}
    for point in ("hip", "shoulder"):
        for side, joint in zip(("left", "right"), pair(point), strict=False):
            anchors[f"{point}_{side}"] = (joint,)
    root = joint_of.get("pelvis", parents.index(-1))
    anchors["root"] = pair("hip") or (root,)
    neck = joint_of.get("neck")
    anchors["spine_top"] = pair("shoulder") if neck is None else (neck,)
    return anchors


def _semantic(
    joint_of: Mapping[str, int], anchors: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """The points by their names; the middle of the shoulders stands in for a neck."""
    named = {"head": joint_of.get("head"), "neck": joint_of.get("neck")}
    for point, role in _SEMANTIC.items():
        for side in ("left", "right"):
            named[f"{point}_{side}"] = joint_of.get(f"{role}_{side}")
    points = {point: () if joint is None else (joint,) for point, joint in named.items()}
    return {**points, "neck": anchors["spine_top"]}


def _parts(
    sides: Sequence[str], parents: Sequence[int], points: Mapping[int, str]
) -> dict[str, tuple[int, ...]]:
    """Limbs from their first joint on, by what hangs on it; the rest is the trunk."""
    below: dict[int, set[str]] = {}
    for joint, point in points.items():
        for up in {joint, *_ancestors(joint, parents)}:
            below.setdefault(up, set()).add(point.rpartition("_")[0])
    members: dict[str, list[int]] = {part: [] for part in PARTS}
    for joint in range(len(parents)):
        chain = [joint, *_path_up(joint, parents)]
        first = next((up for up in reversed(chain) if sides[up]), None)
        members[_part(first, sides, below)].append(joint)
    return {part: tuple(joints) for part, joints in members.items()}


def _part(first: int | None, sides: Sequence[str], below: Mapping[int, Collection[str]]) -> str:
    held = below.get(first, ()) if first is not None else ()
    for limb, kinds in (("arm", _ARM), ("leg", _LEG)):
        if first is not None and set(kinds) & set(held):
            return f"{limb}_{sides[first]}"
    return "trunk"


def _mirror(mirror: Sequence[int], parts: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Counterparts lie on the other side of the same limb; else a joint is its own."""
    part_of = {joint: part for part, joints in parts.items() for joint in joints}

    def kind(joint: int) -> str:
        return part_of[joint].partition("_")[0]

    def crosses(joint: int) -> bool:
        trunk = kind(joint) == "trunk"
        return trunk or part_of[joint] != part_of[mirror[joint]]

    return tuple(
        other if kind(j) == kind(other) and crosses(j) else j for j, other in enumerate(mirror)
    )


def _centre(
    joint_of: Mapping[str, int], parents: Sequence[int], anchors: Mapping[str, tuple[int, ...]]
) -> int:
    """Where both arms meet the trunk; else the neck, else the root."""
    shoulders = [joint_of.get(f"shoulder_{side}") for side in ("left", "right")]
    left, right = (_path_up(j, parents) if j is not None else [] for j in shoulders)
    meeting = next((up for up in left if up in right), None)
    if meeting is not None:
        return meeting
    return joint_of.get("neck", anchors["root"][0])


def _path_up(joint: int, parents: Sequence[int]) -> list[int]:
    path = []
    while parents[joint] >= 0:
        joint = parents[joint]
        path.append(joint)
    return path


def _ancestors(joint: int, parents: Sequence[int]) -> set[int]:
    return set(_path_up(joint, parents))
