"""The canonical skeleton, of the eleven semantic points, and what makes poses of any layout its."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import PARTS, SkeletonLayout
from ms2l_tf.skeletons.semantic import SEMANTIC

CANONICAL = "semantic_11"  # id of the canonical skeleton
LEAST_POINTS = 3  # fewer do not fix a body in space
HEAD, NECK, PELVIS = (SEMANTIC.index(point) for point in ("head", "neck", "pelvis"))
# Where a point is that a layout lacks: from which anchor, and how far up the spine, in torsos from
# pelvis to neck. Of a standing adult with hanging arms, by segment lengths in shares of the body's
# height: torso 0.288, upper arm 0.186, forearm 0.146, thigh 0.245, hip to ankle 0.491, shoulder to
# eyes 0.118 (Drillis and Contini 1966, in Winter, "Biomechanics and Motor Control", figure 4.1).
_REST = {
    "head": ("spine_top", 0.41),
    "elbow": ("shoulder", -0.65),
    "hand": ("shoulder", -1.15),
    "knee": ("hip", -0.85),
    "ankle": ("hip", -1.70),
}
_TRUNK = {"shoulder": "neck", "hip": "pelvis", "spine_top": "neck"}  # where there is no anchor


_LIMBS = {"arm": ("elbow", "hand", "neck"), "leg": ("knee", "ankle", "pelvis")}
# What some skeletons lack: the points of each.
OPTIONAL = {
    "head": ("head",),
    "neck": ("neck",),
    "arms": ("elbow_left", "elbow_right", "hand_left", "hand_right"),
    "legs": ("knee_left", "knee_right", "ankle_left", "ankle_right"),
}


class PointsOfJoints(NamedTuple):
    """How the joints of a layout make the points of the canonical skeleton.

    Attributes:
        weights: [J, 11] float32; a point is the sum of the joints weighted by its column. For a
            point that the layout lacks it is the place on the trunk from which it hangs.
        hung: [11] float32; how far up the spine from there a lacking point is, in torsos; 0 for the
            others.
    """

    weights: np.ndarray
    hung: np.ndarray


def canonical_layout() -> SkeletonLayout:
    """``semantic_11``: the semantic points as joints, in the order of `SEMANTIC`."""
    index = {point: number for number, point in enumerate(SEMANTIC)}
    bones = [("neck", "pelvis"), ("head", "neck")]
    parts: dict[str, tuple[int, ...]] = {"trunk": (HEAD, NECK, PELVIS)}
    mirror = list(range(len(SEMANTIC)))
    for part in PARTS[1:]:
        limb, side = part.split("_")
        near, far, trunk = _LIMBS[limb]
        bones += [(f"{near}_{side}", trunk), (f"{far}_{side}", f"{near}_{side}")]
        parts[part] = (index[f"{near}_{side}"], index[f"{far}_{side}"])
        for point in (near, far):
            left, right = index[f"{point}_left"], index[f"{point}_right"]
            mirror[left], mirror[right] = right, left
    pairs = tuple((index[child], index[parent]) for child, parent in bones)
    return SkeletonLayout(
        name=CANONICAL,
        joints=SEMANTIC,
        edges=pairs,
        bones=pairs,
        graph_centre=NECK,
        mirror=tuple(mirror),
        anchors={"root": (PELVIS,), "spine_top": (NECK,)},
        parts=parts,
        semantic={point: (number,) for point, number in index.items()},
        note="The points that layouts share; --joints=semantic reads every layout as this one.",
    )


def without(layout: SkeletonLayout, part: str) -> SkeletonLayout:
    """The layout as if its skeleton lacked a part of the body, one of `OPTIONAL`.

    The middle of the shoulders, if there are some, stands in for a neck, as in `coco_17`. A layout
    that would keep fewer than `LEAST_POINTS` stays as it is.
    """
    semantic = {**layout.semantic, **dict.fromkeys(OPTIONAL[part], ())}
    if sum(map(bool, semantic.values())) < LEAST_POINTS:
        return layout
    anchors = dict(layout.anchors)
    shoulders = layout.anchors["shoulder_left"] + layout.anchors["shoulder_right"]
    if part == "neck":
        semantic["neck"] = anchors["spine_top"] = shoulders or layout.semantic["neck"]
    name = f"{layout.name}_without_{part}"
    return dataclasses.replace(layout, name=name, semantic=semantic, anchors=anchors)


def points_of_joints(layout: SkeletonLayout) -> PointsOfJoints:
    """What makes poses of a layout those of the canonical skeleton.

    Raises:
        InputError: the layout lacks the neck, or all but two of the points.
    """
    present = [point for point in SEMANTIC if layout.semantic[point]]
    if "neck" not in present or len(present) < LEAST_POINTS:
        lacking = ", ".join(point for point in SEMANTIC if point not in present)
        raise InputError(
            f"--joints=semantic: layout {layout.name!r} has no {lacking}; the neck and "
            f"{LEAST_POINTS} points are needed at least: name their joints under 'semantic' in the "
            "layout's file"
        )
    weights = np.zeros((layout.num_joints, len(SEMANTIC)), np.float32)
    hung = np.zeros(len(SEMANTIC), np.float32)
    for number, point in enumerate(SEMANTIC):
        joints = layout.semantic[point]
        if not joints:
            joints, hung[number] = _resting(layout, point)
        weights[list(joints), number] = 1.0 / len(joints)
    return PointsOfJoints(weights, hung)


def _resting(layout: SkeletonLayout, point: str) -> tuple[tuple[int, ...], float]:
    """The joints from whose mean a lacking point hangs, and how far up the spine it is."""
    name, _, side = point.partition("_")
    anchor, torsos = _REST[name]
    on_side = f"{anchor}_{side}" if side else anchor
    return layout.anchors[on_side] or layout.semantic[_TRUNK[anchor]], torsos
