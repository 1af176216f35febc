from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data.formats.bvh import joint_points, parse_bvh
from ms2l_tf.errors import InputError

HIERARCHY = """HIERARCHY
ROOT hips
{
  OFFSET 9 9 9
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT knee
  {
    OFFSET 0 2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT foot
    {
      OFFSET 0 1 0
      CHANNELS 1 Xrotation
      End Site
      {
        OFFSET 0 0 5
      }
    }
  }
  JOINT tail
  {
    OFFSET 0 0 -1
    CHANNELS 3 Xposition Yposition Zposition
    End Site
    {
      OFFSET 0 0 0
    }
  }
}
"""
REST = "1 2 3 0 0 0 0 0 0 0 0 0 -1\n"
MOTION = f"MOTION\nFrames: 2\nFrame Time: 0.025\n{REST}{REST}"
CONTENT = HIERARCHY + MOTION


def pose(*values: float, hierarchy: str = HIERARCHY) -> np.ndarray:
    row = " ".join(str(value) for value in values)
    motion = parse_bvh(f"{hierarchy}MOTION\nFrames: 1\nFrame Time: 0.1\n{row}\n", "m.bvh")
    return joint_points(motion)[0]


def test_content() -> None:
    motion = parse_bvh(CONTENT, "m.bvh")
    assert motion.joints == ("hips", "knee", "foot", "tail")
    assert motion.parents == (-1, 0, 1, 0)
    assert motion.channels[1] == ("Zrotation", "Xrotation", "Yrotation")
    assert (motion.frame_time, motion.values.shape) == (0.025, (2, 13))
    np.testing.assert_array_equal(motion.offsets, [(9, 9, 9), (0, 2, 0), (0, 1, 0), (0, 0, -1)])


def test_position_channels_replace_the_offset() -> None:
    moved = pose(1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0)
    np.testing.assert_allclose(moved, [(1, 2, 3), (1, 4, 3), (1, 5, 3), (8, 2, 3)])
    one = HIERARCHY.replace("3 Xposition Yposition Zposition", "1 yPosition")
    moved = pose(1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 7, hierarchy=one)
    np.testing.assert_allclose(moved[3], (1, 9, 2))


@pytest.mark.parametrize(
    ("hips", "knee", "end_knee", "end_foot"),
    [
        ((0, 90, 0), (0, 0, 0), (0, 0, 2), (0, 0, 3)),
        ((90, 0, 0), (0, 0, 0), (-2, 0, 0), (-3, 0, 0)),
        ((0, 0, 90), (0, 0, 0), (0, 2, 0), (0, 3, 0)),
        ((0, 0, 0), (0, 90, 0), (0, 2, 0), (0, 2, 1)),
        ((90, 90, 0), (0, 0, 0), (0, 0, 2), (0, 0, 3)),  # Rz Rx: y -> z, z stays
        ((0, 90, 90), (0, 0, 0), (0, 0, 2), (0, 0, 3)),  # Rx Ry: y stays, y -> z
        ((0, 0, 90), (0, 90, 0), (0, 2, 0), (1, 2, 0)),  # the knee's z is turned to x
    ],
)
def test_order_zxy(
    hips: tuple[float, ...],
    knee: tuple[float, ...],
    end_knee: tuple[float, ...],
    end_foot: tuple[float, ...],
) -> None:
    points = pose(0, 0, 0, *hips, *knee, 45, 0, 0, -1)
    np.testing.assert_allclose(points[:3], [(0, 0, 0), end_knee, end_foot], atol=1e-12)


@pytest.mark.parametrize(
    ("order", "end"),
    # 90 degrees about x and z; the channel listed last is applied first.
    [("XYZ", (-2, 0, 0)), ("YXZ", (-2, 0, 0)), ("ZYX", (0, 0, 2)), ("ZXY", (0, 0, 2))],
)
def test_channel_orders(order: str, end: tuple[float, ...]) -> None:
    channels = " ".join(f"{axis}rotation" for axis in order)
    hierarchy = HIERARCHY.replace("Zrotation Xrotation Yrotation", channels)
    angles = [0 if axis == "Y" else 90 for axis in order]
    points = pose(0, 0, 0, *angles, 0, 0, 0, 0, 0, 0, -1, hierarchy=hierarchy)
    np.testing.assert_allclose(points[1], end, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-400, 400), min_size=3 * 10, max_size=3 * 10))
def test_bone_lengths_are_constant(numbers: list[float]) -> None:
    rows = [[*row, 0.0, 0.0, -1.0] for row in np.reshape(numbers, (3, 10)).tolist()]
    text = "\n".join(" ".join(map(repr, row)) for row in rows)
    motion = parse_bvh(f"{HIERARCHY}MOTION\nFrames: 3\nFrame Time: 0.1\n{text}", "m.bvh")
    points = joint_points(motion)
    for joint, parent, length in ((1, 0, 2), (2, 1, 1), (3, 0, 1)):
        lengths = np.linalg.norm(points[:, joint] - points[:, parent], axis=-1)
        np.testing.assert_allclose(lengths, length, rtol=1e-9)


