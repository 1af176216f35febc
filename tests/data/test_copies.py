"""Clips with the poses of another clip are found, whatever their names; others are not."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset, DatasetWriter, copies
from ms2l_tf.data.copies import copied
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.skeletons.mapping import JointMapping
from tests.helpers import motion, tiny_layout


def store_of(out: pathlib.Path, poses: list[np.ndarray]) -> PoseStore:
    with DatasetWriter(
        out, name="tiny", label_names=("wave",), source="made up", licence="none"
    ) as writer:
        writer.add_layout(
            tiny_layout(), frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"), num_persons=1
        )
        for number, coords in enumerate(poses):
            writer.add_clip(Clip(f"clip_{number}", 0), {"tiny_5": ClipPoses(coords)})
        names = [f"clip_{number}" for number in range(len(poses))]
        writer.add_split("all", train=names[:1], test=names[1:])
    return ClipDataset.open(out).poses("tiny_5")


@pytest.fixture
def store(tmp_path: pathlib.Path) -> PoseStore:
    """Clip 0, its copy, a copy but for one number, its first half, another, its copy with a gap."""
    first, other = motion(8), motion(9, seed=1)
    changed, gap = first.copy(), other.copy()
    changed[7, 0, 4, 2] += np.float32(1e-6)
    gap[0, 0, 3] = np.nan
    return store_of(tmp_path / "data", [first, first, changed, first[:4], other, gap, gap])


def test_copies_are_found_and_no_others(store: PoseStore) -> None:
    clips = np.array([1, 2, 3, 4, 5])
    assert copied(store, clips, np.array([0])).tolist() == [True, False, False, False, False]
    assert copied(store, clips, np.array([0, 6])).tolist() == [True, False, False, False, True]
    assert copied(store, clips, np.array([], int)).tolist() == [False] * 5
    assert copied(store, clips[:0], np.array([0])).tolist() == []


def test_long_clips_are_compared_by_blocks(
    store: PoseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_BLOCK_FRAMES", 3)
    found = copied(store, np.array([1, 2, 3, 5]), np.array([0, 6]))
    assert found.tolist() == [True, False, False, True]


def test_blank_clips_are_no_copies_of_each_other(tmp_path: pathlib.Path) -> None:
    blank = np.full((5, 1, 5, 3), np.nan, np.float32)
    store = store_of(tmp_path / "data", [motion(5), blank, blank])
    assert copied(store, np.array([1]), np.array([0, 2])).tolist() == [False]


def test_mapped_poses_are_compared_as_they_are_read(store: PoseStore) -> None:
    """What a mapping leaves out tells no clips apart: here the right hand."""
    weights = np.eye(5)
    weights[4] = weights[3]
    mapping = JointMapping("left_handed", tiny_layout(), tiny_layout(name="left_5"), weights)
    found = copied(mapped(store, mapping), np.array([1, 2, 3]), np.array([0]))
    assert found.tolist() == [True, True, False]
