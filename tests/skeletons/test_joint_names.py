from __future__ import annotations

import pytest

from ms2l_tf.skeletons import layout_names, load_layout
from ms2l_tf.skeletons.joint_names import find_points, sided_names, stripped


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["mixamorig:Hips", "mixamorig:Spine"], ["Hips", "Spine"]),
        (["a:b:Hips", "c:Spine"], ["Hips", "Spine"]),
        (["Character1_Hips", "Character1_Spine"], ["Hips", "Spine"]),
        (["Bip01", "Bip01 Pelvis", "Bip01 L Thigh"], ["Bip01", "Pelvis", "L Thigh"]),
        (["Bip001-Pelvis", "Bip001-Head"], ["Pelvis", "Head"]),
        # Not a prefix: part of one word, a side, of a single name, or names would be equal.
        (["Spine", "Spine1"], ["Spine", "Spine1"]),
        (["Left_Arm", "Left_Leg"], ["Left_Arm", "Left_Leg"]),
        (["my_root"], ["my_root"]),
        (["a:Hips", "b:Hips"], ["a:Hips", "b:Hips"]),
        (["Hips", "x_Spine", "x_Head"], ["Hips", "x_Spine", "x_Head"]),
    ],
)
def test_prefixes_of_programs(names: list[str], expected: list[str]) -> None:
    assert stripped(names) == tuple(expected)


@pytest.mark.parametrize(
    ("left", "right", "word"),
    [
        ("LeftUpLeg", "RightUpLeg", "upleg"),
        ("left_eye_inner", "right_eye_inner", "eyeinner"),
        ("L Thigh", "R Thigh", "thigh"),
        ("UpperLeg_L", "UpperLeg_R", "upperleg"),
        ("lThigh", "rThigh", "thigh"),
        ("LThumb", "RThumb", "thumb"),
        ("lfemur", "rfemur", "femur"),
        ("HandL", "HandR", "hand"),
        ("hip.l", "hip.r", "hip"),
        ("tip of left hand", "tip of right hand", "tipofhand"),
        ("MOUTH_LEFT", "MOUTH_RIGHT", "mouth"),
    ],
)
def test_sides(left: str, right: str, word: str) -> None:
    sided, mirror = sided_names(["root", left, "lowerback", right])
    assert [(name.side, name.word) for name in sided] == [
        ("", "root"), ("left", word), ("", "lowerback"), ("right", word)
    ]  # fmt: skip
    assert mirror == (0, 3, 2, 1)


@pytest.mark.parametrize("name", layout_names())
def test_sides_of_every_packaged_layout(name: str) -> None:
    """Names alone tell the counterparts, but for the markers of one that names them by place."""
    layout = load_layout(name)
    if name != "berkeley_mhad_43":
        assert sided_names(layout.joints)[1] == layout.mirror


def test_a_skeleton_with_an_ankle_has_a_forefoot_called_foot() -> None:
    points = find_points(("ankle_left", "foot_left", "ankle_right", "foot_right"))
    assert list(points.values()) == ["ankle_left", "ankle_right", "foot_left", "foot_right"]
    assert set(find_points(("LeftFoot", "RightFoot")).values()) == {"ankle_left", "ankle_right"}


def test_sides_of_a_point_are_counterparts() -> None:
    """Where one side is known to be another joint than the names say, neither is told."""
    names = ("LeftHand", "RightHand", "LeftWrist", "RightWrist")
    assert find_points(names)[2] == "wrist_left"
    assert "wrist_right" not in find_points(names, taken={0: "wrist_left"}).values()
