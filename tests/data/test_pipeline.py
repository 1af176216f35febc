"""From the memory map to batches: what is in them, in which order, for training and evaluation."""

from __future__ import annotations

import itertools
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pipeline import (
    epoch_order,
    evaluation_batches,
    padded_batch,
    recognition_batches,
    steps_an_epoch,
    training_batches,
    with_poses,
)
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from tests.helpers import FRAMES, motion, tiny_layout, write_dataset


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PoseStore:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny").poses("tiny_5")


def normaliser(store: PoseStore) -> Normaliser:
    return Normaliser.for_store(store, frames=FRAMES)


def test_padded_batch_by_loops(store: PoseStore) -> None:
    indices = np.array([17, 0, 3, 0])
    batch = padded_batch(store, indices)
    assert batch["clip"].tolist() == indices.tolist()
    assert batch["lengths"].tolist() == [1, 5, 8, 5]
    assert batch["coords"].shape == (4, 8, 2, 5, 3)
    for row, index in enumerate(indices):
        poses = store.poses(int(index))
        assert poses.present is not None
        for frame in range(8):
            for person in range(2):
                shown = frame < len(poses.coords) and bool(poses.present[frame, person])
                assert batch["present"][row, frame, person] == shown
                expected = poses.coords[frame, person] if shown else np.zeros((5, 3))
                np.testing.assert_array_equal(batch["coords"][row, frame, person], expected)
    assert np.isnan(batch["coords"][1]).sum() == 2 * 3, "the joint that a present person misses"


def test_clips_without_poses_are_left_out(tmp_path: pathlib.Path) -> None:
    both, tiny, coco = motion(4), tiny_layout(), load_layout("coco_17")
    flat = ClipPoses(np.ones((3, 1, 17, 2), np.float32))
    with DatasetWriter(
        tmp_path / "out", name="two", label_names=("a",), source="", licence=""
    ) as writer:
        writer.add_layout(tiny, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        writer.add_layout(coco, frame_rate=30.0, unit="px", axes=None, num_coords=2)
        writer.add_clip(Clip("both"), {tiny.name: ClipPoses(both), coco.name: flat})
        writer.add_clip(Clip("tiny"), {tiny.name: ClipPoses(both)})
        writer.add_clip(Clip("flat"), {coco.name: flat})
    dataset = ClipDataset.open(tmp_path / "out")
    assert with_poses(dataset.poses(tiny.name), np.arange(3)).tolist() == [0, 1]
    assert with_poses(dataset.poses(coco.name), np.array([2, 1, 0])).tolist() == [2, 0]
    with pytest.raises(InputError, match="layout coco_17: none of the 1 clips has poses"):
        with_poses(dataset.poses(coco.name), np.array([1]))


@settings(deadline=None)
@given(
    clips=st.integers(1, 40),
    batch=st.integers(1, 12),
    seed=st.integers(0, 5),
    epoch=st.integers(0, 5),
)
def test_epoch_order(clips: int, batch: int, seed: int, epoch: int) -> None:
    order = epoch_order(clips, batch, seed, epoch)
    assert len(order) == steps_an_epoch(clips, batch) * batch
    assert order.tolist() == epoch_order(clips, batch, seed, epoch).tolist()
    counts = np.bincount(order, minlength=clips)
    if clips < batch:  # every clip as often as any other, up to one
        assert counts.max() - counts.min() <= 1
    else:  # no clip twice; fewer than a batch are left out
        assert counts.max() == 1
        assert (counts == 0).sum() == clips % batch


def test_orders_differ_between_epochs_and_seeds() -> None:
    orders = {tuple(epoch_order(20, 5, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_clips_left_out_of_one_epoch_come_in_others() -> None:
    seen = set(itertools.chain(*(epoch_order(7, 4, 0, epoch) for epoch in range(8))))
    assert seen == set(range(7))


def test_training_batches_are_the_normalised_clips_of_their_epochs(store: PoseStore) -> None:
    indices = np.array([2, 3, 5, 7, 11, 13, 16])
    layer = normaliser(store)
    batches = training_batches(store, indices, layer, batch=3, seed=1)
    for number, one in enumerate(batches.take(6)):  # three epochs of two batches
        epoch, step = divmod(number, 2)
        expected = indices[epoch_order(7, 3, 1, epoch)][3 * step : 3 * step + 3]
        assert one["clip"].numpy().tolist() == expected.tolist()
        raw = padded_batch(store, expected)
        poses, _ = layer(raw["coords"], raw["lengths"], raw["present"])
        np.testing.assert_allclose(one["poses"], poses, atol=1e-6)


def test_a_resumed_run_sees_the_batches_of_the_uninterrupted_one(store: PoseStore) -> None:
    indices = np.arange(10)
    whole, later = (
        training_batches(store, indices, normaliser(store), batch=4, seed=3, first_step=first)
        for first in (0, 5)
    )
    for one, other in zip(whole.skip(5).take(4), later.take(4), strict=True):
        np.testing.assert_array_equal(one["clip"], other["clip"])
        np.testing.assert_array_equal(one["poses"], other["poses"])


def test_two_streams_are_drawn_on_their_own_and_resume(store: PoseStore) -> None:
    """Two labelled clips, ten unlabelled ones: epochs of one and of two steps."""
    labels, labelled = np.arange(18) * 10, np.array([4, 9])
    whole, later = (
        recognition_batches(
            store,
            labelled,
            labels,
            normaliser(store),
            unlabelled=np.arange(10),
            batch=4,
            seed=3,
            first_step=first,
        )
        for first in (0, 3)
    )
    seen = list(whole.take(5))
    for one, other in zip(seen[3:], later.take(2), strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(other[name], value, err_msg=name)
    for number, one in enumerate(seen):
        assert sorted(one["label"].numpy()) == [40, 40, 90, 90]
        epoch, step = divmod(number, 2)
        expected = epoch_order(10, 4, 3, epoch)[4 * step : 4 * step + 4]
        raw = padded_batch(store, expected)
        poses, _ = normaliser(store)(raw["coords"], raw["lengths"], raw["present"])
        np.testing.assert_allclose(one["unlabelled"], poses, atol=1e-6)


def test_labels_alone_make_no_second_stream(store: PoseStore) -> None:
    batches = recognition_batches(
        store, np.arange(8), np.arange(18), normaliser(store), batch=4, seed=0
    )
    one = next(iter(batches))
    assert set(one) == {"poses", "label"}
    assert epoch_order(8, 4, 0, 0, stream=1).tolist() != epoch_order(8, 4, 0, 0).tolist()
    np.testing.assert_array_equal(one["label"], epoch_order(8, 4, 0, 0, stream=1)[:4])


def test_a_set_smaller_than_a_batch_repeats(store: PoseStore) -> None:
    batches = training_batches(store, np.array([4, 9]), normaliser(store), batch=5, seed=0)
    one = next(iter(batches))["clip"].numpy()
    assert sorted(np.unique(one, return_counts=True)[1]) == [2, 3]


@pytest.mark.parametrize("count", [1, 4, 6])
def test_evaluation_keeps_order_and_pads(store: PoseStore, count: int) -> None:
    indices = np.array([9, 2, 17, 4, 5, 1])[:count]
    batches = evaluation_batches(store, indices, normaliser(store), batch=4)
    clips = np.concatenate([one["clip"] for one in batches])
    assert len(clips) == (4 if count <= 4 else 8)
    assert clips[:count].tolist() == indices.tolist()
    assert set(clips[count:]) <= {indices[-1]}, "padding repeats the last clip"
    assert all(one["poses"].shape == (4, FRAMES, 2, 5, 3) for one in batches)
