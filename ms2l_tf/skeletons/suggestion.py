"""A mapping between two layouts suggested by the names and meanings of their joints."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any

from ms2l_tf.skeletons.joint_names import find_points, sided_names
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.mapping import JointMapping

_POINTS = {"hand": "wrist"}  # a semantic hand is the wrist
_MEANS = {"pelvis": "root", "neck": "spine_top"}  # anchors that may be the mean of two joints


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A mapping that a person should look at.

    Attributes:
        mapping: what joints come from.
        content: of the JSON file that `load_mapping` reads.
        nearest: target joints that nothing maps to, each with the source joint of its neighbour
            along the bones, or else the one whose name is most like it.
    """

    mapping: JointMapping
    content: dict[str, Any]
    nearest: dict[str, str]

    @property
    def lines(self) -> tuple[str, ...]:
        """What was left open, in words."""
        names = f"{self.mapping.source} to {self.mapping.target}"
        if not self.nearest:
            return (f"mapping {names}: suggested by the names of joints, look at it",)
        told = ", ".join(f"{joint} (nearest: {name})" for joint, name in self.nearest.items())
        return (f"mapping {names}: suggested by the names of joints; none stands for {told}",)


def suggest_mapping(source: SkeletonLayout, target: SkeletonLayout) -> Suggestion:
    """What the joints of `target` may come from in `source`.

    A joint comes from the one of the same body point: what a layout calls a semantic point or an
    anchor, else what its name tells (`find_points`), else the one of the same name. A lacking
    pelvis is the middle of the hips, a lacking neck that of the shoulders, and joints of the spine
    are those at the nearest share of the way from pelvis to neck.

    Args:
        source: mapped from.
        target: mapped to.
    """
    matches = _matches(source, target)
    joints = {
        joint: [source.joints[member] for member in matches[number]]
        for number, joint in enumerate(target.joints)
    }
    content = {
        "source": source.name,
        "target": target.name,
        "note": "Suggested by the names of joints.",
        "joints": joints,
    }
    name = f"{source.name}_to_{target.name}"
    mapping = JointMapping.from_json(content, name, name=name, known=(source, target))
    lacking = {joint: _nearest(mapping, joint) for joint in mapping.absent}
    return Suggestion(mapping, content, lacking)


def joint_points(layout: SkeletonLayout) -> dict[int, str]:
    """The body point of each joint: by the layout's own fields, then by names."""
    known: dict[int, str] = {}
    fields = {**{k: v for k, v in layout.anchors.items() if k != "root"}, **layout.semantic}
    for point, members in fields.items():
        name, _, side = point.partition("_")
        if len(members) == 1 and point not in ("pelvis", "spine_top"):
            known[members[0]] = f"{_POINTS.get(name, name)}_{side}" if side else name
    return find_points(layout.joints, taken=known)


def _matches(source: SkeletonLayout, target: SkeletonLayout) -> list[list[int]]:
    source_of = {point: joint for joint, point in joint_points(source).items()}
    points = joint_points(target)
    words = {name: joint for joint, name in enumerate(sided_names(source.joints)[0])}
    spines = _spine_shares(source)
    shares = {joint: share for share, joint in _spine_shares(target)}
    matches = []
    for joint, sided in enumerate(sided_names(target.joints)[0]):
        point = points.get(joint)
        if point in source_of:
            matches.append([source_of[point]])
        elif point in _MEANS:
            matches.append(list(source.anchors[_MEANS[point]]))
        elif point is None and sided in words:
            matches.append([words[sided]])
        elif point is None and joint in shares and spines:
            share = shares[joint]
            matches.append(
                [min(spines, key=lambda pair: (round(abs(pair[0] - share), 6), pair[0]))[1]]
            )
        else:
            matches.append([])
    return matches


def _spine_shares(layout: SkeletonLayout) -> list[tuple[float, int]]:
    """Joints between pelvis (or a hip) and neck, each with its share of the way."""
    points = joint_points(layout)
    joint_of = {point: joint for joint, point in points.items()}
    low = joint_of.get("pelvis", joint_of.get("hip_left"))
    if low is None or "neck" not in joint_of:
        return []
    inside = [joint for joint in _path(layout, low, joint_of["neck"]) if joint not in points]
    return [(number / (len(inside) + 1), joint) for number, joint in enumerate(inside, start=1)]


def _path(layout: SkeletonLayout, start: int, end: int) -> list[int]:
    """Joints from `start` to `end` along bones, whichever way they point; none if apart."""
    paths = {start: [start]}
    queue = [start]
    for joint in queue:  # grows while it is walked
        for bone in layout.bones:
            if joint in bone:
                other = bone[0] + bone[1] - joint
                if other not in paths:
                    paths[other] = [*paths[joint], other]
                    queue.append(other)
    return paths.get(end, [])


def _nearest(mapping: JointMapping, joint: str) -> str:
    """The source joint of a neighbour along the bones; else of the most similar name."""
    source, target = mapping.source_layout, mapping.target_layout
    number = target.index(joint)
    for bone in target.bones:
        if number in bone:
            row = mapping.weights[bone[0] + bone[1] - number]
            if row.any():
                return source.joints[int(row.argmax())]
    word = sided_names(target.joints)[0][number].word
    words = [name.word for name in sided_names(source.joints)[0]]
    likeness = [difflib.SequenceMatcher(None, word, other).ratio() for other in words]
    return source.joints[likeness.index(max(likeness))]
