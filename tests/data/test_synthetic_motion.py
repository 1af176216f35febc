import dataclasses

import numpy as np
import pytest

from ms2l_tf.data.records import Axes
from ms2l_tf.data.synthetic import load_preset
from ms2l_tf.data.synthetic.actions import Action, action_library, interpolate, key_pose
from ms2l_tf.data.synthetic.body import POINT_INDEX, POINTS
from ms2l_tf.data.synthetic.performance import Performance, Variation, perform, random_subject
from ms2l_tf.data.synthetic.sensor import (
    KINECT_AXES,
    NO_NOISE,
    Camera,
    Noise,
    add_noise,
    axes_matrix,
    lose_joints,
)

REVERSED_PAIRS = [
    ("sit down", "stand up"),
    ("raise arm", "lower arm"),
    ("pick up", "put down"),
    ("push", "pull"),
    ("circle clockwise", "circle counter-clockwise"),
    ("walk forward", "walk backward"),
    ("kick then punch", "punch then kick"),
    ("put on jacket", "take off jacket"),
    ("put on a hat", "take off a hat"),
]


def play(name: str, seed: int = 0, variation: Variation | None = None) -> Performance:
    rng = np.random.default_rng(seed)
    variation = variation or Variation()
    people = (random_subject(rng, variation), random_subject(rng, variation))
    return perform(action_library()[name], people, (1.0, 2.7), variation, rng)


@pytest.mark.parametrize(("first", "second"), REVERSED_PAIRS)
def test_pairs_are_the_same_poses_in_reversed_order(first: str, second: str) -> None:
    one, other = action_library()[first], action_library()[second]
    backwards = list(one.poses[::-1])
    if one.cyclic:  # a cycle may start anywhere
        turn = backwards.index(other.poses[0])
        backwards = backwards[turn:] + backwards[:turn]
    assert tuple(backwards) == other.poses
    assert one.poses != other.poses
    assert one.seconds == other.seconds[::-1]
    assert one.travel == tuple(-step for step in other.travel)


@pytest.mark.parametrize("name", sorted(action_library()))
def test_every_action_plays_with_constant_bones(name: str) -> None:
    performance = play(name)
    positions = performance.positions(30.0)
    assert positions.shape[1] == (2 if action_library()[name].partner else 1)
    assert 30 <= len(positions) <= 81
    assert np.isfinite(positions).all()
    parents = [point.parent for point in POINTS[1:]]
    bones = np.linalg.norm(positions[:, :, 1:] - positions[:, :, parents], axis=-1)
    for person, motion in enumerate(performance.motions):
        expected = np.linalg.norm(motion.body.offsets[1:], axis=-1)
        np.testing.assert_allclose(bones[:, person] - expected, 0.0, atol=1e-9)


@pytest.mark.parametrize("name", sorted(load_preset("demo").actions))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nobody_moves_faster_than_people_do(name: str, seed: int) -> None:
    positions = play(name, seed).positions(30.0)
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * 30.0
    assert speed[..., POINT_INDEX["head"]].max() < 4.0
    assert speed.max() < 16.0  # a fast kick or punch


