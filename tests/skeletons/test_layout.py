"""SkeletonLayout: facts of the packaged layouts and properties of every one of them."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from ms2l_tf.skeletons import ANCHORS, PARTS, SkeletonLayout, layout_names, load_layout


def names(layout: SkeletonLayout, indices: tuple[int, ...]) -> set[str]:
    return {layout.joints[j] for j in indices}


def test_the_promised_layouts_are_packaged() -> None:
    assert {
        "kinect_v1_20",
        "kinect_v2_25",
        "smpl_24",
        "smplx_42",
        "berkeley_mhad_43",
        "h36m_17",
        "coco_17",
        "openpose_25",
        "blazepose_33",
        "mpi_inf_3dhp_28",
    } <= set(layout_names())


@pytest.mark.parametrize(
    ("name", "joint", "index", "centre", "spine_top"),
    [
        ("kinect_v1_20", "foot_right", 19, "shoulder_center", {"shoulder_center"}),
        ("kinect_v2_25", "tip of left hand", 21, "spine (shoulder)", {"spine (shoulder)"}),
        ("smpl_24", "lhip", 1, "spi3", {"neck"}),
        ("smplx_42", "rmiddle1", 26, "thor", {"neck"}),
        ("berkeley_mhad_43", "rfoo", 42, "bell", {"chest", "backt"}),
        ("h36m_17", "rhip", 1, "pelv", {"neck"}),
        ("coco_17", "left_shoulder", 5, "nose", {"left_shoulder", "right_shoulder"}),
        ("openpose_25", "mid_hip", 8, "mid_hip", {"neck"}),
        ("blazepose_33", "right_foot_index", 32, "nose", {"left_shoulder", "right_shoulder"}),
        ("mpi_inf_3dhp_28", "pelv", 4, "pelv", {"neck"}),
        ("hdm05_31", "lthumb", 23, "thorax", {"lowerneck"}),
        ("bandai_22", "UpperLeg_R", 18, "Chest", {"Neck"}),
        ("h36m_15", "rwri", 14, "pelv", {"neck"}),
        ("penn_13", "right_ankle", 12, "head", {"left_shoulder", "right_shoulder"}),
        ("kinect_v1_18", "elbow_right", 8, "shoulder_center", {"shoulder_center"}),
        ("kinect_v1_15", "foot_right", 14, "shoulder_center", {"shoulder_center"}),
        ("kinect_v1_upper_14", "hip_left", 12, "shoulder_center", {"shoulder_center"}),
    ],
)
def test_known_facts(name: str, joint: str, index: int, centre: str, spine_top: set[str]) -> None:
    layout = load_layout(name)
    assert layout.index(joint) == index
    assert layout.joints[index] == joint
    assert layout.joints[layout.graph_centre] == centre
    assert names(layout, layout.anchors["spine_top"]) == spine_top


def test_kinect_v1_in_full() -> None:
    layout = load_layout("kinect_v1_20")
    side = ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot")
    assert layout.joints[:4] == ("hip_center", "spine", "shoulder_center", "head")
    expected = [
        f"{joint}_{s}" for limb in (side[:4], side[4:]) for s in ("left", "right") for joint in limb
    ]
    assert list(layout.joints[4:]) == expected
    assert layout.mirror == (0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15)
    assert layout.anchors["root"] == (12, 16)
    assert layout.parts["leg_right"] == (16, 17, 18, 19)
    assert len(layout.edges) == 19


@pytest.mark.parametrize("name", layout_names())
class TestEveryLayout:
    def test_number_of_joints_is_in_the_name(self, name: str) -> None:
        layout = load_layout(name)
        assert layout.name == name
        assert layout.num_joints == len(layout.joints) == int(name.rpartition("_")[2])

    def test_mirroring_twice_is_the_identity(self, name: str) -> None:
        mirror = load_layout(name).mirror
        assert [mirror[j] for j in mirror] == list(range(len(mirror)))

    def test_parts_cover_every_joint_once_and_mirror_onto_each_other(self, name: str) -> None:
        layout = load_layout(name)
        assert tuple(layout.parts) == PARTS
        assert sorted(j for part in layout.parts.values() for j in part) == list(
            range(layout.num_joints)
        )
        for a, b in (("trunk", "trunk"), ("arm_left", "arm_right"), ("leg_left", "leg_right")):
            assert {layout.mirror[j] for j in layout.parts[a]} == set(layout.parts[b])

    def test_anchors_mirror_onto_each_other_and_differ_from_the_graph_centre(
        self, name: str
    ) -> None:
        layout = load_layout(name)
        assert tuple(layout.anchors) == ANCHORS
        for anchor, counterpart in (
            ("root", "root"),
            ("spine_top", "spine_top"),
            ("hip_left", "hip_right"),
            ("shoulder_left", "shoulder_right"),
        ):
            mirrored = {layout.mirror[j] for j in layout.anchors[anchor]}
            assert mirrored == set(layout.anchors[counterpart]) != set()
        assert set(layout.anchors["hip_left"]) <= set(layout.parts["leg_left"])
        assert set(layout.anchors["shoulder_left"]) <= set(layout.parts["arm_left"])
        assert layout.graph_centre not in layout.anchors["root"]

    def test_bones_are_a_forest_that_spans_the_graph(self, name: str) -> None:
        layout = load_layout(name)
        edges = {frozenset(edge) for edge in layout.edges}
        assert {frozenset(bone) for bone in layout.bones} <= edges
        # As many bones as a spanning forest has, and no child twice: no cycle, nothing cut off.
        components = count_components(layout.num_joints, layout.edges)
        assert len(layout.bones) == layout.num_joints - components
        assert len({child for child, _ in layout.bones}) == len(layout.bones)
        assert count_components(layout.num_joints, layout.bones) == components

    def test_left_names_are_on_the_left(self, name: str) -> None:
        layout = load_layout(name)
        for j, joint in enumerate(layout.joints):
            if layout.mirror[j] == j:
                assert "left" not in joint
                assert "right" not in joint
        for side, initial in (("left", "l"), ("right", "r")):
            for j in (*layout.parts[f"arm_{side}"], *layout.parts[f"leg_{side}"]):
                joint = layout.joints[j]
                assert (
                    side in joint
                    or joint.startswith(initial)
                    or joint.endswith(f"_{initial.upper()}")
                )

    def test_json_round_trip(self, name: str) -> None:
        layout = load_layout(name)
        again = SkeletonLayout.from_json(json.loads(json.dumps(layout.to_json())), "text")
        assert again == layout
        assert hash(again) == hash(layout)


def count_components(num_joints: int, links: tuple[tuple[int, int], ...]) -> int:
    group = list(range(num_joints))
    for a, b in links:
        old, new = group[a], group[b]
        group = [new if g == old else g for g in group]
    return len(set(group))


def test_layouts_survive_pickle_and_deepcopy() -> None:
    layout = load_layout("coco_17")
    assert pickle.loads(pickle.dumps(layout)) == layout
    assert copy.deepcopy(layout) == layout
