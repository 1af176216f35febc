"""Skeletons and motions of HDM05: its 31 joints, every bone hanging on the root."""

from __future__ import annotations

from ms2l_tf.data.formats.hdm05 import LAYOUT
from ms2l_tf.skeletons.layout import load_layout


def skeleton(unit: float = 0.0254) -> str:
    """A skeleton whose bones all hang on the root and lie along y, bone j of length j."""
    text = f":units\nlength {unit}\n:root\norder TX TY TZ RX RY RZ\n:bonedata\n"
    bones = load_layout(LAYOUT).joints[1:]
    for length, name in enumerate(bones, start=1):
        text += f"begin\nname {name}\ndirection 0 1 0\nlength {length}\naxis 0 0 0 XYZ\nend\n"
    return f"{text}:hierarchy\nbegin\nroot {' '.join(bones)}\nend\n"


def motion(frames: int, height: float = 0) -> str:
    """A motion in which the root moves along x by one unit a frame, turned by a right angle."""
    rows = (f"{frame}\nroot {frame} {height} 0 0 0 90\n" for frame in range(1, frames + 1))
    return ":DEGREES\n" + "".join(rows)
