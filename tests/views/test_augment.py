"""Clip augmentation: flip, shear, rotation, temporal crop-resize, joint dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.views import Augmentation, ClipRandom
from ms2l_tf.views.augment import rotations, shears
from tests.helpers import assert_close, random_poses

MIRROR = (1, 0, 2, 4, 3)
ALL: dict[str, Any] = {
    "shear": 0.3,
    "rotate": 30.0,
    "crop": 0.5,
    "joint_dropout": 0.3,
    "flip": 0.5,
}


def clip_random(batch: int, seed: int = 0) -> ClipRandom:
    return ClipRandom(tf.constant([seed, 0]), batch)


def augmented(poses: np.ndarray, seed: int = 0, **strengths: Any) -> np.ndarray:
    result: np.ndarray = Augmentation(**strengths, mirror=MIRROR)(
        tf.constant(poses), clip_random(len(poses), seed)
    ).numpy()
    return result


@pytest.mark.parametrize("coords", [2, 3])
def test_rotations_are_rotations_within_the_limit(coords: int) -> None:
    limit = math.radians(20)
    matrices = rotations(clip_random(200), coords, limit).numpy()
    assert_close(matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(coords), (200, 1, 1)))
    assert_close(np.linalg.det(matrices), np.ones(200))
    trace = np.trace(matrices, axis1=1, axis2=2)
    angles = np.arccos(np.clip((trace / 2 if coords == 2 else (trace - 1) / 2), -1, 1))
    # Three turns of up to `limit` about different axes add up to three times that at most.
    assert limit / 2 < angles.max() <= limit * (1 if coords == 2 else 3) + 1e-4


@pytest.mark.parametrize(("axis", "turned"), [(0, [0, 0, 1]), (1, [-1, 0, 0]), (2, [0, 1, 0])])
def test_each_axis_by_hand(axis: int, turned: list[int]) -> None:
    """A quarter turn about x takes y to z, about y takes z to x, about z takes x to y."""

    class OneAxis(ClipRandom):
        def uniform(self, shape: Any, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
            return tf.one_hot([axis], 3) * math.pi / 2

    matrix = rotations(OneAxis(tf.constant([0, 0]), 1), 3, 1.0).numpy()[0]
    following = np.eye(3)[(axis + 1) % 3]
    assert_close(matrix @ np.eye(3)[axis], np.eye(3)[axis])
    assert_close(matrix @ following, np.eye(3)[(axis + 2) % 3])


@pytest.mark.parametrize("coords", [2, 3])
def test_shears_have_ones_on_the_diagonal(coords: int) -> None:
    matrices = shears(clip_random(200), coords, 0.3).numpy()
    off = matrices[:, ~np.eye(coords, dtype=bool)]
    assert (np.diagonal(matrices, axis1=1, axis2=2) == 1).all()
    assert 0.25 < np.abs(off).max() <= 0.3
    assert_close(off.mean(), 0.0, 0.03)


@pytest.mark.parametrize("strengths", [{"shear": 0.3}, {"rotate": 30.0}])
def test_one_linear_map_a_clip(strengths: dict[str, Any]) -> None:
    """All frames, persons and joints of a clip go through the same matrix."""
    poses = random_poses(3, 6, 2, 5, 3)
    for clip, result in zip(poses, augmented(poses, **strengths), strict=True):
        matrix, *_ = np.linalg.lstsq(clip.reshape(-1, 3), result.reshape(-1, 3), rcond=None)
        assert_close(clip @ matrix, result)
        assert np.abs(matrix - np.eye(3)).max() > 1e-3


def test_lengths_survive_a_rotation() -> None:
    poses = random_poses(3, 6, 2, 5, 3)
    result = augmented(poses, rotate=90.0)
    assert_close(np.linalg.norm(result, axis=-1), np.linalg.norm(poses, axis=-1))


def test_crop_is_a_stretched_stretch_of_the_clip() -> None:
    """On a ramp of time the result is a ramp inside it that keeps at least half of it."""
    poses = np.tile(np.linspace(0, 1, 20, dtype=np.float32)[:, None, None, None], (50, 1, 1, 1, 1))
    ramps = augmented(poses, crop=0.5)[:, :, 0, 0, 0]
    kept = ramps[:, -1] - ramps[:, 0]
    assert ramps.min() >= 0
    assert ramps.max() <= 1 + 1e-6
    assert kept.min() >= 0.5 - 1e-6
    assert kept.max() <= 1
    assert kept.std() > 0.1
    assert ramps[:, 0].std() > 0.05, "crops begin at different places"
    expected = ramps[:, :1] + kept[:, None] * np.linspace(0, 1, 20)
    assert_close(ramps, expected)


def test_joint_dropout_takes_whole_joints() -> None:
    poses = 1 + np.abs(random_poses(200, 4, 2, 5, 3))
    result = augmented(poses, joint_dropout=0.3)
    kept = np.any(result != 0, axis=(1, 2, 4), keepdims=True)
    np.testing.assert_array_equal(result, poses * kept)
    assert_close(kept.mean(), 0.7, 0.05)


@pytest.mark.parametrize("coords", [2, 3])
def test_flip_is_the_mirror_image_of_some_clips(coords: int) -> None:
    poses = random_poses(400, 4, 2, 5, coords)
    result = augmented(poses, flip=0.3)
    image = poses[:, :, :, list(MIRROR)] * np.array([-1, 1, 1], np.float32)[:coords]
    flipped = np.any(result != poses, axis=(1, 2, 3, 4))
    np.testing.assert_array_equal(result[flipped], image[flipped])
    assert_close(flipped.mean(), 0.3, 0.06)
    np.testing.assert_array_equal(augmented(image, flip=1.0), poses)


def test_no_strength_changes_nothing() -> None:
    poses = random_poses(2, 6, 1, 5, 3)
    assert not Augmentation().active
    np.testing.assert_array_equal(augmented(poses), poses)
    for name, value in ALL.items():
        assert Augmentation(**{name: value}).active


def test_the_seed_decides_and_clips_differ() -> None:
    poses = np.repeat(random_poses(1, 6, 1, 5, 3), 4, axis=0)
    result = augmented(poses, **ALL)
    np.testing.assert_array_equal(augmented(poses, **ALL), result)
    assert np.abs(augmented(poses, seed=1, **ALL) - result).max() > 0.1
    for a in range(4):
        for b in range(a):
            assert np.abs(result[a] - result[b]).max() > 0.01
