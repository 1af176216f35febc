"""Long clips are sampled one by one: the numbers are those of padding their batch, to the bit."""

from __future__ import annotations

import dataclasses
import itertools
import mmap
import pathlib
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.data import Axes, clip_frames, pipeline
from ms2l_tf.data.clip_samples import row_sums
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pose_store import PoseStore, release
from ms2l_tf.skeletons.layout import load_layout
from ms2l_tf.skeletons.mapping import load_mapping

FRAMES = 24
# Among them: one frame, fewer than are measured for the rotation, fewer and more than T.
LENGTHS = np.array([1, 2, 4, 5, 7, 16, 23, 24, 25, 60, 97, 250, 1, 800, 3, 33, 41, 12, 6])
LONG = np.flatnonzero(LENGTHS > FRAMES)
KINDS = ("none", "scattered", "stretches", "never", "nobody")
BOTH = Callable[[Callable[[], list[np.ndarray]]], None]


def ragged_store(kind: str, coords: int = 3, lengths: np.ndarray = LENGTHS) -> PoseStore:
    """Clips of three persons with missing joints and persons, as trackers leave them."""
    draw = np.random.default_rng(len(kind))
    layout = load_layout("kinect_v2_25" if coords == 3 else "coco_17")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    shape = (offsets[-1], 3, layout.num_joints, coords)
    poses = draw.normal(1000, 300, size=shape).astype(np.float32)
    present = np.ones(shape[:2], bool)
    for number, (start, stop) in enumerate(itertools.pairwise(offsets)):
        if number % 5:  # every fifth is complete
            _damage(poses[start:stop], present[start:stop], kind, draw, number)
    poses[~present] = np.nan
    axes = Axes("-z", "+x", "left") if coords == 3 else None
    return PoseStore(layout, 30.0, "mm" if axes else "px", axes, poses, offsets, present)


