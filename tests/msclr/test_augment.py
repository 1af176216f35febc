"""Each augmentation by what it must keep and what it must change."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.errors import InputError
from ms2l_tf.views import ClipRandom
from ms2l_tf.views.augment import rotations
from msclr import augment
from msclr.augment import Augmentation
from tests.helpers import assert_close, random_poses

MIRROR = (1, 0, 2, 4, 3)
FRAMES, PERSONS, JOINTS = 20, 2, 5

Piece = Callable[[tf.Tensor, ClipRandom], tf.Tensor]
PIECES: dict[str, Piece] = {
    "temporal_crop": augment.temporal_crop,
    "shear": functools.partial(augment.shear, limit=0.5),
    "flip": functools.partial(augment.flip, mirror=tf.constant(MIRROR)),
    "rotate": functools.partial(augment.rotate, limit=30.0),
    "noise": functools.partial(augment.noise, std=0.02),
    "blur": augment.blur,
    "axis_mask": augment.axis_mask,
    "weak": functools.partial(Augmentation().weak, mirror=tf.constant(MIRROR)),
    "strong": functools.partial(Augmentation().strong, mirror=tf.constant(MIRROR)),
}
# Those that leave about half of the clips alone.
SOMETIMES = ("flip", "noise", "blur", "axis_mask")
every_piece = pytest.mark.parametrize("name", PIECES)


def clip_random(batch: int, seed: int = 0) -> ClipRandom:
    return ClipRandom(tf.constant([seed, 7]), batch)


def clips(count: int, coords: int = 3) -> np.ndarray:
    return random_poses(count, FRAMES, PERSONS, JOINTS, coords)


def applied(name: str, poses: np.ndarray, seed: int = 0) -> np.ndarray:
    result: np.ndarray = PIECES[name](tf.constant(poses), clip_random(len(poses), seed)).numpy()
    return result


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which clips are not what they were: [B]."""
    result: np.ndarray = np.any(before != after, axis=(1, 2, 3, 4))
    return result


@every_piece
@pytest.mark.parametrize("coords", [2, 3])
def test_clips_are_drawn_for_themselves_and_by_the_seed(name: str, coords: int) -> None:
    poses = np.repeat(clips(1, coords), 16, axis=0)
    result = applied(name, poses)
    assert result.shape == poses.shape
    np.testing.assert_array_equal(applied(name, poses), result)
    assert changed(applied(name, poses, seed=1), result).any()
    assert changed(np.repeat(result[:1], 16, axis=0), result).any()


@every_piece
def test_absent_persons_stay_away(name: str) -> None:
    """A person who is never seen, and one who comes late, are exactly zero while away."""
    poses = clips(40)
    poses[::2, :, 1] = 0
    poses[1::2, :8, 1] = 0
    result = applied(name, poses)
    assert not result[::2, :, 1].any()
    if name in PIECES.keys() - {"temporal_crop", "weak", "strong"}:
        assert not result[1::2, :8, 1].any()
        assert result[1::2, 8:, 1].any(axis=(2, 3)).all()


# The strong view goes through all pieces, so what takes long to trace is asked of it alone.
def test_one_trace_serves_any_number_of_joints() -> None:
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, FRAMES, PERSONS, None, 3]),
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def traced(poses: tf.Tensor, mirror: tf.Tensor) -> tf.Tensor:
        result = Augmentation().strong(poses, clip_random(tf.shape(poses)[0]), mirror)
        assert result.shape == poses.shape, "static dimensions are not lost"
        return result

    poses = clips(6)
    assert_close(traced(poses, tf.constant(MIRROR)), applied("strong", poses))
    three = traced(poses[:, :, :, :3], tf.constant(MIRROR[:3]))
    assert three.shape == (6, FRAMES, PERSONS, 3, 3)


def test_two_replicas_see_what_one_device_sees(two_replicas: tf.distribute.Strategy) -> None:
    poses = clips(8)

    @tf.function
    def mine() -> tf.Tensor:
        start = 4 * replicas.index()
        return PIECES["strong"](tf.constant(poses)[start : start + 4], clip_random(4))

    parts = two_replicas.experimental_local_results(two_replicas.run(mine))
    assert_close(np.concatenate([part.numpy() for part in parts]), applied("strong", poses))


@pytest.mark.parametrize("name", SOMETIMES)
def test_half_of_the_clips_are_left_alone(name: str) -> None:
    poses = clips(400)
    assert 0.4 < changed(poses, applied(name, poses)).mean() < 0.6


