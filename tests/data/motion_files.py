"""Writes .bvh, .asf and .amc files of one body, as programs of motion capture do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# Joint, parent and offset in metres: a person in T-pose who faces +z, left at +x, y up.
BODY: Mapping[str, tuple[str, tuple[float, float, float]]] = {
    "Hips": ("", (0.0, 0.9, 0.0)),
    "Spine": ("Hips", (0.0, 0.2, 0.0)),
    "Neck": ("Spine", (0.0, 0.3, 0.0)),
    "Head": ("Neck", (0.0, 0.1, 0.0)),
    "LeftShoulder": ("Spine", (0.05, 0.25, 0.0)),
    "LeftArm": ("LeftShoulder", (0.15, 0.0, 0.0)),
    "LeftForeArm": ("LeftArm", (0.3, 0.0, 0.0)),
    "LeftHand": ("LeftForeArm", (0.25, 0.0, 0.0)),
    "RightShoulder": ("Spine", (-0.05, 0.25, 0.0)),
    "RightArm": ("RightShoulder", (-0.15, 0.0, 0.0)),
    "RightForeArm": ("RightArm", (-0.3, 0.0, 0.0)),
    "RightHand": ("RightForeArm", (-0.25, 0.0, 0.0)),
    "LeftUpLeg": ("Hips", (0.1, 0.0, 0.0)),
    "LeftLeg": ("LeftUpLeg", (0.0, -0.4, 0.0)),
    "LeftFoot": ("LeftLeg", (0.0, -0.4, 0.0)),
    "LeftToeBase": ("LeftFoot", (0.0, -0.05, 0.1)),
    "RightUpLeg": ("Hips", (-0.1, 0.0, 0.0)),
    "RightLeg": ("RightUpLeg", (0.0, -0.4, 0.0)),
    "RightFoot": ("RightLeg", (0.0, -0.4, 0.0)),
    "RightToeBase": ("RightFoot", (0.0, -0.05, 0.1)),
}
JOINTS = tuple(BODY)
# Where the joints of a file are that a program with z up has written.
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def rest_pose() -> np.ndarray:
    """The joints at rest in metres, float64 [J, 3]."""
    places: dict[str, np.ndarray] = {}
    for joint, (parent, offset) in BODY.items():
        places[joint] = np.array(offset) + (places[parent] if parent else 0)
    return np.array([places[joint] for joint in JOINTS])


def bvh(
    rename: Mapping[str, str] | str = "",
    *,
    unit: float = 100.0,
    turn: np.ndarray | None = None,
    frames: int = 4,
    frame_rate: float = 30.0,
    without: Sequence[str] = (),
) -> str:
    """A .bvh file in which the hips move 0.1 m a frame along the first axis.

    Args:
        rename: written before every name, or names by `JOINTS`.
        unit: how many of the file's units are a metre.
        turn: [3, 3], of all offsets; None is y up.
        frames, frame_rate: of the motion.
        without: joints that are left out with all below them.
    """
    turn = np.eye(3) if turn is None else turn
    lines = ["HIERARCHY"]

    def name(joint: str) -> str:
        return rename + joint if isinstance(rename, str) else rename.get(joint, joint)

    def write(joint: str) -> None:
        parent, offset = BODY[joint]
        placed = turn @ np.array(offset) * unit * bool(parent)
        lines.append(f"{'JOINT' if parent else 'ROOT'} {name(joint)}")
        lines.extend(["{", "OFFSET " + " ".join(f"{value:.6f}" for value in placed)])
        moves = "" if parent else "Xposition Yposition Zposition "
        channels = f"{moves}Zrotation Xrotation Yrotation"
        lines.append(f"CHANNELS {len(channels.split())} {channels}")
        below = [j for j, (up, _) in BODY.items() if up == joint and j not in without]
        for child in below:
            write(child)
        if not below:
            lines.extend(["End Site", "{", "OFFSET 0 5 0", "}"])
        lines.append("}")

    write("Hips")
    turned = 3 * (sum(line.startswith("CHANNELS") for line in lines))
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / frame_rate:.9f}"]
    for frame in range(frames):
        hips = (turn @ np.array(BODY["Hips"][1]) + [0.1 * frame, 0, 0]) * unit
        lines.append(" ".join(f"{value:.6f}" for value in [*hips, *[0.0] * turned]))
    return "\n".join(lines) + "\n"


# Acclaim: bones of the same body, by the joint they end at.
BONES: Mapping[str, tuple[str, str]] = {
    "lhipjoint": ("root", "LeftUpLeg"),
    "lfemur": ("lhipjoint", "LeftLeg"),
    "ltibia": ("lfemur", "LeftFoot"),
    "lfoot": ("ltibia", "LeftToeBase"),
    "rhipjoint": ("root", "RightUpLeg"),
    "rfemur": ("rhipjoint", "RightLeg"),
    "rtibia": ("rfemur", "RightFoot"),
    "rfoot": ("rtibia", "RightToeBase"),
    "lowerback": ("root", "Spine"),
    "lowerneck": ("lowerback", "Neck"),
    "head": ("lowerneck", "Head"),
    "lclavicle": ("lowerback", "LeftArm"),
    "lhumerus": ("lclavicle", "LeftForeArm"),
    "lwrist": ("lhumerus", "LeftHand"),
    "rclavicle": ("lowerback", "RightArm"),
    "rhumerus": ("rclavicle", "RightForeArm"),
    "rwrist": ("rhumerus", "RightHand"),
}


def asf(length: float = 0.45) -> str:
    """The skeleton, its lengths in inches by `length`."""
    places = dict(zip(JOINTS, rest_pose(), strict=True))
    metre = length / 0.0254
    lines = [":version 1.10", ":units", "mass 1.0", f"length {length}", "angle deg"]
    lines += [":root", "order TX TY TZ RX RY RZ", "axis XYZ"]
    lines += ["position 0 0 0", "orientation 0 0 0", ":bonedata"]
    for number, (bone, (parent, end)) in enumerate(BONES.items(), start=1):
        start = "Hips" if parent == "root" else BONES[parent][1]
        step = (places[end] - places[start]) * metre
        size = np.linalg.norm(step)
        direction = " ".join(f"{value:.9f}" for value in step / size)
        lines += ["begin", f"id {number}", f"name {bone}", f"direction {direction}"]
        lines += [f"length {size:.9f}", "axis 0 0 0 XYZ", "dof rx ry rz", "end"]
    lines += [":hierarchy", "begin"]
    lines += [f"{parent} {bone}" for bone, (parent, _) in BONES.items()]
    return "\n".join([*lines, "end"]) + "\n"


def amc(frames: int = 8, length: float = 0.45) -> str:
    """A motion at rest in which the hips move 0.1 m a frame along x."""
    metre = length / 0.0254
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(frames):
        place = np.array([0.1 * frame, 0, 0]) + BODY["Hips"][1]
        moved = " ".join(f"{value:.9f}" for value in place * metre)
        lines += [str(frame + 1), f"root {moved} 0 0 0"]
        lines += [f"{bone} 0 0 0" for bone in BONES]
    return "\n".join(lines) + "\n"
