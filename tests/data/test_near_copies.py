"""Clips that share frames are found however they were cut, moved, resized; others are not."""

from __future__ import annotations

import pathlib
import tracemalloc

import numpy as np
import pytest

from ms2l_tf.data import (
    Axes,
    Clip,
    ClipDataset,
    ClipPoses,
    DatasetWriter,
    near_copies,
    pose_keys,
)
from ms2l_tf.data.leaks import describe_leaks, find_leaks
from ms2l_tf.data.near_copies import NearPair, find_copies, shared_frames
from ms2l_tf.data.pose_keys import FrameKeys, shapes_of
from ms2l_tf.data.pose_store import PoseStore
from tests.data.report_data import EVIL, write_set
from tests.data.test_copies import store_of
from tests.helpers import motion, random_poses, tiny_layout


def near(out: pathlib.Path, *poses: np.ndarray) -> dict[tuple[int, int], float]:
    found = find_copies(store_of(out, list(poses)))
    assert found.left_out == 0
    return {(first, second): round(shared, 3) for first, second, shared in found.pairs}


def test_what_a_copy_may_have_gone_through(tmp_path: pathlib.Path) -> None:
    clip = motion(40)
    moved = clip + np.array([3, -1, 2], np.float32)
    resized = clip * np.float32(1000)
    rounded = np.round(clip, 3)
    cut = clip[25:]
    sampled = clip[::2]
    pairs = near(tmp_path / "d", clip, moved, resized, rounded, cut, sampled, motion(40, seed=1))
    assert {pair: share for pair, share in pairs.items() if pair[0] == 0} == {
        (0, copy): 1.0 for copy in range(1, 6)
    }
    assert not any(6 in pair for pair in pairs)
    assert pairs[4, 5] == pytest.approx(7 / 15, abs=0.001)


def test_a_part_that_overlaps_is_said_as_it_is(tmp_path: pathlib.Path) -> None:
    clip = motion(60)
    pairs = near(tmp_path / "d", clip[:40], clip[30:], motion(30, seed=2))
    assert pairs == {(0, 1): pytest.approx(1 / 3, abs=0.001)}


def test_a_tenth_is_the_least_that_is_told(tmp_path: pathlib.Path) -> None:
    clip, other = motion(80), motion(40, seed=3)
    one = np.concatenate([clip[:4], other[:36]])
    less = np.concatenate([clip[50:53], motion(37, seed=4)])
    assert set(near(tmp_path / "d", clip, one, less)) == {(0, 1)}


def test_short_pieces_of_a_long_recording_are_found(tmp_path: pathlib.Path) -> None:
    recording = random_poses(4000, 1, 5, 3)
    pieces = [recording[start : start + 60].copy() for start in (100, 1700, 3900)]
    pairs = near(tmp_path / "d", recording, *pieces)
    assert pairs == {(0, 1): 1.0, (0, 2): 1.0, (0, 3): 1.0}


def test_identical_clips_are_one_group_and_blank_ones_none(tmp_path: pathlib.Path) -> None:
    clip, blank = motion(8), np.full((5, 1, 5, 3), np.nan, np.float32)
    found = find_copies(store_of(tmp_path / "d", [blank, clip, motion(8, seed=1), clip, blank]))
    assert found.groups.tolist() == [-1, 1, 2, 1, -1]
    assert found.pairs == ()


def test_gaps_are_compared_as_gaps(tmp_path: pathlib.Path) -> None:
    clip = motion(20)
    gap = clip.copy()
    gap[:10, 0, 3] = np.nan
    assert near(tmp_path / "d", clip, gap) == {(0, 1): 0.5}