def _damage(
    poses: np.ndarray, present: np.ndarray, kind: str, draw: np.random.Generator, number: int
) -> None:
    frames, joints = len(poses), poses.shape[2]
    if kind == "scattered":
        poses[draw.random(poses.shape[:3]) < 0.3] = np.nan
        present[draw.random(present.shape) < 0.1] = False
    elif kind == "stretches":
        poses[: frames // 3, :, 0] = np.nan
        poses[frames // 4 : frames // 2, 0, 1:] = np.inf
        poses[frames // 2 :, :, 2] = np.nan
        present[: frames // 2, number % 3] = False
    elif kind == "never":  # some joints, and one or two persons
        poses[:, :, draw.integers(joints, size=4)] = np.nan
        present[:, number % 3] = False
        poses[:, (number + 1) % 3, :, 0] = np.nan
    elif kind == "nobody":
        present[:, : 1 + number % 3] = False


@pytest.fixture
def assert_same_both_ways(monkeypatch: pytest.MonkeyPatch) -> BOTH:
    """Compares what is read of padded batches with what is read of samples, bit by bit."""

    def compare(read: Callable[[], list[np.ndarray]]) -> None:
        monkeypatch.setattr(pipeline, "PADDED_ROUNDS", 1_000_000)
        padded = read()
        monkeypatch.setattr(pipeline, "PADDED_ROUNDS", 0)
        monkeypatch.setattr(clip_frames, "PIECE", 37)
        sampled = read()
        assert len(padded) == len(sampled) > 0
        for poses, others in zip(padded, sampled, strict=True):
            assert np.isfinite(poses).all()
            np.testing.assert_array_equal(others.view(np.int32), poses.view(np.int32))

    return compare


def with_a_long_clip(batch: int, seed: int = 1) -> np.ndarray:
    """Clips in batches, the last not full, in each of which the longest has at least T frames."""
    draw = np.random.default_rng(seed)
    count = 3 * batch - batch // 2
    clips = draw.choice(len(LENGTHS), count)
    clips[::batch] = draw.choice(LONG, len(clips[::batch]))
    return clips


def all_settings(rotations: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for centre, rotation, scale in itertools.product(
        ("frame", "clip", "none"), rotations, ("torso", "none")
    ):
        yield {"centre": centre, "rotation": rotation, "scale": scale}


def assert_same_poses(
    assert_same_both_ways: BOTH,
    store: PoseStore,
    batch: int,
    *,
    persons: int = 2,
    **settings: Any,
) -> None:
    normaliser = Normaliser.for_store(store, frames=FRAMES, persons=persons, **settings)
    clips = with_a_long_clip(batch)
    assert_same_both_ways(
        lambda: [
            one["poses"].numpy()
            for one in pipeline.evaluation_batches(store, clips, normaliser, batch=batch)
        ]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("batch", "persons"), [(1, 2), (2, 3), (17, 4), (40, 1)])
def test_samples_are_padded_clips_to_the_bit(
    assert_same_both_ways: BOTH, batch: int, persons: int, kind: str
) -> None:
    assert_same_poses(assert_same_both_ways, ragged_store(kind), batch, persons=persons)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("coords", "settings"),
    [(3, each) for each in all_settings(("first", "clip", "vertical", "none"))]
    + [(2, each) for each in all_settings(("in_plane", "none"))],
    ids=lambda value: str(value) if isinstance(value, int) else "-".join(value.values()),
)
def test_under_every_setting(
    assert_same_both_ways: BOTH, coords: int, settings: dict[str, Any]
) -> None:
    assert_same_poses(assert_same_both_ways, ragged_store("stretches", coords), 5, **settings)


@pytest.mark.parametrize("batch", [1, 2, 19])
def test_sums_over_many_frames_are_in_the_order_of_padded_rows(batch: int) -> None:
    """TensorFlow cuts a row of many frames in two, where depends on the rows before it."""
    draw = np.random.default_rng(batch)
    lengths = [20_011 - 977 * (row % 17) for row in range(batch)]
    rows = [draw.random(length, np.float32) for length in lengths]
    padded = np.zeros((batch, max(lengths), 1), np.float32)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row), 0] = row
    expected = tf.reduce_sum(padded, axis=1).numpy()
    np.testing.assert_array_equal(row_sums(rows, max(lengths)), expected)


def test_mapped_poses_are_sampled_too(assert_same_both_ways: BOTH) -> None:
    store = mapped(ragged_store("scattered"), load_mapping("kinect_v2_25_to_kinect_v1_20"))
    assert_same_poses(assert_same_both_ways, store, 5)


def test_training_batches_are_sampled_too(assert_same_both_ways: BOTH) -> None:
    store = ragged_store("stretches")
    normaliser = Normaliser.for_store(store, frames=FRAMES, persons=1)
    # Few enough clips, that each batch has a long one.
    batches = lambda: pipeline.training_batches(store, LONG, normaliser, batch=4, seed=2)  # noqa: E731
    assert_same_both_ways(lambda: [one["poses"].numpy() for one in batches().take(4)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "stretches"])
def test_memory_does_not_grow_with_the_longest_clip(kind: str, tmp_path: pathlib.Path) -> None:
    """Two clips of 150 MB on disk: a batch of sixteen is made in a fraction of one."""
    lengths = np.array([200_000, 200_000, *[20] * 14])
    store = ragged_store(kind, 3, lengths)
    np.save(tmp_path / "coords.npy", store.coords[:])
    store = dataclasses.replace(store, coords=np.load(tmp_path / "coords.npy", mmap_mode="r"))
    normaliser = Normaliser.for_store(store, frames=FRAMES, persons=1)
    tracemalloc.start()
    try:
        raw = pipeline.raw_batch(store, np.arange(16), normaliser)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert raw["coords"].shape[:2] == (16, FRAMES)
    assert peak < 60e6


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="nothing to release pages with")
def test_released_pages_are_read_again(tmp_path: pathlib.Path) -> None:
    np.save(tmp_path / "array.npy", np.arange(100_000, dtype=np.float32))
    array = np.load(tmp_path / "array.npy", mmap_mode="r")
    part = array[7:90_000]
    for source in (array, part, np.arange(3)):  # the last is in no file
        release(source)
        np.testing.assert_array_equal(part, np.arange(7, 90_000, dtype=np.float32))


def test_clips_of_ordinary_length_are_padded() -> None:
    """Whatever the batch holds, no more than a few times T frames of each clip are in memory."""
    store = ragged_store("none")
    normaliser = Normaliser.for_store(store, frames=FRAMES)
    most = pipeline.PADDED_ROUNDS * FRAMES
    for clips in ([3, 11], [3, 9], [13, 2, 13]):
        raw = pipeline.raw_batch(store, np.array(clips), normaliser)
        long = LENGTHS[clips].max() > most
        assert raw["padded"] == (not long)
        assert raw["coords"].shape[1] == (FRAMES if long else LENGTHS[clips].max())


def test_a_long_clip_without_a_torso_is_scaled_as_a_padded_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = ragged_store("none")
    anchors = store.layout.anchors
    root, top = anchors["root"][0], anchors["spine_top"][0]
    poses = np.array(store.coords)
    poses[:, :, top] = poses[:, :, [root]].mean(axis=2)
    store = dataclasses.replace(store, coords=poses)
    normaliser = Normaliser.for_store(store, frames=FRAMES, rotation="none")
    clips = with_a_long_clip(6)
    results = []
    for rounds in (1_000_000, 0):
        monkeypatch.setattr(pipeline, "PADDED_ROUNDS", rounds)
        batches = pipeline.evaluation_batches(store, clips, normaliser, batch=6)
        results.append(np.concatenate([batch["poses"].numpy() for batch in batches]))
    padded, sampled = results
    np.testing.assert_allclose(sampled, padded, rtol=1e-4, atol=1e-5)
    assert 0.5 < np.linalg.norm(results[0][:, :, 0], axis=-1).mean() < 2
