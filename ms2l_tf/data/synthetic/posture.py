"""Posture channels: the few numbers a key pose is written in, turned into segment orientations.

Hands and feet are given by where they are, trunk and head by angles. Each limb has two bones, so
its bend follows in closed form; after that everything is forward kinematics.
Notation: T frames, D channels, G segments, P points.
"""

from __future__ import annotations

import numpy as np

from ms2l_tf.data.kinematics import axis_rotation
from ms2l_tf.data.synthetic.body import (
    POINT_INDEX,
    SEGMENT_INDEX,
    SEGMENTS,
    SIDE_SIGN,
    SIDES,
    Body,
    forward_kinematics,
)

# name -> number of values. Angles in degrees. Sideways positions and angles of the sided channels
# count outwards, those of the central ones to the person's left.
CHANNELS: dict[str, int] = {
    "pelvis": 3,  # left, up, forward from standing; in leg lengths
    "hips": 3,  # pelvis pitch (forward), roll (to the right), yaw (to the left)
    "spine": 3,  # bend forward, lean to the right, twist to the left
    "head": 3,  # nod, tilt to the right, turn to the left
    "left_hand": 3,  # wrist from the shoulder: out, up, forward; in arm lengths
    "right_hand": 3,
    "left_elbow": 1,  # swivel of the elbow outwards
    "right_elbow": 1,
    "left_wrist": 2,  # bend towards the palm's front, roll of the forearm
    "right_wrist": 2,
    "left_foot": 3,  # ankle from its place below the hip: out, up, forward; in leg lengths
    "right_foot": 3,
    "left_toe": 1,  # pitch of the foot, toes down
    "right_toe": 1,
    "place": 2,  # where the person stands: left, forward from the start; in leg lengths
    "turn": 1,  # heading to the left of the start's
}


def _slices() -> dict[str, slice]:
    ends = np.cumsum(list(CHANNELS.values()))
    return {
        name: slice(int(end) - size, int(end))
        for (name, size), end in zip(CHANNELS.items(), ends, strict=True)
    }


SLICES: dict[str, slice] = _slices()
NUM_CHANNELS = sum(CHANNELS.values())
# Channels that change sign when left and right are exchanged.
_LATERAL = {"pelvis": (0,), "hips": (1, 2), "spine": (1, 2), "head": (1, 2), "place": (0,)}
_LATERAL["turn"] = (0,)

STANDING_HEIGHT = 0.985  # hip above ankle in leg lengths: knees are never quite locked
FOOT_SPLAY = 8.0  # degrees the feet point outwards


def mirror(channels: np.ndarray) -> np.ndarray:
    """The same posture with left and right exchanged; channels [..., D]."""
    swapped = channels.copy()
    for name in CHANNELS:
        if name.startswith("left_"):
            other = name.replace("left_", "right_")
            swapped[..., SLICES[name]] = channels[..., SLICES[other]]
            swapped[..., SLICES[other]] = channels[..., SLICES[name]]
    for name, places in _LATERAL.items():
        for place in places:
            swapped[..., SLICES[name].start + place] *= -1.0
    return swapped


def rotation(axis: str, degrees: np.ndarray) -> np.ndarray:
    """[T, 3, 3] right-handed rotations about a coordinate axis by [T] degrees."""
    return axis_rotation(axis.upper(), np.deg2rad(np.asarray(degrees, float)))