def test_other_frame_rates_sample_the_same_movement() -> None:
    performance = play("kick then punch")
    slow, fast = performance.positions(15.0), performance.positions(60.0)
    shared = min(len(slow), (len(fast) + 3) // 4)
    np.testing.assert_allclose(slow[:shared], fast[::4][:shared], atol=1e-9)


def test_walking_moves_the_person_in_the_direction_of_the_class() -> None:
    for name, sign in (("walk forward", 1.0), ("walk backward", -1.0)):
        positions = play(name, variation=Variation(facing=0.0, turn=0.0)).positions(30.0)[:, 0]
        path = positions[-1, POINT_INDEX["pelvis"]] - positions[0, POINT_INDEX["pelvis"]]
        assert sign * path[2] > 0.5
        assert abs(path[0]) < 0.2


def test_start_phase_and_onset_vary() -> None:
    circles = [play("circle clockwise", seed).positions(30.0)[0, 0] for seed in range(8)]
    wrists = np.stack([c[POINT_INDEX["right_wrist"]] - c[POINT_INDEX["pelvis"]] for c in circles])
    assert wrists[:, 1].std() > 0.1
    onsets = []
    for seed in range(12):
        hips = play("sit down", seed).positions(30.0)[:, 0, POINT_INDEX["pelvis"], 1]
        half = hips < (hips.max() + hips.min()) / 2
        onsets.append(half.argmax() / len(hips))
    assert np.std(onsets) > 0.1


def test_partner_stands_opposite_at_the_distance_of_the_action() -> None:
    action = action_library()["shake hands"]
    positions = play("shake hands").positions(30.0)
    pelvis = positions[:, :, POINT_INDEX["pelvis"]]
    gap = np.linalg.norm(pelvis[:, 0] - pelvis[:, 1], axis=-1)
    assert gap == pytest.approx(action.distance, abs=0.25)
    nose = positions[:, :, POINT_INDEX["nose"]] - positions[:, :, POINT_INDEX["head"]]
    assert ((nose[:, 0] * nose[:, 1]).sum(axis=-1) < 0).all()


def test_interpolation_passes_through_the_keys_and_rests_outside() -> None:
    times, keys = np.array([0.0, 1.0, 3.0]), np.array([[0.0, 5.0], [1.0, 5.0], [-1.0, 6.0]])
    at = np.repeat(np.array([-1.0, 0.0, 1.0, 3.0, 4.0])[:, None], 2, axis=1)
    for flow in (False, True):
        values = interpolate(at, times, keys, flow)
        np.testing.assert_allclose(values, keys[[0, 0, 1, 2, 2]], atol=1e-12)
    around = np.array([[1.0 - 1e-4] * 2, [1.0 + 1e-4] * 2])
    resting = np.diff(interpolate(around, times, keys, flow=False), axis=0)
    assert np.abs(resting).max() < 1e-6


def test_poses_are_laid_over_one_another() -> None:
    sit, both = key_pose("stand+sit"), key_pose("stand+sit+ear")
    assert not np.array_equal(sit, both)
    np.testing.assert_array_equal(both[:6], sit[:6])  # pelvis and hips stay those of sitting


def test_faulty_action_names_itself() -> None:
    with pytest.raises(ValueError, match="'broken'"):
        Action.from_json("broken", {"poses": ["stand", "sit"], "seconds": [1.0, 2.0]})
    with pytest.raises(ValueError, match="'nowhere'"):
        key_pose("nowhere")


def test_person_facing_the_camera_has_the_left_hand_on_the_viewers_right() -> None:
    world = np.array([[0.5, 1.0, 0.0], [-0.5, 1.0, 0.0]])  # left and right hand, heading 0
    seen = Camera("1", yaw=0.0, height=1.0, distance=3.0).view(world)
    np.testing.assert_allclose(seen, [[-0.5, 0.0, 3.0], [0.5, 0.0, 3.0]], atol=1e-12)
    assert seen[0] @ KINECT_AXES.right_vector > 0
    tilted = Camera("1", height=1.0, tilt=10.0).view(world)
    assert tilted[0, 1] > 0  # looking down, the horizon rises
    aside = Camera("1", yaw=90.0).view(world)  # from the person's left
    assert aside[0, 2] < aside[1, 2]


def test_axes_matrix_changes_to_image_like_axes() -> None:
    image = Axes(up="-y", forward="+z", handedness="right")
    np.testing.assert_allclose(axes_matrix(image), np.diag([-1.0, -1.0, 1.0]))
    np.testing.assert_allclose(axes_matrix(KINECT_AXES), np.eye(3))
    for axes in (image, Axes("+z", "+y", "right"), Axes("+y", "+z", "left")):
        determinant = 1.0 if axes.handedness == "right" else -1.0
        assert np.linalg.det(axes_matrix(axes)) == pytest.approx(determinant)


def test_noise_has_the_declared_size_and_grows_behind_the_body() -> None:
    noise = Noise(white=0.01, drift=0.02, hidden=5.0)
    depth = np.zeros((3000, 1, 2))
    depth[..., 1] = 0.2
    noisy = add_noise(np.zeros((3000, 1, 2, 3)), depth, 30.0, noise, np.random.default_rng(0))
    # Two thirds of the drift's variance are left halfway between its knots, on average.
    expected = np.hypot(0.01, 0.02 * np.sqrt(2 / 3))
    assert noisy[:, 0, 0].std() == pytest.approx(expected, rel=0.15)
    assert noisy[:, 0, 1].std() == pytest.approx(2 * expected, rel=0.15)
    still = add_noise(np.ones((9, 1, 2, 3)), depth[:9], 30.0, NO_NOISE, np.random.default_rng(0))
    np.testing.assert_array_equal(still, 1.0)


def test_lost_joints_are_nan_and_lost_frames_absent() -> None:
    noise = dataclasses.replace(NO_NOISE, joints_lost=1.0, frames_lost=1.0)
    shares = []
    for seed in range(20):
        coords, present = np.zeros((40, 2, 20, 3)), np.ones((40, 2), bool)
        lose_joints(coords, present, noise, np.random.default_rng(seed))
        missing = np.isnan(coords)
        assert (missing.any(axis=-1) == missing.all(axis=-1)).all()
        assert 1 <= (~present).any(axis=1).sum() <= 3
        np.testing.assert_array_equal(missing.all(axis=(2, 3)), ~present)
        shares.append(missing[present].mean())
    assert max(shares) < 0.1
    assert np.median(shares) > 0  # a stretch may fall into the absent frames
