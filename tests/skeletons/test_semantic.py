"""The eleven semantic points: of packaged layouts, of users' files, derived ones."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data.synthetic.actions import key_poses
from ms2l_tf.data.synthetic.body import POINT_INDEX, make_body
from ms2l_tf.data.synthetic.joints import joint_weights
from ms2l_tf.data.synthetic.posture import pose_body
from ms2l_tf.skeletons import SEMANTIC, SkeletonLayout, layout_names, load_layout
from ms2l_tf.skeletons.json_files import read_packaged
from ms2l_tf.skeletons.semantic import derived_points
from tools.draw_layouts import rest_pose

LACKING = {
    "h36m_15": {"head"},
    "kinect_v1_upper_14": {"knee_left", "knee_right", "ankle_left", "ankle_right"},
}


LIMBS = {"arm": ("sho", "elb", "wri", "thu"), "leg": ("hip", "kne", "ank", "toe")}
SIDES = {"left": "l", "right": "r"}


def body(**changes: Any) -> dict[str, Any]:
    """A file of a whole body, thumbs and toes included, that names no semantic point."""
    trunk = ["pelvis", "chest", "neck", "skull"]
    limbs = {
        f"{part}_{side}": [f"{joint}_{letter}" for joint in joints]
        for part, joints in LIMBS.items()
        for side, letter in SIDES.items()
    }
    chains = [trunk, *(["chest" if "arm" in part else "pelvis", *limbs[part]] for part in limbs)]
    pairs = zip(
        limbs["arm_left"] + limbs["leg_left"], limbs["arm_right"] + limbs["leg_right"], strict=True
    )
    return {
        "name": "body",
        "joints": [*trunk, *(joint for limb in limbs.values() for joint in limb)],
        "bones": [[b, a] for chain in chains for a, b in itertools.pairwise(chain)],
        "graph_centre": "chest",
        "mirror": [list(pair) for pair in pairs],
        "anchors": {
            "root": ["pelvis"],
            "spine_top": ["neck"],
            **{f"shoulder_{side}": [f"sho_{letter}"] for side, letter in SIDES.items()},
            **{f"hip_{side}": [f"hip_{letter}"] for side, letter in SIDES.items()},
        },
        "parts": {"trunk": trunk, **limbs},
        **changes,
    }


def named(layout: SkeletonLayout) -> dict[str, list[str]]:
    return {point: [layout.joints[j] for j in joints] for point, joints in layout.semantic.items()}


@pytest.mark.parametrize("name", layout_names())
class TestEveryPackagedLayout:
    def test_names_all_points_in_its_file(self, name: str) -> None:
        assert tuple(read_packaged("layouts", name)["semantic"]) == SEMANTIC
        layout = load_layout(name)
        lacking = {point for point, joints in layout.semantic.items() if not joints}
        assert lacking == LACKING.get(name, set())

    def test_points_are_those_of_their_part_and_side(self, name: str) -> None:
        layout = load_layout(name)
        assert layout.semantic["pelvis"] == layout.anchors["root"]
        assert layout.semantic["neck"] == layout.anchors["spine_top"]
        assert set(layout.semantic["head"]) <= set(layout.parts["trunk"])
        for side in ("left", "right"):
            for point, part in (("elbow", "arm"), ("hand", "arm"), ("knee", "leg")):
                joints = set(layout.semantic[f"{point}_{side}"])
                assert joints <= set(layout.parts[f"{part}_{side}"])

    def test_points_stand_where_they_are_on_a_body(self, name: str) -> None:
        layout, pose = load_layout(name), rest_pose(load_layout(name))
        where = {
            point: pose[list(joints)].mean(axis=0)
            for point, joints in layout.semantic.items()
            if joints
        }
        height = {point: place[1] for point, place in where.items()}
        assert height.get("head", 9.0) > height["neck"] > height["pelvis"]
        for side, sign in (("left", 1), ("right", -1)):
            elbow, hand = where[f"elbow_{side}"], where[f"hand_{side}"]
            assert 0 < sign * elbow[0] < sign * hand[0]
            if f"knee_{side}" in where:
                knee, ankle = where[f"knee_{side}"], where[f"ankle_{side}"]
                assert height["pelvis"] > knee[1] > ankle[1]
                assert min(sign * knee[0], sign * ankle[0]) > 0

    def test_a_record_without_the_points_is_read_with_them(self, name: str) -> None:
        layout = load_layout(name)
        record = layout.to_json()
        assert "semantic" not in record  # records and checksums stay those of earlier versions
        assert SkeletonLayout.from_json(record, "record").semantic == layout.semantic

    def test_derived_points_agree_where_the_structure_tells_them(self, name: str) -> None:
        layout = load_layout(name)
        for point, joints in derived_points(layout).items():
            by_name = point == "head" or (name == "hdm05_31" and "hand" in point)
            assert joints in ((), layout.semantic[point]) or by_name


@pytest.mark.parametrize("name", ["kinect_v1_20", "kinect_v2_25", "coco_17", "openpose_18"])
def test_points_of_a_standing_person_are_those_of_the_body(name: str) -> None:
    positions = pose_body(make_body(1.7), key_poses(("stand",)))[0]
    layout = load_layout(name)
    pose = joint_weights(layout) @ positions
    points = {point: pose[list(joints)].mean(axis=0) for point, joints in layout.semantic.items()}
    names = {"hand": "wrist", "elbow": "elbow", "knee": "knee", "ankle": "ankle"}
    for side in ("left", "right"):
        for point, body_point in names.items():
            own = positions[POINT_INDEX[f"{side}_{body_point}"]]
            np.testing.assert_allclose(points[f"{point}_{side}"], own, atol=0.03)
    heights = [points[point][1] for point in ("head", "neck", "pelvis", "knee_left", "ankle_left")]
    assert heights == sorted(heights, reverse=True)
    assert np.abs([points[point][0] for point in ("head", "neck", "pelvis")]).max() < 0.02


def test_points_follow_from_the_structure() -> None:
    layout = SkeletonLayout.from_json(body(), "body.json")
    assert named(layout) == {
        "head": ["skull"],
        "neck": ["neck"],
        "pelvis": ["pelvis"],
        "hand_left": ["wri_l"],
        "hand_right": ["wri_r"],
        "elbow_left": ["elb_l"],
        "elbow_right": ["elb_r"],
        "knee_left": ["kne_l"],
        "knee_right": ["kne_r"],
        "ankle_left": ["ank_l"],
        "ankle_right": ["ank_r"],
    }


def test_what_is_not_clear_is_empty() -> None:
    obj = body()
    obj["bones"] = [bone if bone[0] != "thu_l" else ["thu_l", "elb_l"] for bone in obj["bones"]]
    obj["bones"] = [bone for bone in obj["bones"] if bone != ["neck", "chest"]]
    obj["anchors"].pop("hip_left")
    layout = SkeletonLayout.from_json(obj, "body.json")
    empty = {point for point, joints in layout.semantic.items() if not joints}
    assert empty == {"hand_left", "head", "knee_left", "ankle_left"}


def test_what_does_not_mirror_is_not_derived() -> None:
    obj = body()
    obj["bones"] = [
        {"wri_l": ["thu_l", "elb_l"], "thu_l": ["wri_l", "thu_l"]}.get(bone[0], bone)
        for bone in obj["bones"]
    ]
    layout = SkeletonLayout.from_json(obj, "body.json")
    assert layout.semantic["hand_left"] == layout.semantic["hand_right"] == ()
    assert layout.semantic["elbow_left"] != ()


def test_named_points_replace_derived_ones_and_survive_json() -> None:
    points = {"head": [], "hand_left": ["thu_l"], "hand_right": ["thu_r"]}
    layout = SkeletonLayout.from_json(body(semantic=points), "body.json")
    assert {point: named(layout)[point] for point in points} == points
    assert named(layout)["elbow_left"] == ["elb_l"]
    record = layout.to_json()
    assert record["semantic"] == points
    assert SkeletonLayout.from_json(json.loads(json.dumps(record)), "record") == layout


def test_another_layout_of_a_packaged_name_gets_points_of_its_own() -> None:
    layout = SkeletonLayout.from_json(body(name="coco_17"), "mine.json")
    assert named(layout)["head"] == ["skull"]
