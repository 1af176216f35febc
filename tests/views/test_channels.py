"""Every channel against a slow twin, its size, and what it does not depend on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.settings.config import CHANNELS
from ms2l_tf.skeletons import SEMANTIC, SkeletonLayout, load_layout
from ms2l_tf.views.channels import (
    flat_channels,
    flat_size,
    joint_channels,
    joint_size,
    needs_layout,
)
from ms2l_tf.views.layout_arrays import layout_arrays
from tests.helpers import assert_close, random_poses, tiny_layout

LAYOUTS = ("kinect_v1_20", "kinect_v1_upper_14", "hdm05_31", "berkeley_mhad_43", "coco_17")
NEW = CHANNELS[3:]


def layout_of(name: str) -> SkeletonLayout:
    return tiny_layout() if name == "tiny_5" else load_layout(name)


def poses_of(layout: SkeletonLayout, frames: int = 6, coords: int = 3) -> np.ndarray:
    """Two clips of two persons; the second person of the first clip is absent."""
    poses = random_poses(2, frames, 2, layout.num_joints, coords)
    poses[0, :, 1] = 0.0
    return poses


def unit(vector: np.ndarray) -> np.ndarray:
    length = np.sqrt((vector**2).sum())
    return vector / length if length else vector


class Twin:
    """Channels of one person [T, J, C] in float64, number by number."""

    def __init__(self, person: np.ndarray, layout: SkeletonLayout) -> None:
        self.person = person.astype(np.float64)
        self.layout = layout
        self.parents = dict(layout.bones)

    def point(self, frame: int, name: str) -> np.ndarray:
        return np.mean([self.person[frame, j] for j in self.layout.semantic[name]], axis=0)

    def bone(self, frame: int, joint: int) -> np.ndarray:
        up = self.parents.get(joint, joint)
        return np.asarray(self.person[frame, joint] - self.person[frame, up])

    def of_joint(self, name: str, frame: int, joint: int) -> np.ndarray:
        here = self.person[frame, joint]
        if name == "joint":
            return here
        if name in ("motion", "motion4"):
            span = 4 if name == "motion4" else 1
            ahead = frame + span < len(self.person)
            return self.person[frame + span, joint] - here if ahead else 0 * here
        if name == "bone":
            return self.bone(frame, joint)
        if name == "relative":
            return here - self.point(frame, "pelvis")
        if name == "path":
            return self.point(frame, "pelvis") - self.point(0, "pelvis")
        if name == "bone_unit":
            return unit(self.bone(frame, joint))
        if name == "angle":
            up = self.bone(frame, self.parents[joint]) if joint in self.parents else 0 * here
            return np.array([unit(self.bone(frame, joint)) @ unit(up)])
        return np.array(
            [
                np.linalg.norm(here - self.point(frame, point)) if joints else 0.0
                for point, joints in self.layout.semantic.items()
            ]
        )

    def of_person(self, name: str, frame: int) -> np.ndarray:
        joints = list(range(self.layout.num_joints))
        if name == "path":
            joints = [0]
        if name == "bone_unit":
            joints = [j for j in joints if j in self.parents]
        if name == "angle":
            joints = [j for j in joints if self.parents.get(j) in self.parents]
        if name == "distance":
            there = [point for point in SEMANTIC if self.layout.semantic[point]]
            pairs = itertools.combinations(there, 2)
            return np.array(
                [np.linalg.norm(self.point(frame, a) - self.point(frame, b)) for a, b in pairs]
            )
        return np.array([self.of_joint(name, frame, joint) for joint in joints]).ravel()


@pytest.mark.parametrize("coords", [2, 3])
@pytest.mark.parametrize("layout", [*LAYOUTS, "tiny_5"])
@pytest.mark.parametrize("name", CHANNELS)
def test_equals_its_twin(name: str, layout: str, coords: int) -> None:
    skeleton = layout_of(layout)
    poses = poses_of(skeleton, coords=coords)
    [of_joints] = joint_channels(poses, [name], layout_arrays(skeleton))
    of_persons = flat_channels(poses, [name], skeleton)
    assert of_joints.shape == (*poses.shape[:4], joint_size(name, coords))
    assert of_persons.shape == (*poses.shape[:3], flat_size(name, skeleton, coords))
    twin = Twin(poses[1, :, 1], skeleton)
    frames, joints = range(6), range(skeleton.num_joints)
    wanted = [[twin.of_joint(name, frame, joint) for joint in joints] for frame in frames]
    assert_close(of_joints[1, :, 1], np.array(wanted))
    wanted_flat = np.array([twin.of_person(name, frame) for frame in frames])
    assert_close(of_persons[1, :, 1], wanted_flat)
    assert not np.any(of_joints[0, :, 1])
    assert not np.any(of_persons[0, :, 1])


def test_sizes_of_a_kinect_skeleton() -> None:
    layout = load_layout("kinect_v1_20")
    sizes = {name: flat_size(name, layout, 3) for name in CHANNELS}
    assert sizes == {
        **dict.fromkeys(("joint", "motion", "bone", "relative", "motion4"), 60),
        **{"path": 3, "bone_unit": 57, "angle": 15, "distance": 55},
    }
    assert [joint_size(name, 2) for name in ("joint", "path", "angle", "distance")] == [2, 2, 1, 11]


def test_points_that_a_layout_lacks_make_no_pairs() -> None:
    assert flat_size("distance", load_layout("kinect_v1_upper_14"), 3) == 7 * 6 // 2
    assert flat_size("distance", tiny_layout(), 3) == 1


def test_joint_motion_and_bone_stay_to_the_bit() -> None:
    layout = load_layout("kinect_v1_20")
    poses = poses_of(layout)
    joint, motion, bone = joint_channels(poses, CHANNELS[:3], layout_arrays(layout))
    following = np.concatenate([poses[:, 1:], poses[:, -1:]], axis=1)
    assert np.array_equal(joint, poses)
    assert np.array_equal(motion, following - poses)
    assert np.array_equal(bone, poses - poses[:, :, :, layout.parents])


@pytest.mark.parametrize("name", ["relative", "path", "motion4", "bone_unit", "angle", "distance"])
def test_moving_a_person_changes_nothing(name: str) -> None:
    layout = load_layout("kinect_v1_20")
    poses = poses_of(layout)[1:]
    there = flat_channels(poses + np.array([0.5, -1.0, 2.0], np.float32), [name], layout)
    assert_close(there, flat_channels(poses, [name], layout))


@pytest.mark.parametrize("name", ["relative", "bone_unit", "angle", "distance"])
def test_a_person_who_wanders_is_the_same_in_every_frame(name: str) -> None:
    layout = load_layout("kinect_v1_20")
    poses = poses_of(layout)[1:]
    wandering = poses + random_poses(1, 6, 1, 1, 3, seed=5)
    there = flat_channels(wandering, [name], layout)
    assert_close(there, flat_channels(poses, [name], layout))


@pytest.mark.parametrize("name", ["angle", "distance"])
def test_turning_a_person_changes_nothing(name: str) -> None:
    layout = load_layout("kinect_v1_20")
    poses = poses_of(layout)
    turn = np.linalg.qr(random_poses(3, 3))[0].astype(np.float32)
    there = flat_channels(poses @ turn, [name], layout)
    assert_close(there, flat_channels(poses, [name], layout))


def test_the_path_starts_at_zero() -> None:
    layout = load_layout("coco_17")
    path = flat_channels(poses_of(layout), ["path"], layout).numpy()
    assert not path[:, 0].any()
    assert path[1, 1:].all()


@pytest.mark.parametrize("frames", [1, 2, 4, 5])
def test_any_number_of_frames(frames: int) -> None:
    layout = load_layout("coco_17")
    values = flat_channels(poses_of(layout, frames), CHANNELS, layout)
    assert values.shape[:3] == (2, frames, 2)
    motion4 = flat_channels(poses_of(layout, frames), ["motion4"], layout).numpy()
    assert not motion4[:, -4:].any()
    assert motion4[1, :-4].all()


def test_channels_stand_side_by_side_in_the_order_of_their_names() -> None:
    layout = load_layout("coco_17")
    poses = poses_of(layout)
    names = ("angle", "joint", "path")
    parts = [flat_channels(poses, [name], layout) for name in names]
    assert np.array_equal(flat_channels(poses, names, layout), np.concatenate(parts, axis=-1))


@pytest.mark.parametrize("name", CHANNELS)
def test_gradients_are_finite_where_joints_coincide(name: str) -> None:
    layout = load_layout("kinect_v1_20")
    poses = tf.Variable(np.zeros((1, 5, 1, 20, 3), np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(flat_channels(poses, [name], layout))
    assert np.isfinite(tape.gradient(loss, poses)).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_loses_no_small_bone(dtype: str) -> None:
    layout = load_layout("kinect_v1_20")
    poses = tf.cast(poses_of(layout) * 0.01, dtype)
    half = flat_channels(poses, NEW, layout)
    assert half.dtype == dtype
    exact = flat_channels(tf.cast(poses, tf.float32), NEW, layout)
    assert_close(tf.cast(half, tf.float32), exact, 0.01)


def test_the_size_is_known_to_a_graph_of_any_batch() -> None:
    layout = load_layout("coco_17")
    shape = tf.TensorSpec((None, None, None, 17, 3))
    traced = tf.function(lambda poses: flat_channels(poses, CHANNELS, layout))
    size = sum(flat_size(name, layout, 3) for name in CHANNELS)
    assert traced.get_concrete_function(shape).output_shapes[-1] == size


def test_what_needs_a_layout() -> None:
    assert [name for name in CHANNELS if not needs_layout(name)] == ["joint", "motion", "motion4"]
    assert len(SEMANTIC) == 11
