"""The canonical skeleton, and how the joints of layouts make its points."""

from __future__ import annotations

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.canonical import OPTIONAL, canonical_layout, points_of_joints, without
from ms2l_tf.skeletons.layout import SkeletonLayout, layout_names, load_layout
from ms2l_tf.skeletons.mapping import load_mapping
from ms2l_tf.skeletons.semantic import SEMANTIC
from tests.helpers import tiny_layout


def test_the_canonical_skeleton_has_the_points_as_joints() -> None:
    layout = canonical_layout()
    assert layout.joints == SEMANTIC
    assert SkeletonLayout.from_json(layout.to_json(), "here") == layout
    bones = {(SEMANTIC[child], SEMANTIC[parent]) for child, parent in layout.bones}
    assert len(bones) == len(SEMANTIC) - 1
    some = [("head", "neck"), ("neck", "pelvis"), ("elbow_left", "neck"), ("knee_left", "pelvis")]
    assert bones.issuperset([*some, ("hand_left", "elbow_left"), ("ankle_right", "knee_right")])
    mirrored = [SEMANTIC[j] for j in layout.mirror]
    assert mirrored == [
        point.replace("left", "other").replace("right", "left").replace("other", "right")
        for point in SEMANTIC
    ]
    reduced = points_of_joints(layout)
    np.testing.assert_array_equal(reduced.weights, np.eye(len(SEMANTIC)))
    assert not reduced.hung.any()


@pytest.mark.parametrize("name", layout_names())
def test_every_packaged_layout_is_read(name: str) -> None:
    layout = load_layout(name)
    weights, hung = points_of_joints(layout)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-6)
    for number, point in enumerate(SEMANTIC):
        joints = layout.semantic[point]
        assert bool(joints) == (hung[number] == 0)
        if joints:
            assert set(np.flatnonzero(weights[:, number])) == set(joints)


def test_a_lacking_point_hangs_from_the_trunk() -> None:
    upper = load_layout("kinect_v1_upper_14")
    weights, hung = points_of_joints(upper)
    for side in ("left", "right"):
        for point in (f"knee_{side}", f"ankle_{side}"):
            number = SEMANTIC.index(point)
            assert weights[:, number].argmax() == upper.index(f"hip_{side}")
        assert hung[SEMANTIC.index(f"ankle_{side}")] < hung[SEMANTIC.index(f"knee_{side}")] < 0
    weights, hung = points_of_joints(load_layout("h36m_15"))
    head, neck = SEMANTIC.index("head"), SEMANTIC.index("neck")
    np.testing.assert_array_equal(weights[:, head], weights[:, neck])
    assert hung[head] > 0
    layout = tiny_layout(semantic={"hand_left": (3,), "hand_right": (4,)})
    weights, hung = points_of_joints(layout)  # without anchors of shoulders
    elbow = SEMANTIC.index("elbow_left")
    np.testing.assert_array_equal(weights[:, elbow], weights[:, neck])
    assert hung[elbow] < 0


@pytest.mark.parametrize(
    ("semantic", "lacking"),
    [
        ({"hand_left": (3,), "hand_right": (4,), "neck": ()}, "neck"),
        ({}, "head, hand_left"),
    ],
)
def test_a_layout_of_too_few_points_is_refused(
    semantic: dict[str, tuple[int, ...]], lacking: str
) -> None:
    with pytest.raises(InputError, match="--joints=semantic: layout 'tiny_5' has no") as caught:
        points_of_joints(tiny_layout(semantic=semantic))
    assert lacking in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_layout_without_a_part_lacks_its_points() -> None:
    whole = load_layout("kinect_v1_20")
    lacking = without(whole, "legs")
    assert {point for point in SEMANTIC if not lacking.semantic[point]} == set(OPTIONAL["legs"])
    upper = load_layout("kinect_v1_upper_14")
    np.testing.assert_array_equal(points_of_joints(lacking).hung, points_of_joints(upper).hung)
    optional = {point for points in OPTIONAL.values() for point in points}
    assert optional == set(SEMANTIC) - {"pelvis"}


def test_without_a_neck_the_shoulders_stand_in_for_it() -> None:
    lacking = without(load_layout("kinect_v1_20"), "neck")
    mapping = load_mapping("kinect_v1_20_to_penn_13")
    made = mapping.weights.T @ points_of_joints(mapping.target_layout).weights
    np.testing.assert_allclose(points_of_joints(lacking).weights, made, atol=1e-6)
    assert lacking.anchors["spine_top"] == lacking.semantic["neck"]
    tiny = tiny_layout(semantic={"hand_left": (3,), "hand_right": (4,)})
    assert without(tiny, "neck").semantic["neck"] == tiny.semantic["neck"], "no shoulders"
    assert without(tiny, "arms") is tiny, "nothing but the trunk would be left"
