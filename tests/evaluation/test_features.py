"""Frozen features: pooling by loops, order, batches that do not matter."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation import features as features_module
from ms2l_tf.evaluation.features import encoder_features, pool, raw_features
from ms2l_tf.networks.clip_encoder import ClipEncoder
from ms2l_tf.networks.frame_encoder import FrameEncoder
from ms2l_tf.settings.config import POOLINGS
from tests.helpers import FRAMES, assert_close, random_poses, write_dataset


def pool_twin(frames: np.ndarray, how: str) -> np.ndarray:
    """[T, D] -> [D'], frame by frame."""
    if how == "last":
        return frames[-1]
    if how == "mean_max":
        return np.concatenate([pool_twin(frames, "mean"), pool_twin(frames, "max")])
    if how.startswith("segments"):
        parts: list[list[np.ndarray]] = [[] for _ in range(5)]
        for t, frame in enumerate(frames):
            # The segment whose edges, rounded to whole frames, enclose the frame.
            edges = [round(i * len(frames) / 5) for i in range(6)]
            (own,) = [i for i in range(5) if edges[i] <= t < edges[i + 1]]
            parts[own].append(frame)
        part = "max" if how == "segments_max" else "mean"
        return np.concatenate([pool_twin(np.stack(one), part) for one in parts])
    total = frames[0].copy()
    for frame in frames[1:]:
        total = np.maximum(total, frame) if how == "max" else total + frame
    return total if how == "max" else total / len(frames)


@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize("length", [5, 10, 12, 13])
def test_pooling_equals_its_twin(how: str, length: int) -> None:
    frames = random_poses(3, length, 4)
    pooled = pool(tf.constant(frames), how)
    assert_close(pooled, [pool_twin(clip, how) for clip in frames])


def test_segments_need_five_frames() -> None:
    for how in ("segments", "segments_max"):
        with pytest.raises(InputError, match=f"--pooling={how}: needs at least 5 frames"):
            pool(tf.zeros([2, 4, 3]), how)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PoseStore:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny").poses("tiny_5")


def poses_of(store: PoseStore, clip: int, normaliser: Normaliser) -> np.ndarray:
    """Normalised poses of one clip, without the pipeline."""
    raw = store.poses(clip)
    assert raw.present is not None
    coords = np.where(raw.present[..., None, None], raw.coords, 0.0).astype(np.float32)
    poses, _ = normaliser(coords[None], np.array([len(coords)]), raw.present[None])
    result: np.ndarray = poses.numpy()
    return result


def test_features_are_those_of_each_clip_alone(store: PoseStore) -> None:
    """Five clips in batches of two: order and cut are right, batch mates do not matter."""
    normaliser = Normaliser.for_store(store, frames=FRAMES)
    encoder = FrameEncoder(units=3)
    indices = np.array([7, 0, 17, 3, 1])
    features = encoder_features(encoder, store, indices, normaliser, pooling="mean_max", batch=2)
    raw = raw_features(store, indices, normaliser, batch=2)
    assert features.shape == (5, 12)
    assert features.dtype == np.float32
    for index, row, coords in zip(indices, features, raw, strict=True):
        poses = poses_of(store, int(index), normaliser)
        assert_close(coords, poses.reshape(-1))
        assert_close(row, pool_twin(encoder(poses).numpy()[0], "mean_max"))


@pytest.mark.parametrize("how", ["mean", "segments"])
def test_one_vector_a_clip_is_taken_as_it_is(how: str, store: PoseStore) -> None:
    """Also with fewer frames than --pooling=segments would need."""
    normaliser = Normaliser.for_store(store, frames=4)
    encoder = ClipEncoder(units=3, bidirectional=True)
    indices = np.array([4, 0, 2])
    features = encoder_features(encoder, store, indices, normaliser, pooling=how, batch=2)
    assert features.dtype == np.float32
    for index, row in zip(indices, features, strict=True):
        assert_close(row, encoder(poses_of(store, int(index), normaliser))[0])


def test_too_few_frames_are_found_before_any_clip_is_read(
    store: PoseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features_module, "evaluation_batches", lambda *_, **__: pytest.fail("read"))
    normaliser = Normaliser.for_store(store, frames=4)
    with pytest.raises(InputError, match="--pooling=segments: needs at least 5 frames"):
        encoder_features(
            FrameEncoder(units=3), store, np.array([0]), normaliser, pooling="segments", batch=2
        )
