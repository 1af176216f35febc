"""Motion capture of a body that waves or kicks, written for any hierarchy of joints.

The body stands in T-pose, y up, faces +z and has its left at +x; right arm and right leg move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.skeletons.layout import load_layout
from tests.data.motion_files import BODY, JOINTS, rest_pose

Places = dict[str, tuple[str, np.ndarray]]  # joint -> its parent, and metres
ACTIONS = ("wave", "kick")
_REST = dict(zip(JOINTS, rest_pose(), strict=True))
_HDM05: Mapping[str, tuple[str, Sequence[float]]] = {
    "hipjoint": ("UpLeg", (0, 0, 0)),
    "femur": ("Leg", (0, 0, 0)),
    "tibia": ("Foot", (0, 0, 0)),
    "foot": ("ToeBase", (0, 0, 0)),
    "toes": ("ToeBase", (0, 0, 0.05)),
    "clavicle": ("Arm", (0, 0, 0)),
    "humerus": ("ForeArm", (0, 0, 0)),
    "radius": ("Hand", (-0.05, 0, 0)),
    "wrist": ("Hand", (0, 0, 0)),
    "hand": ("Hand", (0.05, 0, 0)),
    "fingers": ("Hand", (0.12, 0, 0)),
    "thumb": ("Hand", (0.05, 0, 0.05)),
}
_BANDAI: Mapping[str, str] = {
    "Shoulder": "Shoulder", "UpperArm": "Arm", "LowerArm": "ForeArm", "Hand": "Hand",
    "UpperLeg": "UpLeg", "LowerLeg": "Leg", "Foot": "Foot", "Toes": "ToeBase",
}  # fmt: skip


def plain_body() -> Places:
    """The joints of `motion_files`."""
    return {joint: (parent, _REST[joint]) for joint, (parent, _) in BODY.items()}


def hdm05_body() -> Places:
    """The ends of the bones of HDM05."""
    places = {"root": np.array([0, 0.95, 0])}
    heights = {"lowerback": 1.02, "upperback": 1.1, "thorax": 1.25, "lowerneck": 1.4}
    heights |= {"upperneck": 1.47, "head": 1.6}
    places |= {joint: np.array([0, height, 0]) for joint, height in heights.items()}
    for side, name, sign in (("l", "Left", 1), ("r", "Right", -1)):
        for joint, (at, moved) in _HDM05.items():
            places[side + joint] = _REST[name + at] + np.array(moved) * [sign, 1, 1]
    return _hung("hdm05_31", places)


def bandai_body() -> Places:
    """The joints of Bandai-Namco 2, which hang on one at the origin."""
    places = {"joint_Root": np.zeros(3), "Chest": np.array([0, 1.25, 0])}
    places |= {joint: _REST[joint] for joint in ("Hips", "Spine", "Neck", "Head")}
    for side, name in (("L", "Left"), ("R", "Right")):
        places |= {f"{joint}_{side}": _REST[name + at] for joint, at in _BANDAI.items()}
    return {**_hung("bandai_22", places), "Hips": ("joint_Root", places["Hips"])}


def _hung(layout_name: str, places: Mapping[str, np.ndarray]) -> Places:
    layout = load_layout(layout_name)
    parents = {layout.joints[child]: layout.joints[parent] for child, parent in layout.bones}
    return {joint: (parents.get(joint, ""), places[joint]) for joint in layout.joints}


def angles(action: str, frames: int, rate: float, seed: int) -> dict[str, np.ndarray]:
    """Degrees [T] by which the right arm or the right leg is turned: ``arm``, ``forearm``, ``leg``.

    The arms hang a little; how far and how fast the limbs move depends on the seed.
    """
    random = np.random.default_rng(seed)
    swing = np.sin(2 * np.pi * random.uniform(0.8, 1.2) * np.arange(frames) / rate)
    size = random.uniform(0.9, 1.1)
    still = np.zeros(frames)
    if action == "wave":
        return {"arm": still - 30 * size, "forearm": -40 + 35 * size * swing, "leg": still}
    return {"arm": still + 60, "forearm": still, "leg": -30 - 30 * size * swing}


def bvh_text(
    places: Places, turned: Mapping[str, tuple[str, np.ndarray]], rate: float = 30.0
) -> str:
    """A file in centimetres; `turned` says about which axis, and by how much, joints turn."""
    lines = ["HIERARCHY"]
    rows: list[np.ndarray] = []
    frames = len(next(iter(turned.values()))[1])
    moves = np.tile(next(iter(places.values()))[1] * 100, (frames, 1))

    def write(joint: str) -> None:
        parent, place = places[joint]
        offset = (place - places[parent][1]) * 100 if parent else np.zeros(3)
        lines.append(f"{'JOINT' if parent else 'ROOT'} {joint}")
        lines.extend(["{", "OFFSET " + " ".join(f"{value:.6f}" for value in offset)])
        channels = "Zrotation Xrotation Yrotation"
        lines.append(
            f"CHANNELS 3 {channels}"
            if parent
            else f"CHANNELS 6 Xposition Yposition Zposition {channels}"
        )
        if not parent:
            rows.extend(moves.T)
        axis, by = turned.get(joint, ("Z", np.zeros(frames)))
        rows.extend(by if axis == own else np.zeros(frames) for own in "ZXY")
        below = [child for child, (up, _) in places.items() if up == joint]
        for child in below:
            write(child)
        lines.extend([] if below else ["End Site", "{", "OFFSET 0 5 0", "}"])
        lines.append("}")

    write(next(iter(places)))
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / rate:.7f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in np.array(rows).T]
    return "\n".join(lines) + "\n"


_METRE = 0.45 / 0.0254  # of an Acclaim skeleton whose length is 0.45


def asf_text(places: Places) -> str:
    """The skeleton whose bones end at the joints and are called like them."""
    _, *bones = places
    lines = [":version 1.10", ":units", "mass 1.0", "length 0.45", "angle deg"]
    lines += [":root", "order TX TY TZ RX RY RZ", "axis XYZ"]
    lines += ["position 0 0 0", "orientation 0 0 0", ":bonedata"]
    for number, bone in enumerate(bones, start=1):
        parent, place = places[bone]
        step = (place - places[parent][1]) * _METRE
        size = np.linalg.norm(step)
        direction = " ".join(f"{value:.9f}" for value in step / size)
        lines += ["begin", f"id {number}", f"name {bone}", f"direction {direction}"]
        lines += [f"length {size:.9f}", "axis 0 0 0 XYZ", "dof rx ry rz", "end"]
    lines += [":hierarchy", "begin"]
    lines += [f"{places[bone][0]} {bone}" for bone in bones]
    return "\n".join([*lines, "end"]) + "\n"


def amc_text(places: Places, turned: Mapping[str, tuple[str, np.ndarray]]) -> str:
    """A motion of that skeleton."""
    root, *bones = places
    place = " ".join(f"{value:.6f}" for value in places[root][1] * _METRE)
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(len(next(iter(turned.values()))[1])):
        lines += [str(frame + 1), f"root {place} 0 0 0"]
        for bone in bones:
            axis, by = turned.get(bone, ("X", np.zeros(frame + 1)))
            lines.append(f"{bone} " + " ".join(f"{by[frame] * (axis == own):g}" for own in "XYZ"))
    return "\n".join(lines) + "\n"
