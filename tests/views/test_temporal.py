"""The plain, masked and jigsaw views."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.errors import InputError
from ms2l_tf.views import ClipRandom, Plain, TemporalJigsaw, TemporalMask
from tests.helpers import assert_close, random_poses


def clip_random(batch: int, seed: int = 0) -> ClipRandom:
    return ClipRandom(tf.constant([seed, 0]), batch)


def test_plain_is_the_clip_itself() -> None:
    poses = random_poses(2, 6, 1, 5, 3)
    version, target = Plain()(tf.constant(poses), clip_random(2))
    np.testing.assert_array_equal(version, poses)
    assert target is None


@pytest.mark.parametrize("observed", [1, 4, 11])
def test_mask_shows_noisy_frames_then_nothing(observed: int) -> None:
    poses = random_poses(40, 12, 2, 5, 3)
    version, target = TemporalMask(observed, noise=0.1)(tf.constant(poses), clip_random(40))
    noise = version.numpy()[:, :observed] - poses[:, :observed]
    assert not version.numpy()[:, observed:].any()
    np.testing.assert_array_equal(target, poses)
    assert_close(noise.std(), 0.1, 0.01)
    assert_close(noise.mean(), 0.0, 0.01)
    assert len(np.unique(noise)) > noise.size / 2, "each coordinate has its own noise"


def test_mask_without_noise_is_clean() -> None:
    poses = random_poses(2, 6, 1, 5, 3)
    version, _ = TemporalMask(4, noise=0.0)(tf.constant(poses), clip_random(2))
    np.testing.assert_array_equal(version[:, :4], poses[:, :4])


@pytest.mark.parametrize("observed", [0, 6, 7])
def test_mask_must_leave_something_to_predict(observed: int) -> None:
    with pytest.raises(InputError, match=f"--observed: {observed} frames of 6"):
        TemporalMask(observed)(tf.zeros([1, 6, 1, 5, 3]), clip_random(1))


def test_orders_are_all_permutations() -> None:
    for segments in (2, 3, 4):
        orders = TemporalJigsaw(segments).orders
        assert len({tuple(order) for order in orders}) == math.factorial(segments)
        assert all(sorted(order) == list(range(segments)) for order in orders)


@settings(deadline=None, max_examples=25)
@given(
    segments=st.integers(2, 5),
    length=st.integers(1, 5),
    rest=st.integers(0, 4),
    seed=st.integers(0, 1000),
)
def test_shuffling_is_undone_by_the_inverse_order(
    segments: int, length: int, rest: int, seed: int
) -> None:
    frames = segments * length + min(rest, segments - 1)
    poses = random_poses(3, frames, 1, 2, 2, seed=seed)
    view = TemporalJigsaw(segments)
    version, target = view(tf.constant(poses), clip_random(3, seed))
    for clip, shuffled, number in zip(poses, version.numpy(), target.numpy(), strict=True):
        parts = np.split(shuffled[: segments * length], segments)
        restored = [parts[place] for place in np.argsort(view.orders[number])]
        np.testing.assert_array_equal(np.concatenate(restored), clip[: segments * length])


def test_198_of_200_frames() -> None:
    """Three segments of 66 frames; the last frame shown is repeated, whatever the order."""
    poses = np.tile(np.arange(200, dtype=np.float32)[:, None, None, None], (50, 1, 1, 1, 1))
    view = TemporalJigsaw(3)
    version, target = view(tf.constant(poses), clip_random(50))
    for frames, number in zip(version.numpy()[:, :, 0, 0, 0], target.numpy(), strict=True):
        starts = 66 * view.orders[number]
        assert frames[[0, 66, 132]].tolist() == starts.tolist()
        assert frames[-3:].tolist() == [starts[-1] + 65] * 3
        assert frames.max() < 198


def test_every_order_is_drawn_about_equally_often() -> None:
    _, target = TemporalJigsaw(3)(tf.zeros([6000, 3, 1, 1, 1]), clip_random(6000))
    counts = np.bincount(target, minlength=6)
    assert counts.sum() == 6000
    # 5 standard deviations of a binomial count around 1000
    assert np.abs(counts - 1000).max() < 5 * math.sqrt(6000 * (1 / 6) * (5 / 6))


@pytest.mark.parametrize("segments", [1, 7])
def test_segments_must_fit(segments: int) -> None:
    with pytest.raises(InputError, match=f"--segments: {segments} segments of 6 frames"):
        TemporalJigsaw(segments)(tf.zeros([1, 6, 1, 5, 3]), clip_random(1))
