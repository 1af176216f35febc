import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data.synthetic import body, posture
from ms2l_tf.data.synthetic.actions import key_pose, key_poses
from ms2l_tf.data.synthetic.body import POINT_INDEX, POINTS, SEGMENT_INDEX, SEGMENTS
from ms2l_tf.data.synthetic.resources import read_resource

POSE_NAMES = sorted(read_resource("poses.json"))


def at(positions: np.ndarray, name: str) -> np.ndarray:
    return positions[..., POINT_INDEX[name], :]


def mirrored_points() -> list[int]:
    other = {"left_": "right_", "right_": "left_"}
    names = [p.name for p in POINTS]
    swapped = [
        next((other[side] + n.removeprefix(side) for side in other if n.startswith(side)), n)
        for n in names
    ]
    return [names.index(name) for name in swapped]


def test_forward_kinematics_equals_a_pose_computed_by_hand() -> None:
    person = body.make_body(2.0)
    orient = np.tile(np.eye(3), (1, len(SEGMENTS), 1, 1))
    # Left upper arm sideways (-y to +x), forearm and hand forward (-y to +z).
    orient[0, SEGMENT_INDEX["left_upper_arm"]] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    for segment in ("left_forearm", "left_hand"):
        orient[0, SEGMENT_INDEX[segment]] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    positions = body.forward_kinematics(person, np.array([[0.0, 1.0, 0.0]]), orient)[0]
    # Spine up from the pelvis, collar and shoulder, all in fractions of 2 m; then the arm.
    shoulder = np.array([0.106, 0.060 + 0.078 + 0.078 + 0.062 - 0.004, -0.006]) * 2 + [0, 1, 0]
    np.testing.assert_allclose(at(positions, "left_shoulder"), shoulder, atol=1e-12)
    elbow = shoulder + np.array([0.168 * 2, 0, 0])
    np.testing.assert_allclose(at(positions, "left_elbow"), elbow, atol=1e-12)
    wrist = elbow + np.array([0, 0, 0.148 * 2])
    np.testing.assert_allclose(at(positions, "left_wrist"), wrist, atol=1e-12)
    tip = wrist + np.array([0, 0.004 * 2, 0.104 * 2])
    np.testing.assert_allclose(at(positions, "left_fingertip"), tip, atol=1e-12)
    right_wrist = shoulder * [-1, 1, 1] - [0, (0.168 + 0.148) * 2, 0]
    np.testing.assert_allclose(at(positions, "right_wrist"), right_wrist, atol=1e-12)


def test_standing_person_stands_on_the_floor_and_is_as_tall_as_asked() -> None:
    positions = posture.pose_body(body.make_body(1.7), key_poses(("stand",)))[0]
    assert at(positions, "head_top")[1] == pytest.approx(1.7, abs=0.06)
    for side in ("left", "right"):
        assert at(positions, f"{side}_big_toe")[1] == pytest.approx(0.0, abs=1e-9)
        assert at(positions, f"{side}_knee")[2] > at(positions, f"{side}_ankle")[2]
        assert at(positions, f"{side}_elbow")[2] < at(positions, f"{side}_wrist")[2]
    assert at(positions, "nose")[2] > at(positions, "head")[2]
    assert at(positions, "left_hip")[0] > 0 > at(positions, "right_hip")[0]


def test_sitting_keeps_the_feet_and_lowers_the_hips_to_knee_height() -> None:
    person = body.make_body(1.7)
    stand, sit = posture.pose_body(person, key_poses(("stand", "sit")))
    assert at(sit, "left_hip")[1] == pytest.approx(at(sit, "left_knee")[1], abs=0.05)
    assert at(sit, "left_hip")[2] < at(sit, "left_knee")[2] - 0.3
    assert at(sit, "left_ankle")[1] == pytest.approx(at(stand, "left_ankle")[1], abs=1e-6)


@pytest.mark.parametrize("name", POSE_NAMES)
def test_no_key_pose_goes_through_the_floor_or_loses_a_bone(name: str) -> None:
    person = body.make_body(1.7)
    positions = posture.pose_body(person, key_poses((name,)))[0]
    assert positions[:, 1].min() > -0.09
    parents = [point.parent for point in POINTS[1:]]
    bones = np.linalg.norm(positions[1:] - positions[parents], axis=-1)
    np.testing.assert_allclose(bones, np.linalg.norm(person.offsets[1:], axis=-1), atol=1e-9)


@pytest.mark.parametrize("name", ["kick", "circle_out", "stagger_left", "gait_3", "slap", "lie"])
def test_mirrored_channels_give_the_mirror_image(name: str) -> None:
    person, channels = body.make_body(1.8), key_pose(f"stand+{name}")[None]
    image = posture.pose_body(person, posture.mirror(channels))[:, mirrored_points()]
    np.testing.assert_allclose(image * [-1, 1, 1], posture.pose_body(person, channels), atol=1e-9)
    np.testing.assert_array_equal(posture.mirror(posture.mirror(channels)), channels)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 0.1),
    st.floats(0.2, 0.98),
    st.floats(-90, 90),
    st.booleans(),
)
def test_solved_limb_reaches_its_target(
    towards: list[float], reach: float, swivel: float, knee: bool
) -> None:
    direction = np.array(towards) / np.linalg.norm(towards)
    if direction @ [0.0, np.sqrt(0.75), -0.5] > 0.98:
        return  # the documented singular direction, up and backwards
    target = 0.5 * reach * direction
    upper, lower = posture.solve_limb(target[None], 0.26, 0.24, np.array([swivel]), knee)
    end = -0.26 * upper[0, :, 1] - 0.24 * lower[0, :, 1]
    np.testing.assert_allclose(end, target, atol=1e-6)
    for matrix in (upper[0], lower[0]):
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-6)
        assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_limb_beyond_reach_is_straight_towards_the_target() -> None:
    upper, lower = posture.solve_limb(np.array([[0.0, 0.0, 2.0]]), 0.3, 0.3, np.zeros(1), False)
    end = -0.3 * (upper[0, :, 1] + lower[0, :, 1])
    assert end == pytest.approx([0.0, 0.0, 0.6], abs=0.02)


def test_random_bodies_differ_in_size_and_proportion_but_are_symmetric() -> None:
    bodies = [body.random_body(np.random.default_rng(seed)) for seed in range(20)]
    ratios = [each.arm / each.leg for each in bodies]
    assert np.std([each.leg for each in bodies]) > 0.02
    assert np.std(ratios) > 0.01
    for each in bodies:
        flipped = each.offsets[mirrored_points()] * [-1, 1, 1]
        np.testing.assert_allclose(flipped, each.offsets, atol=1e-12)