def test_many_clips_that_begin_alike_are_not_all_compared(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Motion capture begins in one stance: a key of all clips must not cost all pairs."""
    start = motion(1)
    clips = [np.concatenate([start, motion(12, seed=n + 1)]) for n in range(60)]
    compared = []

    def spy(store: PoseStore, first: int, second: int) -> float:
        compared.append((first, second))
        return shared_frames(store, first, second)

    monkeypatch.setattr(near_copies, "shared_frames", spy)
    assert near(tmp_path / "d", *clips) == {}
    assert len(compared) == 59


def test_pairs_beyond_the_most_are_counted(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_copies, "MOST_PAIRS", 2)
    clip = motion(20)
    found = find_copies(store_of(tmp_path / "d", [clip, clip + 1, clip + 2]))
    assert (len(found.pairs), found.left_out) == (2, 1)
    assert isinstance(found.pairs[0], NearPair)


def test_shapes_have_one_size_and_no_place() -> None:
    person = random_poses(6, 5, 3)
    person[1, 2] = np.nan
    person[2] = np.nan  # nobody
    person[3] = 7.0  # all joints at one point
    person[4, 1:] = np.nan  # one joint
    shapes = shapes_of(person).reshape(-1, 5, 3)
    assert len(shapes) == 3
    np.testing.assert_allclose(shapes.sum(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose((shapes**2).sum(axis=(1, 2)), [5, 4, 5], rtol=1e-5)
    np.testing.assert_allclose(shapes_of(person * 3 + 8), shapes_of(person), atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, 7.0])
def test_a_person_whose_joints_are_one_point_or_missing_has_no_shape(value: float) -> None:
    assert shapes_of(np.full((4, 5, 3), value)).shape == (0, 15)
    assert shapes_of(np.empty((0, 5, 3))).shape == (0, 15)


def test_keys_of_nearly_equal_frames_are_mostly_equal_and_of_others_never() -> None:
    shapes = shapes_of(random_poses(2000, 20, 3))
    noise = random_poses(*shapes.shape, seed=1) * np.float32(0.0005)
    keys = FrameKeys(60)
    one, other = keys.of(shapes), keys.of(shapes + noise)
    assert (one == other).mean() > 0.7
    assert len(set(one.tolist())) == 2000


def test_memory_grows_with_clips_and_not_with_frames(tmp_path: pathlib.Path) -> None:
    store = store_of(tmp_path / "d", [random_poses(6000, 1, 5, 3, seed=n) for n in range(20)])
    tracemalloc.start()
    find_copies(store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 6000 * 5 * 3 * 4, "less than the poses themselves take"


def test_copies_across_a_split_and_labels_that_contradict(tmp_path: pathlib.Path) -> None:
    dataset = write_set(tmp_path / "set")
    leaks = find_leaks(dataset)
    assert leaks["layout"] == "tiny_5"
    halves = leaks["splits"]["halves"]
    assert halves["test_clips_with_identical_copy"] == 1
    assert halves["test_clips_with_near_copy"] == 1
    assert halves["training_clips"] == ["clip_0", "clip_1"]
    assert [(pair["train"], pair["test"]) for pair in halves["first"]] == [
        ("clip_0", "clip_8"),
        ("clip_1", "clip_11"),
    ]
    assert leaks["label_conflicts"] == {
        "count": 1,
        "first": [
            {
                "first": "clip_1",
                "first_label": "nod & <b>bow</b>",
                "second": "clip_11",
                "second_label": "wave",
                "shared": 1.0,
                "identical": True,
            }
        ],
    }
    lines = describe_leaks(leaks)
    assert lines[:2] == ["", "copies"]
    assert "halves: 2 test clips share frames with training clips (1 of them" in lines[2]
    assert "clip_1 (nod & <b>bow</b>) and clip_11 (wave)" in lines[3]
    assert EVIL not in str(lines)


def test_the_unlabelled_contradict_nobody(tmp_path: pathlib.Path) -> None:
    layout, clip = tiny_layout(), motion(20)
    with DatasetWriter(tmp_path / "d", name="d", label_names=("a", "b")) as writer:
        writer.add_layout(layout, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"))
        for number, label in enumerate((0, -1, -1, 1)):
            moved = clip + np.float32(number // 2)  # two identical pairs, near each other
            writer.add_clip(Clip(f"c{number}", label), {layout.name: ClipPoses(moved)})
    conflicts = find_leaks(ClipDataset.open(tmp_path / "d"))["label_conflicts"]
    assert [(pair["first"], pair["second"]) for pair in conflicts["first"]] == [("c0", "c3")]


def test_shapes_are_the_same_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = motion(40)[:, 0]
    clip[3] = clip[3, :1]  # one point
    clip[5, 1] = np.nan
    whole = shapes_of(clip)
    monkeypatch.setattr(pose_keys, "_PIECE", 7)
    np.testing.assert_array_equal(shapes_of(clip), whole)
    assert shapes_of(clip[:0]).shape == (0, clip[0].size)
