from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.bridging import LEAST_SHARED, as_seen_from, bridge, shared_joints
from ms2l_tf.skeletons.layout import layout_names, load_layout
from ms2l_tf.skeletons.mapping import load_mapping
from tests.helpers import tiny_layout


def named(first: str, second: str, via: tuple[str, ...] = ()) -> dict[str, str]:
    a, b = load_layout(first), load_layout(second)
    return {a.joints[i]: b.joints[j] for i, j in shared_joints(a, b, via)}


def test_a_layout_shares_all_joints_with_itself() -> None:
    layout = load_layout("kinect_v2_25")
    assert shared_joints(layout, layout) == [(j, j) for j in range(25)]


def test_shared_joints_come_from_a_mapping_between_the_two() -> None:
    found = named("kinect_v1_20", "kinect_v1_upper_14")
    assert len(found) == 14
    assert all(mine == its for mine, its in found.items())


def test_shared_joints_come_from_a_third_layout() -> None:
    found = named("kinect_v1_18", "penn_13", ("bandai_22",))
    assert found["wrist_left"] == "left_wrist"
    assert found["head"] == "head"
    assert len(found) == 13


def test_shared_joints_are_symmetric() -> None:
    forth = named("kinect_v2_25", "h36m_17")
    back = named("h36m_17", "kinect_v2_25")
    assert {its: mine for mine, its in forth.items()} == back


def test_a_mapping_between_the_two_outvotes_a_third_layout_that_finds_more_joints() -> None:
    found = named("kinect_v2_25", "h36m_17")  # in hdm05_31 the neck of h36m_17 sits lower
    assert (len(found), found["head"], found["spine (shoulder)"]) == (15, "head", "neck")
    derived = named("kinect_v2_25", "h36m_17", ("hdm05_31",))  # poses that were made so
    assert (len(derived), derived["neck"], derived["head"]) == (17, "head", "htop")


def test_layouts_that_map_to_a_third_share_what_makes_the_same_joint_of_it() -> None:
    found = named("kinect_v2_25", "smpl_24")
    assert (len(found), found["head"], found["spine (shoulder)"]) == (15, "head", "neck")
    back = named("smpl_24", "kinect_v2_25")
    assert {mine: its for its, mine in found.items()} == back


def test_every_pair_of_packaged_layouts_shares_each_joint_once() -> None:
    layouts = [load_layout(name) for name in layout_names()]
    for mine, its in itertools.permutations(layouts, 2):
        pairs = shared_joints(mine, its)
        for side in zip(*pairs, strict=True):
            assert len(set(side)) == len(side), (mine.name, its.name)
        if len(pairs) >= LEAST_SHARED:
            np.testing.assert_allclose(bridge(its, mine).weights.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("home", ["kinect_v2_25", "h36m_17", "smpl_24"])
@pytest.mark.parametrize("other", ["kinect_v2_25", "h36m_17", "smpl_24"])
def test_the_torso_of_a_body_is_as_long_in_either_layout(
    home: str, other: str, tmp_path: Path
) -> None:
    """Of recordings that no mapping made: the normaliser divides by the torso."""
    names = tuple(dict.fromkeys((home, other)))
    made = generate(tmp_path / "d", clips=24, seed=0, layouts=list(names), progress=False)
    mine, its = load_layout(home), load_layout(other)
    sides = []
    for layout, mapping in ((mine, as_seen_from(mine, its)), (its, bridge(its, mine))):
        store = made.poses(layout.name)
        metres = {"m": 1.0, "mm": 0.001}[store.unit]
        poses = mapping.apply(np.asarray(store.coords) * metres)
        ends = [poses[..., mine.anchors[key], :].mean(axis=-2) for key in ("spine_top", "root")]
        sides.append(np.nanmedian(np.linalg.norm(ends[0] - ends[1], axis=-1)))
    # Kinect's shoulder centre, which mappings make a neck, sits 4 cm below the neck.
    assert abs(sides[0] / sides[1] - 1) < 0.1


def test_mappings_of_a_layout_of_the_same_name_with_other_joints_are_not_taken() -> None:
    mine, smpl = tiny_layout(name="kinect_v2_25"), load_layout("smpl_24")
    pairs = shared_joints(mine, smpl)
    assert pairs  # equal names are all that is left
    assert all(mine.joints[i] == smpl.joints[j] for i, j in pairs)


def test_without_a_mapping_equal_names_count() -> None:
    mine = tiny_layout(name="mine")
    other = tiny_layout(name="other")
    assert shared_joints(mine, other) == [(j, j) for j in range(5)]


def test_a_bridge_takes_shared_joints_and_interpolates_the_others() -> None:
    source, target = load_layout("kinect_v1_upper_14"), load_layout("kinect_v1_20")
    mapping = bridge(source, target)
    np.testing.assert_allclose(mapping.weights.sum(axis=1), 1.0, atol=1e-6)
    assert (mapping.weights > -1e-9).all()
    poses = np.random.default_rng(0).normal(size=(14, 3))
    mapped = mapping.apply(poses)
    for mine, its in shared_joints(target, source):
        np.testing.assert_allclose(mapped[mine], poses[its], atol=1e-6)
    # Knee, ankle and foot hang on the hip alone: they fall on it.
    hip, foot = target.joints.index("hip_left"), target.joints.index("foot_left")
    np.testing.assert_allclose(mapped[foot], mapped[hip], atol=1e-4)


def test_a_missing_joint_is_the_mean_of_its_neighbours() -> None:
    target = load_layout("kinect_v1_20")
    source = load_layout("kinect_v1_15")  # without wrists and ankles
    mapped = bridge(source, target).apply(np.random.default_rng(1).normal(size=(15, 3)))
    at = target.joints.index
    elbow, wrist, hand = (mapped[at(f"{name}_left")] for name in ("elbow", "wrist", "hand"))
    np.testing.assert_allclose(wrist, (elbow + hand) / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("home", "other"), [("kinect_v1_20", "penn_13"), ("kinect_v1_20", "kinect_v1_15")]
)
def test_what_is_fitted_and_what_is_bridged_see_the_same_points(home: str, other: str) -> None:
    """Both ways from the recording's layout to its own: cut down, or derived and bridged back."""
    derived = load_mapping(f"{home}_to_{other}")
    mine, its = load_layout(home), load_layout(other)
    cut = as_seen_from(mine, its)
    back = bridge(its, mine)
    np.testing.assert_allclose(back.weights @ derived.weights, cut.weights, atol=1e-12)
    assert (cut.source, cut.target) == (home, home)
    assert not np.allclose(cut.weights, np.eye(mine.num_joints)), "some joints are lost"


def test_layouts_without_common_points_are_refused() -> None:
    stranger = tiny_layout(name="stranger", joints=("a", "b", "c", "d", "e"))
    with pytest.raises(InputError, match="'stranger' and 'tiny_5' share 0 joints; write a mapping"):
        bridge(stranger, tiny_layout())