def _bend(forward: np.ndarray, right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Pitch forward, then roll to the right, then turn to the left, as one matrix [T, 3, 3]."""
    # About z a positive angle takes y to -x, which is the person's right.
    return rotation("y", left) @ rotation("z", right) @ rotation("x", forward)


def solve_limb(
    target: np.ndarray, upper: float, lower: float, swivel: np.ndarray, knee: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Orientations of a two-bone limb that ends at a target.

    The middle joint lies on a circle around the line to the target. Its place there is carried
    along the shortest rotation from a direction where the natural bend is known, ahead of and
    below the joint, so that the only singular direction points up and backwards.

    Args:
        target: [T, 3] end of the limb from its start, metres; beyond reach it is shortened.
        upper: Length of the first bone.
        lower: Length of the second bone.
        swivel: [T] degrees the middle joint moves to +x when the limb hangs.
        knee: The middle joint bends to the front (a knee) and not to the back (an elbow).

    Returns:
        [T, 3, 3] orientations of the upper and the lower bone, whose rest direction is -y.
    """
    distance = np.linalg.norm(target, axis=-1, keepdims=True)
    direction = target / np.maximum(distance, 1e-9)
    distance = np.clip(distance, 1.02 * abs(upper - lower) + 1e-3, 0.9995 * (upper + lower))
    bend_sign = 1.0 if knee else -1.0
    base = np.array([0.0, -np.sqrt(0.75), 0.5])
    side = bend_sign * np.array([0.0, 0.5, np.sqrt(0.75)])
    scale = (direction @ side) / np.maximum(1.0 + direction @ base, 1e-6)
    outward = side - scale[:, None] * (base + direction)
    angle = np.deg2rad(swivel)[:, None] * -bend_sign
    outward = outward * np.cos(angle) + _cross(direction, outward) * np.sin(angle)

    along = (upper**2 - lower**2 + distance**2) / (2.0 * distance)
    off = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    middle = along * direction + off * outward
    hinge = -bend_sign * _cross(direction, outward)
    return (
        _hinged(middle / upper, hinge),
        _hinged((distance * direction - middle) / lower, hinge),
    )


def _hinged(bone: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    """Orientation with -y along the bone [T, 3] and x along the hinge [T, 3], unit vectors."""
    return np.stack([hinge, -bone, _cross(bone, hinge)], axis=-1)


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cross product of [T, 3] vectors; `np.cross` spends ten times as long on bookkeeping."""
    (a, b, c), (d, e, f) = first.T, second.T
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis=-1)


def pose_body(body: Body, channels: np.ndarray, heading: float = 0.0) -> np.ndarray:
    """Positions of all points for posture channels over time.

    Args:
        body: The measures.
        channels: [T, D] as in `CHANNELS`.
        heading: Degrees the person looks to the left of +z at the start.

    Returns:
        [T, P, 3] world positions in metres; a flat sole is at height 0.
    """

    def value(name: str, place: int = 0) -> np.ndarray:
        return np.asarray(channels[:, SLICES[name].start + place])

    def triple(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return value(name, 0), value(name, 1), value(name, 2)

    orient = np.empty((len(channels), len(SEGMENTS), 3, 3))
    facing = rotation("y", heading + value("turn"))
    start = rotation("y", np.array(heading))
    ground = np.zeros((len(channels), 3))
    ground[:, [0, 2]] = channels[:, SLICES["place"]] * body.leg
    ground = ground @ start.T

    pelvis = facing @ _bend(*triple("hips"))
    third = _bend(*(angle / 3.0 for angle in triple("spine")))
    nod = _bend(*(angle / 2.0 for angle in triple("head")))
    loin = pelvis @ third
    belly = loin @ third
    chest = belly @ third
    neck = chest @ nod
    central = (pelvis, loin, belly, chest, neck, neck @ nod)
    for index, matrix in enumerate(central):
        orient[:, index] = matrix

    # The hips' own drop below the pelvis point belongs to the standing height.
    drop = -body.offsets[POINT_INDEX["left_hip"], 1]
    height = STANDING_HEIGHT * body.leg + body.ankle_height + drop
    root = ground + np.array([0.0, height, 0.0])
    root += np.einsum("tij,tj->ti", facing, channels[:, SLICES["pelvis"]]) * body.leg
    shoulders = facing @ rotation("y", value("hips", 2) + value("spine", 2))
    for side in SIDES:
        _pose_arm(body, side, channels, chest, shoulders, orient)
        hips = root + np.einsum("tij,j->ti", pelvis, body.offsets[POINT_INDEX[f"{side}_hip"]])
        _pose_leg(body, side, channels, facing, hips - ground, orient)
    return forward_kinematics(body, root, orient)


def _pose_arm(
    body: Body,
    side: str,
    channels: np.ndarray,
    chest: np.ndarray,
    shoulders: np.ndarray,
    orient: np.ndarray,
) -> None:
    """Write the orientations of one arm; its target is given in the upright shoulder frame."""
    sign = SIDE_SIGN[side]
    hand = channels[:, SLICES[f"{side}_hand"]] * np.array([sign, 1.0, 1.0]) * body.arm
    bones = (body.length(f"{side}_elbow"), body.length(f"{side}_wrist"))
    swivel = sign * channels[:, SLICES[f"{side}_elbow"].start]
    upper, lower = solve_limb(hand, *bones, swivel=swivel, knee=False)
    wrist = channels[:, SLICES[f"{side}_wrist"]]
    # The collar bone rises with the hand.
    lift = 14.0 * np.clip(hand[:, 1] / body.arm + 0.4, 0.0, 1.4)
    orient[:, SEGMENT_INDEX[f"{side}_collar"]] = chest @ rotation("z", sign * lift)
    orient[:, SEGMENT_INDEX[f"{side}_upper_arm"]] = shoulders @ upper
    forearm = shoulders @ lower
    orient[:, SEGMENT_INDEX[f"{side}_forearm"]] = forearm
    turned = rotation("y", sign * wrist[:, 1]) @ rotation("x", -wrist[:, 0])
    orient[:, SEGMENT_INDEX[f"{side}_hand"]] = forearm @ turned


def _pose_leg(
    body: Body,
    side: str,
    channels: np.ndarray,
    facing: np.ndarray,
    hip: np.ndarray,
    orient: np.ndarray,
) -> None:
    """Write the orientations of one leg; hip [T, 3] is relative to the ground point."""
    sign = SIDE_SIGN[side]
    foot = channels[:, SLICES[f"{side}_foot"]] * np.array([sign, 1.0, 1.0]) * body.leg
    foot += [body.offsets[POINT_INDEX[f"{side}_hip"], 0], body.ankle_height, 0.0]
    target = foot - np.einsum("tji,tj->ti", facing, hip)
    bones = (body.length(f"{side}_knee"), body.length(f"{side}_ankle"))
    splay = np.full(len(channels), sign * FOOT_SPLAY)
    upper, lower = solve_limb(target, *bones, swivel=splay, knee=True)
    orient[:, SEGMENT_INDEX[f"{side}_thigh"]] = facing @ upper
    orient[:, SEGMENT_INDEX[f"{side}_shank"]] = facing @ lower
    sole = facing @ rotation("y", splay)
    pitch = channels[:, SLICES[f"{side}_toe"].start]
    orient[:, SEGMENT_INDEX[f"{side}_foot"]] = sole @ rotation("x", pitch)
    # Toes stay flat on the floor when the heel comes up.
    toes = np.minimum(pitch, 0.0) + 0.4 * np.maximum(pitch, 0.0)
    orient[:, SEGMENT_INDEX[f"{side}_toes"]] = sole @ rotation("x", toes)
