"""The views of body parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf import replicas
from ms2l_tf.errors import InputError
from ms2l_tf.views import ClipRandom, SpatialJigsaw, SpatialMask
from tests.helpers import assert_close, random_poses

PARTS = ((0, 4), (1,), (2, 6, 5), (3,))
JOINTS = 7


def clip_random(batch: int, seed: int = 0) -> ClipRandom:
    return ClipRandom(tf.constant([seed, 0]), batch)


@pytest.mark.parametrize("masked", [1, 2, 3])
def test_whole_parts_are_hidden_in_all_frames(masked: int) -> None:
    poses = random_poses(60, 5, 2, JOINTS, 3)
    version, target = SpatialMask(PARTS, masked, noise=0.1)(tf.constant(poses), clip_random(60))
    np.testing.assert_array_equal(target.poses, poses)
    chosen = set()
    for clip, clean, hidden in zip(version.numpy(), poses, target.hidden.numpy(), strict=True):
        parts = tuple(n for n, joints in enumerate(PARTS) if hidden[list(joints)].all())
        assert len(parts) == masked
        assert hidden.sum() == sum(len(PARTS[n]) for n in parts), "parts are hidden whole"
        assert not clip[:, :, hidden == 1].any()
        noise = clip[:, :, hidden == 0] - clean[:, :, hidden == 0]
        assert 0.05 < noise.std() < 0.15
        chosen.add(parts)
    assert len(chosen) == math.comb(len(PARTS), masked), "every choice of parts comes"


def test_without_noise_what_is_seen_is_clean() -> None:
    poses = random_poses(3, 5, 1, JOINTS, 3)
    version, target = SpatialMask(PARTS, noise=0.0)(tf.constant(poses), clip_random(3))
    seen = 1 - target.hidden.numpy()[:, None, None, :, None]
    np.testing.assert_array_equal(version, poses * seen)


@pytest.mark.parametrize("masked", [0, 4, 5])
def test_something_is_hidden_and_something_seen(masked: int) -> None:
    with pytest.raises(InputError, match=f"--masked_parts: {masked} of 4 body parts"):
        SpatialMask(PARTS, masked)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000))
def test_the_jigsaw_puts_part_after_part(seed: int) -> None:
    poses = random_poses(4, 3, 2, JOINTS, 3, seed=seed)
    view = SpatialJigsaw(PARTS)
    version, target = view(tf.constant(poses), clip_random(4, seed))
    for clip, shuffled, order in zip(poses, version.numpy(), target.numpy(), strict=True):
        joints = [joint for part in view.orders[order] for joint in PARTS[part]]
        np.testing.assert_array_equal(shuffled, clip[:, :, joints])


def test_every_order_comes_about_equally_often() -> None:
    view = SpatialJigsaw(((0,), (1, 2), (3,)))
    _, target = view(tf.zeros([1200, 1, 1, 4, 3]), clip_random(1200))
    counts = np.bincount(target.numpy(), minlength=6)
    assert len(counts) == 6
    assert_close(counts / 200, 1.0, 0.35)


def test_one_part_cannot_be_shuffled() -> None:
    with pytest.raises(InputError, match="fewer than two body parts"):
        SpatialJigsaw(((0, 1, 2),))


@pytest.mark.parametrize("view", [SpatialMask(PARTS), SpatialJigsaw(PARTS)])
def test_two_devices_draw_what_one_draws(
    two_replicas: tf.distribute.Strategy, view: SpatialMask | SpatialJigsaw
) -> None:
    poses = random_poses(6, 3, 1, JOINTS, 2)
    whole, _ = view(tf.constant(poses), clip_random(6))

    @tf.function
    def mine() -> tf.Tensor:
        start = 3 * replicas.index()
        return view(tf.constant(poses)[start : start + 3], clip_random(3))[0]

    parts = two_replicas.experimental_local_results(two_replicas.run(mine))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)