def test_tabs_windows_line_ends_and_braces_on_the_same_line() -> None:
    odd = CONTENT.replace("\n{", " {").replace(" ", "\t").replace("\n", "\r\n\r\n")
    odd = odd.replace("Frame\tTime", "Frame Time")
    motion = parse_bvh(odd, "m.bvh")
    np.testing.assert_array_equal(joint_points(motion), joint_points(parse_bvh(CONTENT, "m.bvh")))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Frame Time:", "Frame time:"),
        ("Frame Time:", "FRAME TIME:"),
        ("Frame Time: ", "  frame   TIME :"),
        ("Frame Time:", "Frame\tTime:\t"),
        ("Frames: 2", "frames:2"),
        ("Frames: 2", " FRAMES :   2  "),
        ("MOTION", "Motion"),
        ("HIERARCHY", "Hierarchy"),
        ("JOINT", "joint"),
        ("ROOT", "Root"),
        ("End Site", "END SITE"),
        ("OFFSET", "Offset"),
        ("CHANNELS", "channels"),
        ("HIERARCHY", "\ufeffHIERARCHY"),
        ("\n", "\r"),
        ("\n", "\r\n"),
    ],
)
def test_the_words_of_the_format_in_other_hands(old: str, new: str) -> None:
    assert old in CONTENT
    motion = parse_bvh(CONTENT.replace(old, new), "m.bvh")
    np.testing.assert_array_equal(joint_points(motion), joint_points(parse_bvh(CONTENT, "m.bvh")))
    assert motion.joints == ("hips", "knee", "foot", "tail")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ROOT hips", "JOINT hips", r"m.bvh, line 2: JOINT hips outside a ROOT"),
        (HIERARCHY, "HIERARCHY\n", r"m.bvh, line 2: the motion begins, but there was no ROOT"),
        ("  JOINT tail\n  {", "  JOINT tail\n  ", r"m.bvh, line 22: 'OFFSET' instead of '\{'"),
        ("}\nMOTION", "MOTION", r"m.bvh, line 29: the motion begins while 1 '\{' have no '\}'"),
        ("}\nMOTION", "}}\nMOTION", r"m.bvh, line 29: '\}}' is no word of a hierarchy"),
        ("}\nMOTION", "}\n}\nMOTION", r"m.bvh, line 30: '\}' without '\{'"),
        ("}\nMOTION", "}\nROOT b\n{\n}\nMOTION", r"m.bvh, line 30: a second ROOT"),
        (MOTION, "", r"m.bvh: has no line MOTION"),
        (
            CONTENT,
            HIERARCHY[: HIERARCHY.index("  JOINT")],
            r"m.bvh: ends within the hierarchy, 1 '\{' have no '\}'",
        ),
        (CONTENT, HIERARCHY[:60], r"m.bvh, line 5: the file ends within the hierarchy"),
        (CONTENT, "", r"m.bvh: has no line MOTION"),
        (CONTENT, "\x00\ufffdPNG", r"m.bvh, line 1: '.*PNG' is no word of a hierarchy"),
        ("JOINT tail", "JOINT knee", r"m.bvh, line 20: the joint 'knee' is there already"),
        ("    OFFSET 0 0 -1\n", "", r"m.bvh: the joint tail has no OFFSET"),
        ("OFFSET 0 2 0", "OFFSET 0 2", r"m.bvh, line 9: 'CHANNELS' is not a number"),
        ("OFFSET 0 2 0", "OFFSET 0 2 inf", r"m.bvh, line 8: 'inf' is not a finite number"),
        ("CHANNELS 1 X", "CHANNELS 2 X", r"m.bvh, line 14: 'End' instead of the next of 2"),
        ("CHANNELS 1 X", "CHANNELS 0 X", r"m.bvh, line 13: 'Xrotation' is no word of a hierarchy"),
        ("CHANNELS 1 X", "CHANNELS 9 X", r"m.bvh, line 13: CHANNELS '9' cannot be"),
        ("1 Xrotation", "2 Xrotation Xrotation", r"m.bvh, line 13: 'Xrotation' instead of"),
        ("Frames: 2", "Frames: 0", r"m.bvh: has no frame \(Frames: 0\)"),
        ("Frames: 2", "Frames: 1.5", r"m.bvh, line 31: Frames: 1.5 is no whole number"),
        ("1 2 3 0", "1 2 3_0 0", r"m.bvh, line 33: '3_0' is not a number"),
        ("Frames: 2", "Frames: two", r"m.bvh, line 31: 'two' is not a number"),
        ("Frames: 2\n", "", r"m.bvh, line 31: 'Frames:' is missing after MOTION"),
        ("Frame Time: 0.025\n", "", r"m.bvh, line 32: 'Frame Time:' is missing"),
        ("Frame Time: 0.025", "Frame Time: 0", r"m.bvh: Frame Time: 0 must be more than 0"),
        (MOTION, "MOTION\n", r"m.bvh: 'Frames:' is missing after MOTION"),
        (f"{REST}{REST}", REST, r"m.bvh, line 33: the motion is truncated, 1 frames of 2"),
        (f"{REST}{REST}", "", r"m.bvh, line 32: the motion is truncated, 0 frames of 2"),
        (REST, f"{REST}{REST}", r"m.bvh, line 36: the motion is too long, 4 frames of 2"),
        ("1 2 3 0", "1 2 0", r"m.bvh, line 33: has 12 values, the hierarchy has 13 channels"),
        (f"{REST}{REST}", f"{REST}{REST[:9]}", r"m.bvh, line 34: has 5 values, the hierarchy"),
        ("1 2 3 0", "1 2 3 n 0", r"m.bvh, line 33: has 14 values"),
        ("1 2 3 0", "1 2 nan 0", r"m.bvh, line 33: 'nan' is not a finite number"),
        ("1 2 3 0", "1 2 3x 0", r"m.bvh, line 33: '3x' is not a number"),
    ],
)
def test_bad_file(old: str, new: str, message: str) -> None:
    assert old in CONTENT
    with pytest.raises(InputError, match=f"^{message}") as caught:
        parse_bvh(CONTENT.replace(old, new), "m.bvh")
    assert "\n" not in str(caught.value)
