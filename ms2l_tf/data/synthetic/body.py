"""The human body: a rig of rigid segments, its proportions, and forward kinematics.

World axes: x to the left of a person with heading 0, y up, z where that person looks; metres.
In the rest pose the arms hang, the legs are straight and every segment's axes are the world's.
Notation: T frames, G segments, P points of the rich skeleton.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ms2l_tf.data.kinematics import world_points

SIDES = ("left", "right")
SIDE_SIGN = {"left": 1.0, "right": -1.0}

SEGMENTS: tuple[str, ...] = (
    "pelvis",
    "loin",
    "belly",
    "chest",
    "neck",
    "head",
    *(
        f"{side}_{part}"
        for side in SIDES
        for part in (
            "collar",
            "upper_arm",
            "forearm",
            "hand",
            "thigh",
            "shank",
            "foot",
            "toes",
        )
    ),
)
SEGMENT_INDEX = {name: index for index, name in enumerate(SEGMENTS)}

# point -> (parent point, segment that carries it, offset from the parent in fractions of body
# height: x left, y up, z forward). Parents come first. Sided points are written for the left.
_CENTRAL: dict[str, tuple[str, str, tuple[float, float, float]]] = {
    "spine_low": ("pelvis", "pelvis", (0.0, 0.060, -0.012)),
    "spine_mid": ("spine_low", "loin", (0.0, 0.078, -0.002)),
    "spine_high": ("spine_mid", "belly", (0.0, 0.078, 0.004)),
    "spine_shoulder": ("spine_high", "chest", (0.0, 0.066, 0.004)),
    "neck": ("spine_shoulder", "chest", (0.0, 0.026, 0.002)),
    "head_base": ("neck", "neck", (0.0, 0.048, 0.008)),
    "head": ("head_base", "head", (0.0, 0.045, 0.012)),
    "head_top": ("head_base", "head", (0.0, 0.112, 0.008)),
    "nose": ("head_base", "head", (0.0, 0.036, 0.068)),
}
_SIDED: dict[str, tuple[str, str, tuple[float, float, float]]] = {
    "eye": ("head_base", "head", (0.019, 0.056, 0.054)),
    "ear": ("head_base", "head", (0.043, 0.042, 0.008)),
    "collar": ("spine_high", "chest", (0.032, 0.062, 0.008)),
    "shoulder": ("collar", "collar", (0.074, -0.004, -0.004)),
    "elbow": ("shoulder", "upper_arm", (0.0, -0.168, 0.0)),
    "wrist": ("elbow", "forearm", (0.0, -0.148, 0.0)),
    "hand": ("wrist", "hand", (0.0, -0.048, 0.0)),
    "fingertip": ("wrist", "hand", (0.0, -0.104, 0.004)),
    "thumb": ("wrist", "hand", (0.0, -0.052, 0.034)),
    "hip": ("pelvis", "pelvis", (0.052, -0.012, 0.0)),
    "knee": ("hip", "thigh", (0.0, -0.240, 0.0)),
    "ankle": ("knee", "shank", (0.0, -0.236, 0.0)),
    "heel": ("ankle", "foot", (0.0, -0.036, -0.030)),
    "foot": ("ankle", "foot", (0.004, -0.034, 0.070)),
    "big_toe": ("foot", "toes", (-0.012, -0.004, 0.036)),
    "small_toe": ("foot", "toes", (0.022, -0.004, 0.020)),
}


@dataclass(frozen=True)
class Point:
    """One point of the rich skeleton: where it hangs and which proportion stretches its bone."""

    name: str
    parent: int
    segment: int
    offset: tuple[float, float, float]
    proportion: str


def _points() -> tuple[Point, ...]:
    sided_parents = set(_SIDED)
    index = {"pelvis": 0}
    points = [Point("pelvis", -1, SEGMENT_INDEX["pelvis"], (0.0, 0.0, 0.0), "pelvis")]

    def add(name: str, parent: str, segment: str, offset: np.ndarray, kind: str) -> None:
        index[name] = len(points)
        values = (float(offset[0]), float(offset[1]), float(offset[2]))
        points.append(Point(name, index[parent], SEGMENT_INDEX[segment], values, kind))

    for name, (parent, segment, offset) in _CENTRAL.items():
        add(name, parent, segment, np.array(offset), name)
    for side in SIDES:
        flip = np.array([SIDE_SIGN[side], 1.0, 1.0])
        for name, (parent, segment, offset) in _SIDED.items():
            carrier = f"{side}_{segment}" if f"{side}_{segment}" in SEGMENT_INDEX else segment
            owner = f"{side}_{parent}" if parent in sided_parents else parent
            add(f"{side}_{name}", owner, carrier, np.array(offset) * flip, name)
    return tuple(points)


POINTS: tuple[Point, ...] = _points()
POINT_INDEX: dict[str, int] = {point.name: index for index, point in enumerate(POINTS)}


@dataclass(frozen=True)
class Body:
    """One person's measures.

    Args:
        offsets: [P, 3], each point's offset from its parent in its segment's frame, metres.
    """

    offsets: np.ndarray

    def length(self, *names: str) -> float:
        """Summed bone length in metres of the named points' bones."""
        return float(sum(np.linalg.norm(self.offsets[POINT_INDEX[name]]) for name in names))

    @property
    def arm(self) -> float:
        """Shoulder to wrist of the straight arm, metres."""
        return self.length("left_elbow", "left_wrist")

    @property
    def leg(self) -> float:
        """Hip to ankle of the straight leg, metres."""
        return self.length("left_knee", "left_ankle")

    @property
    def ankle_height(self) -> float:
        """Height of the ankle above the sole of a flat foot, metres."""
        down = self.offsets[POINT_INDEX["left_foot"]] + self.offsets[POINT_INDEX["left_big_toe"]]
        return float(-down[1])


def make_body(height: float = 1.7, proportions: dict[str, float] | None = None) -> Body:
    """A body of the given height in metres.

    Args:
        height: Standing height; every bone scales with it.
        proportions: Factors by point name without the side ("elbow" stretches both upper arms).
    """
    factors = proportions or {}
    rows = [np.array(p.offset) * height * factors.get(p.proportion, 1.0) for p in POINTS]
    return Body(np.stack(rows))


def random_body(rng: np.random.Generator) -> Body:
    """A body with a random height and random, left-right symmetric limb proportions."""
    height = float(np.clip(rng.normal(1.70, 0.09), 1.45, 1.98))
    kinds = sorted({point.proportion for point in POINTS})
    return make_body(height, {kind: float(rng.normal(1.0, 0.04)) for kind in kinds})


def forward_kinematics(body: Body, root: np.ndarray, orientations: np.ndarray) -> np.ndarray:
    """Positions of all points.

    Args:
        body: The measures.
        root: [T, 3] position of the pelvis in the world.
        orientations: [T, G, 3, 3] world orientation of every segment (columns are its axes).

    Returns:
        [T, P, 3] world positions in metres.
    """
    segments = np.array([point.segment for point in POINTS])
    bones = np.matmul(orientations[:, segments], body.offsets[None, :, :, None])[..., 0]
    bones[:, 0] = root
    return world_points([point.parent for point in POINTS], bones)
