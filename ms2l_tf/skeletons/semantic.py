"""The semantic points of a layout: eleven body points that most skeletons have.

Channels and features that shall mean the same in every layout are made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ms2l_tf.skeletons.structure import Structure, other_side

SEMANTIC = (
    *("head", "neck", "pelvis", "hand_left", "hand_right", "elbow_left", "elbow_right"),
    *("knee_left", "knee_right", "ankle_left", "ankle_right"),
)

Points = Mapping[str, Sequence[int]]

# Part, the anchor it begins at, and the points that follow one after another.
_LIMBS = (("arm", "shoulder", ("elbow", "hand")), ("leg", "hip", ("knee", "ankle")))


def derived_points(layout: Structure) -> dict[str, tuple[int, ...]]:
    """The points of a layout that names none, as far as its structure tells them.

    The pelvis is the anchor ``root``, the neck the anchor ``spine_top``, the head the only end of
    the trunk above it. Elbow and hand are the only joints of the arm that follow the shoulder by
    the bones, knee and ankle those of the leg that follow the hip. A point that is not clear is
    empty, and so is one that does not mirror to its counterpart.
    """
    points: dict[str, tuple[int, ...]] = dict.fromkeys(SEMANTIC, ()) | {
        "head": _head(layout),
        "neck": tuple(layout.anchors["spine_top"]),
        "pelvis": tuple(layout.anchors["root"]),
    }
    for part, anchor, names in _LIMBS:
        for side in ("left", "right"):
            joints = tuple(layout.anchors[f"{anchor}_{side}"])
            for name in names:
                joints = _following(layout, joints, layout.parts[f"{part}_{side}"])
                points[f"{name}_{side}"] = joints
    for point in _not_mirrored(points, layout.mirror):
        points[point] = points[other_side(point)] = ()
    return points


def find_semantic_problem(layout: Structure, points: Points) -> str | None:
    """First fault of a sound layout's semantic points as `field: what is wrong; how to mend it`."""
    joints = layout.joints
    for point, members in points.items():
        for j in members:
            if not 0 <= j < len(joints):
                return f"semantic.{point}: joint index {j} is outside 0..{len(joints) - 1}"
            if members.count(j) > 1:
                return f"semantic.{point}: {joints[j]!r} is listed twice; keep one"
    if set(points["pelvis"]) != set(layout.anchors["root"]):
        return "semantic.pelvis: is not the anchor root; leave it out, or name the same joints"
    if wrong := _not_mirrored(points, layout.mirror):
        return (
            f"semantic.{wrong[0]}: its joints do not mirror to those of {other_side(wrong[0])}; "
            "mend one of them"
        )
    return None


def _head(layout: Structure) -> tuple[int, ...]:
    """The only end of the trunk above the neck, where bones lead up to the neck."""
    parent = dict(layout.bones)
    top = layout.anchors["spine_top"]
    if len(top) != 1 or top[0] not in parent:
        return ()
    anchored = {j for members in layout.anchors.values() for j in members}
    ends = set(layout.parts["trunk"]) - set(parent.values()) - anchored
    above = tuple(j for j in sorted(ends) if top[0] in _ancestors(j, parent))
    return above if len(above) == 1 else ()


def _ancestors(joint: int, parent: Mapping[int, int]) -> list[int]:
    ancestors = []
    while joint in parent:
        joint = parent[joint]
        ancestors.append(joint)
    return ancestors


def _following(layout: Structure, joints: tuple[int, ...], part: Sequence[int]) -> tuple[int, ...]:
    """The joint of the part that hangs on a single joint, if it is the only one."""
    children = tuple(child for child, up in layout.bones if (up,) == joints and child in part)
    return children if len(children) == 1 else ()


def _not_mirrored(points: Points, mirror: Sequence[int]) -> list[str]:
    """Points whose mirror image is not their counterpart, where there is one.

    The pelvis is left out: it is the anchor ``root``, which may be what a layout chooses.
    """
    images = {point: {mirror[j] for j in members} for point, members in points.items()}
    return [
        point
        for point, image in images.items()
        if point != "pelvis" and image and points[other_side(point)]
        if image != set(points[other_side(point)])
    ]