def test_crop_is_a_window_of_the_reflected_clip() -> None:
    poses = clips(200)
    added = FRAMES // 6
    padded = np.pad(poses, [(0, 0), (added, added), (0, 0), (0, 0), (0, 0)], mode="reflect")
    starts = set()
    for clip, result in zip(padded, applied("temporal_crop", poses), strict=True):
        windows = [clip[start : start + FRAMES] for start in range(2 * added + 1)]
        hits = [start for start, window in enumerate(windows) if np.array_equal(window, result)]
        assert len(hits) == 1
        starts.update(hits)
    assert starts == set(range(2 * added + 1)), "every window comes"


def test_crop_of_a_short_clip() -> None:
    poses = clips(3)[:, :5]
    np.testing.assert_array_equal(applied("temporal_crop", poses), poses)


@pytest.mark.parametrize("coords", [2, 3])
def test_shear_is_one_matrix_a_clip(coords: int) -> None:
    poses = clips(100, coords)
    matrices = fitted(poses, applied("shear", poses))
    off = matrices[:, ~np.eye(coords, dtype=bool)]
    assert_close(np.diagonal(matrices, axis1=1, axis2=2), np.ones((100, coords)))
    assert 0.45 < np.abs(off).max() <= 0.5 + 1e-5
    assert_close(off.mean(), 0.0, 0.05)


def fitted(poses: np.ndarray, result: np.ndarray) -> np.ndarray:
    """The matrix A of each clip with result = A x for all its points: [B, C, C]."""
    matrices = []
    for before, after in zip(poses, result, strict=True):
        coords = before.shape[-1]
        transposed, *_ = np.linalg.lstsq(
            before.reshape(-1, coords), after.reshape(-1, coords), rcond=None
        )
        assert_close(before @ transposed, after, 1e-4)
        matrices.append(transposed.T)
    return np.stack(matrices)


@pytest.mark.parametrize("coords", [2, 3])
def test_flip_is_the_mirror_image(coords: int) -> None:
    """Twice is the identity; x changes its sign, and left joints are where right ones were."""
    poses = clips(60, coords)
    result = applied("flip", poses)
    flipped = changed(poses, result)
    side = np.array([-1, 1, 1], np.float32)[:coords]
    np.testing.assert_array_equal(result[flipped], poses[flipped][:, :, :, list(MIRROR)] * side)
    again = applied("flip", result)
    np.testing.assert_array_equal(again, poses)


def test_a_symmetric_pose_is_its_own_mirror_image() -> None:
    pose = np.array([[1, 0, 0.5], [-1, 0, 0.5], [0, 1, 0], [2, 1, 3], [-2, 1, 3]], np.float32)
    poses = np.tile(pose, (30, FRAMES, 1, 1, 1))
    np.testing.assert_array_equal(applied("flip", poses), poses)


def test_rotation_turns_about_one_axis() -> None:
    """Lengths and handedness survive; one of the three angles goes to 30 degrees, two to 1."""
    poses = clips(600)
    result = applied("rotate", poses)
    assert_close(np.linalg.norm(result, axis=-1), np.linalg.norm(poses, axis=-1), 1e-4)
    matrices = fitted(poses, result)
    assert_close(np.linalg.det(matrices), np.ones(600), 1e-4)
    angles = np.degrees(euler(matrices))
    assert angles.min() > -1e-2
    assert (np.sort(angles, axis=1)[:, :2] <= 1 + 1e-2).all()
    main = angles.argmax(axis=1)
    for axis in range(3):
        chosen = angles[main == axis, axis]
        assert 150 < len(chosen) < 250, "axes come equally often"
        assert 27 < chosen.max() <= 30 + 1e-2
        assert abs(chosen.mean() - 15) < 2.5


def euler(matrices: np.ndarray) -> np.ndarray:
    """Angles about x, y, z of Rx Ry Rz, solved by hand from its first row and last column."""
    about_x = np.arctan2(-matrices[:, 1, 2], matrices[:, 2, 2])
    about_y = np.arcsin(np.clip(matrices[:, 0, 2], -1, 1))
    about_z = np.arctan2(-matrices[:, 0, 1], matrices[:, 0, 0])
    return np.stack([about_x, about_y, about_z], axis=1)


def test_turns_are_those_of_the_core() -> None:
    """One convention of axes, order and sign in both packages."""
    random, limit = clip_random(20), 1.5
    angles = random.uniform([3], -limit, limit)
    assert_close(augment.turns(angles), rotations(random, 3, limit))


def test_rotation_in_the_plane() -> None:
    poses = clips(300, 2)
    matrices = fitted(poses, applied("rotate", poses))
    angles = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert_close(np.linalg.det(matrices), np.ones(300), 1e-4)
    assert -1e-2 < angles.min() < 2
    assert 28 < angles.max() <= 30 + 1e-2


