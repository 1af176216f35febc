"""JointMapping: a slow twin, missing joints, packaged and users' files, faults."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import (
    JointMapping,
    SkeletonLayout,
    load_layout,
    load_mapping,
    mapping_names,
)


def slow_apply(mapping: JointMapping, pose: np.ndarray) -> np.ndarray:
    """One number at a time: the plain mean over the source joints of each target joint."""
    num_target, num_source = mapping.weights.shape
    result = np.full((num_target, pose.shape[1]), np.nan, pose.dtype)
    for target in range(num_target):
        members = [s for s in range(num_source) if mapping.weights[target, s] > 0]
        for c in range(pose.shape[1]):
            values = [float(pose[s, c]) for s in members]
            if values and all(np.isfinite(values)):
                result[target, c] = sum(values) / len(values)
    return result


def reduced() -> JointMapping:
    """Three joints to three: an average, a selection, and one that is not to be had."""
    weights = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    face = SkeletonLayout.from_json(head_layout(), "face")
    return JointMapping("reduced", face, dataclasses.replace(face, name="other"), weights)


@pytest.mark.parametrize("name", mapping_names())
def test_packaged_mappings_agree_with_the_slow_twin(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.name == name == f"{mapping.source}_to_{mapping.target}"
    source, target = load_layout(mapping.source), load_layout(mapping.target)
    assert mapping.weights.shape == (target.num_joints, source.num_joints)
    pose = np.random.default_rng(0).normal(size=(source.num_joints, 3))
    pose[1] = np.nan
    np.testing.assert_allclose(mapping.apply(pose), slow_apply(mapping, pose), atol=1e-12)


@pytest.mark.parametrize("name", mapping_names())
def test_mapping_commutes_with_mirroring(name: str) -> None:
    """Left comes from left: swapping sides before or after the mapping is the same."""
    mapping = load_mapping(name)
    source, target = load_layout(mapping.source), load_layout(mapping.target)
    mirrored = mapping.weights[np.ix_(target.mirror, source.mirror)]
    np.testing.assert_array_equal(mirrored, mapping.weights)


@pytest.mark.parametrize("name", mapping_names())
def test_mapping_keeps_body_parts_and_anchors(name: str) -> None:
    mapping = load_mapping(name)
    source, target = load_layout(mapping.source), load_layout(mapping.target)
    for part in ("arm_left", "arm_right", "leg_left", "leg_right"):
        # Mocap skeletons of one chest point have no collar bones of their own.
        joints = [j for j in target.parts[part] if target.joints[j] not in ("lcla", "rcla")]
        used = np.flatnonzero(mapping.weights[joints].sum(axis=0))
        assert set(used) <= set(source.parts[part])
    for side in ("left", "right"):
        for anchor in (f"hip_{side}", f"shoulder_{side}"):
            used = np.flatnonzero(mapping.weights[list(target.anchors[anchor])].sum(axis=0))
            assert tuple(used) == source.anchors[anchor]


def test_kinect_v2_to_v1_selects_by_name() -> None:
    mapping = load_mapping("kinect_v2_25_to_kinect_v1_20")
    pose = np.arange(25, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    # Shoulder centre is joint 20 of the newer sensor; its neck (2), tips and thumbs are dropped.
    np.testing.assert_array_equal(
        mapping.apply(pose)[:, 0], [0, 1, 20, 3, *range(4, 12), *range(12, 20)]
    )


def test_human36m_from_kinect_has_mid_hip_and_no_top_of_head() -> None:
    mapping = load_mapping("kinect_v2_25_to_h36m_17")
    source, target = load_layout("kinect_v2_25"), load_layout("h36m_17")
    pose = np.random.default_rng(1).normal(size=(25, 3)).astype(np.float32)
    mapped = mapping.apply(pose)
    middle = (pose[source.index("left hip")] + pose[source.index("right hip")]) / 2
    np.testing.assert_allclose(mapped[target.index("pelv")], middle, rtol=1e-6)
    missing = np.isnan(mapped).all(axis=1)
    assert [target.joints[j] for j in np.flatnonzero(missing)] == ["htop"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "hdm05_31_to_h36m_17",
            "root rhipjoint rfemur rtibia lhipjoint lfemur ltibia upperback thorax lowerneck head "
            "lclavicle lhumerus lradius rclavicle rhumerus rradius",
        ),
        (
            "hdm05_31_to_kinect_v1_20",
            "root upperback thorax head lclavicle lhumerus lradius lhand rclavicle rhumerus "
            "rradius rhand lhipjoint lfemur ltibia ltoes rhipjoint rfemur rtibia rtoes",
        ),
        (
            "bandai_22_to_kinect_v1_18",
            "Hips Spine Neck Head UpperArm_L LowerArm_L Hand_L UpperArm_R LowerArm_R Hand_R "
            "UpperLeg_L LowerLeg_L Foot_L Toes_L UpperLeg_R LowerLeg_R Foot_R Toes_R",
        ),
        (
            "bandai_22_to_penn_13",
            "Head UpperArm_L UpperArm_R LowerArm_L LowerArm_R Hand_L Hand_R UpperLeg_L UpperLeg_R "
            "LowerLeg_L LowerLeg_R Foot_L Foot_R",
        ),
    ],
)
def test_selections_from_motion_capture(name: str, expected: str) -> None:
    mapping = load_mapping(name)
    assert (mapping.weights.max(axis=1) == 1).all()
    joints = [mapping.source_layout.joints[j] for j in mapping.weights.argmax(axis=1)]
    assert joints == expected.split()


def test_hdm05_gives_both_kinects_the_same_joints() -> None:
    """Kinect v1 is Kinect v2 without neck, thumbs and tips, whatever the way there."""
    direct = load_mapping("hdm05_31_to_kinect_v1_20").weights
    second = load_mapping("kinect_v2_25_to_kinect_v1_20").weights
    first = load_mapping("hdm05_31_to_kinect_v2_25").weights
    np.testing.assert_array_equal(second @ first, direct)


def test_joints_without_a_counterpart() -> None:
    assert reduced().absent == ("right_eye",)
    incomplete = {name: load_mapping(name).absent for name in mapping_names()}
    assert {name: absent for name, absent in incomplete.items() if absent} == {
        "kinect_v1_20_to_h36m_17": ("htop",),
        "kinect_v2_25_to_h36m_17": ("htop",),
        "smpl_24_to_h36m_17": ("htop",),
    }


def test_checksum_tells_weights_and_target_but_no_remarks() -> None:
    mapping = reduced()
    target = mapping.target_layout
    same = [
        reduced(),
        dataclasses.replace(mapping, name="renamed"),
        dataclasses.replace(mapping, target_layout=dataclasses.replace(target, note="hello")),
    ]
    assert {one.checksum for one in same} == {mapping.checksum}
    other = [
        dataclasses.replace(mapping, weights=mapping.weights[::-1]),
        dataclasses.replace(mapping, target_layout=dataclasses.replace(target, graph_centre=1)),
    ]
    assert len({mapping.checksum, *(one.checksum for one in other)}) == 3


def test_a_mean_is_as_confident_as_its_least_confident_joint() -> None:
    confidence = np.array([[[0.9, 0.2, 0.5]], [[0.1, 1.0, 0.0]]], np.float32)
    expected = np.array([[[0.2, 0.5, 0.0]], [[0.1, 0.0, 0.0]]], np.float32)
    mapped = reduced().apply_confidence(confidence)
    assert mapped.dtype == np.float32
    np.testing.assert_array_equal(mapped, expected)


def test_a_missing_source_joint_makes_only_its_own_targets_missing() -> None:
    pose = np.array([[0.0, 0.0], [np.nan, 2.0], [3.0, np.inf]])
    expected = [[np.nan, 1.0], [3.0, np.nan], [np.nan, np.nan]]
    np.testing.assert_array_equal(reduced().apply(pose), expected)


@given(
    leading=st.lists(st.integers(0, 3), max_size=3),
    coords=st.sampled_from([2, 3]),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_any_leading_axes_and_dtype(leading: list[int], coords: int, dtype: Any, seed: int) -> None:
    generator = np.random.default_rng(seed)
    poses = generator.normal(size=(*leading, 3, coords)).astype(dtype)
    poses[generator.random(poses.shape) < 0.2] = np.nan
    mapped = reduced().apply(poses)
    assert mapped.shape == poses.shape
    assert mapped.dtype == dtype
    for index in np.ndindex(*leading):
        np.testing.assert_allclose(
            mapped[index], slow_apply(reduced(), poses[index]), rtol=2e-3, atol=2e-3
        )


def test_integer_pixels_become_float32() -> None:
    mapped = reduced().apply(np.array([[1, 2], [2, 2], [5, 6]]))
    assert mapped.dtype == np.float32
    np.testing.assert_array_equal(mapped[:2], [[1.5, 2.0], [5.0, 6.0]])


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 2)])
def test_poses_of_another_layout_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"'reduced': expected poses \[..., 3, C\]"):
        reduced().apply(np.zeros(shape))


def test_packaged_weights_are_shared_and_therefore_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_mapping("blazepose_33_to_coco_17").weights[0, 0] = 2


def write(path: Path, obj: Any) -> Path:
    path.write_text(json.dumps(obj), encoding="utf-8")
    return path


def head_layout() -> dict[str, Any]:
    return {
        "name": "face",
        "joints": ["nose", "left_eye", "right_eye"],
        "bones": [["left_eye", "nose"], ["right_eye", "nose"]],
        "graph_centre": "nose",
        "mirror": [["left_eye", "right_eye"]],
        "anchors": {"root": ["nose"]},
        "parts": {"trunk": ["nose", "left_eye", "right_eye"]},
    }


def test_a_user_mapping_to_a_user_layout_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "face.json", head_layout())
    joints = {"nose": ["left_eye", "right_eye"], "left_eye": ["left_eye"], "right_eye": []}
    path = write(
        tmp_path / "coco_to_face.json",
        {"source": "coco_17", "target": "face.json", "joints": joints},
    )
    mapping = load_mapping(path)
    assert (mapping.name, mapping.source, mapping.target) == ("coco_to_face", "coco_17", "face")
    expected = np.zeros((3, 17))
    expected[0, [1, 2]] = 0.5
    expected[1, 1] = 1
    np.testing.assert_array_equal(mapping.weights, expected)


def good_joints() -> dict[str, Any]:
    return {"nose": ["nose"], "left_eye": ["left_eye"], "right_eye": ["right_eye"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "coco"}, r"source: unknown layout 'coco' \(did you mean"),
        ({"source": 17}, r"source: expected a non-empty string, got 17"),
        ({"target": "gone.json"}, r"target: .*gone.json: no such file"),
        ({"weights": []}, r"unknown field 'weights'"),
        ({"joints": []}, r"joints: expected an object"),
        ({"joints": good_joints() | {"chin": []}}, r"joints: unknown field 'chin'"),
        ({"joints": {"nose": ["nose"]}}, r"joints\['left_eye'\]: missing; add it, with \[\]"),
        ({"joints": good_joints() | {"nose": "nose"}}, r"joints\['nose'\]: expected a list"),
        (
            {"joints": good_joints() | {"nose": ["nose", "nose"]}},
            r"joints\['nose'\]: 'nose' is listed twice",
        ),
        (
            {"joints": good_joints() | {"nose": ["noze"]}},
            r"joints\['nose'\]: layout 'coco_17': unknown joint 'noze' \(did you mean 'nose'\?\)",
        ),
    ],
)
def test_faults_of_mapping_files(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write(tmp_path / "face.json", head_layout())
    obj = {"source": "coco_17", "target": "face.json", "joints": good_joints()} | changes
    path = write(tmp_path / "mine.json", obj)
    with pytest.raises(InputError, match=message) as caught:
        load_mapping(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_unknown_mappings_list_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown mapping 'kinect_v2'.*known: bandai_22_to"):
        load_mapping("kinect_v2")
    with pytest.raises(InputError, match=r"unknown mapping 'coco_17_to_smpl_24'.*give the path"):
        load_mapping("coco_17_to_smpl_24")
