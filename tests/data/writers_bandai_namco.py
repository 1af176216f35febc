"""`.bvh` files of Bandai-Namco's second data set: its 22 joints."""

from __future__ import annotations

from ms2l_tf.data.formats.bandai_namco import LAYOUT
from ms2l_tf.skeletons.layout import load_layout


def content(frames: int = 3, frame_time: float = 0.0333333, shift: float = 0) -> str:
    """All joints hang on the first one, joint j lies at height 100 j."""
    first, *others = load_layout(LAYOUT).joints
    channels = "CHANNELS 3 Zrotation Xrotation Yrotation"
    text = f"HIERARCHY\nROOT {first}\n{{\nOFFSET 0 0 0\n{channels}\n"
    for number, joint in enumerate(others, start=1):
        text += f"JOINT {joint}\n{{\nOFFSET {shift} {100 * number} 0\n}}\n"
    rows = (f"0 {90 * (frame % 2)} 0\n" for frame in range(frames))
    return f"{text}}}\nMOTION\nFrames: {frames}\nFrame Time: {frame_time}\n{''.join(rows)}"