def test_rotation_needs_two_or_three_coordinates() -> None:
    with pytest.raises(InputError, match="4 coordinates: only 2 and 3"):
        applied("rotate", clips(2, 4))


def test_noise_is_a_fiftieth_of_a_torso() -> None:
    poses = clips(200)
    result = applied("noise", poses)
    added = (result - poses)[changed(poses, result)]
    assert abs(added.std() - 0.02) < 5e-4
    assert abs(added.mean()) < 5e-4


def test_blur_against_a_slow_twin() -> None:
    """Weighted means over present frames, with the sigma that was drawn."""
    poses = clips(12)
    poses[::2, :8, 1] = 0
    random = clip_random(12)
    sigmas = random.stream(1).uniform([], 0.1, 2.0).numpy()
    result = applied("blur", poses)
    blurred = changed(poses, result)
    assert 0 < blurred.sum() < 12
    for row in np.flatnonzero(blurred):
        expected = np.stack(
            [slow_blur(poses[row, :, person], sigmas[row]) for person in range(2)], axis=1
        )
        assert_close(result[row], expected, 1e-4)


def slow_blur(poses: np.ndarray, sigma: float) -> np.ndarray:
    """Of one person: [T, J, C]."""
    result = np.zeros_like(poses)
    seen = [frame for frame in range(len(poses)) if poses[frame].any()]
    for frame in seen:
        near = [other for other in seen if abs(other - frame) <= 7]
        weights = np.array([math.exp(-((other - frame) ** 2) / (2 * sigma**2)) for other in near])
        result[frame] = np.tensordot(weights / weights.sum(), poses[near], axes=1)
    return result


def test_blur_leaves_a_still_pose_alone() -> None:
    """At both ends too, and where the person comes and goes."""
    poses = np.repeat(clips(40)[:, :1], FRAMES, axis=1)
    poses[:, :3, 1] = 0
    assert_close(applied("blur", poses), poses)


def test_blur_smooths() -> None:
    poses = clips(200)
    result = applied("blur", poses)
    rough = np.diff(result, axis=1).std(axis=(1, 2, 3, 4))
    assert rough[changed(poses, result)].mean() < 0.7 * rough[~changed(poses, result)].mean()


@pytest.mark.parametrize("coords", [2, 3])
def test_axis_mask_hides_one_axis(coords: int) -> None:
    poses = clips(100, coords)
    result = applied("axis_mask", poses)
    hidden: np.ndarray = np.all(result == 0, axis=(1, 2, 3))
    masked = changed(poses, result)
    np.testing.assert_array_equal(hidden.sum(axis=1), masked)
    assert hidden.any(axis=0).all(), "every axis comes"
    kept = ~hidden[:, None, None, None]
    np.testing.assert_array_equal(result, poses * kept)


def test_weak_is_crop_and_shear() -> None:
    poses, random = tf.constant(clips(5)), clip_random(5)
    cropped = augment.temporal_crop(poses, random.stream(1))
    weak = Augmentation(shear=0.2).weak(poses, random, tf.constant(MIRROR))
    assert_close(weak, augment.shear(cropped, random.stream(2), 0.2))
    assert_close(Augmentation(shear=0.0).weak(poses, random, tf.constant(MIRROR)), cropped)


def test_how_often_clips_are_mirrored() -> None:
    poses, mirror = tf.constant(clips(400)), tf.constant(MIRROR)
    for chance in (0.0, 0.2, 1.0):
        flipped = augment.flip(poses, clip_random(400), mirror, chance).numpy()
        share = (flipped != poses.numpy()).any(axis=(1, 2, 3, 4)).mean()
        assert abs(share - chance) < 0.07
    none = Augmentation(flip=0.0).strong(poses, clip_random(400), mirror)
    some = Augmentation(flip=1.0).strong(poses, clip_random(400), mirror)
    assert (none.numpy() != some.numpy()).any(axis=(1, 2, 3, 4)).all()


def test_strengths_of_zero_leave_the_rest() -> None:
    """Without shear, rotation and noise a strong view still shows the same lengths."""
    pose = clips(50)[:, :1]
    still = np.repeat(pose, FRAMES, axis=1)
    strong = Augmentation(shear=0.0, turn=0.0, noise=0.0).strong(
        tf.constant(still), clip_random(50), tf.constant(MIRROR)
    )
    lengths = np.sort(np.linalg.norm(strong, axis=-1), axis=-1)
    original = np.sort(np.linalg.norm(still, axis=-1), axis=-1)
    whole = (strong.numpy() != 0).any(axis=(1, 2, 3)).all(axis=-1)
    assert 0.3 < whole.mean() < 0.7
    assert_close(lengths[whole], original[whole], 1e-4)
