from __future__ import annotations

import json
import pathlib

import matplotlib.image
import numpy as np
import pytest

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data import inspect as inspect_module
from ms2l_tf.data.clip_lengths import summarise_lengths
from ms2l_tf.data.contact_sheet import save_contact_sheet
from ms2l_tf.data.flaws import LISTED
from ms2l_tf.data.inspect import describe, looks_at, summarise
from ms2l_tf.data.outliers import body_length
from ms2l_tf.skeletons.layout import SkeletonLayout
from tests.data.conftest import new_writer, poses_of


def test_counts(tiny: ClipDataset) -> None:
    looked: list[bool] = []
    summary = summarise(tiny, lambda: looked.append(True))
    assert len(looked) == looks_at(tiny)
    assert summary["by_class"] == {"walk": 2, "wave": 2}
    assert summary["unlabelled"] == 1
    assert summary["by_subject"] == {"1": 2, "2": 2, "3": 1}
    assert summary["by_camera"] == {"a": 3, "b": 2}
    deep, flat = summary["layouts"]["kinect_v1_20"], summary["layouts"]["coco_17"]
    assert deep["lengths"] == {"min": 1, "median": 3.0, "max": 7}
    assert (deep["one_frame_clips"], deep["frames"], deep["clips"]) == (1, 17, 5)
    assert flat["lengths"] == {"min": 5, "median": 6.0, "max": 8}
    assert flat["clips"] == 3
    assert summary["by_setup"] == {"": 5}
    assert deep["length_histogram"]["edges"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert deep["length_histogram"]["counts"] == [1, 1, 1, 1, 0, 0, 1]
    assert deep["shortest"][:2] == [
        {"clip": "walk_2", "frames": 1},
        {"clip": "unknown", "frames": 2},
    ]
    assert deep["longest"][0] == {"clip": "wave_1", "frames": 7}
    assert deep["clips_of_one_frame"] == {"count": 1, "first": ["walk_2"]}
    assert deep["frames_of_persons"] == 17
    assert [entry["clip"] for entry in flat["shortest"]] == ["wave_1", "wave_2", "walk_1"]
    assert summary["splits"]["by_camera"]["classes_without_training_clip"] == []
    json.dumps(summary, allow_nan=False)


@pytest.mark.parametrize("chunk", [1, 3, 1 << 14])
def test_defects(
    tmp_path: pathlib.Path,
    kinect: SkeletonLayout,
    chunk: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inspect_module, "_CHUNK", chunk)
    coords = np.random.default_rng(0).normal(size=(6, 1, 20, 3)).astype(np.float32)
    coords[1, 0, 3] = np.nan
    coords[2] = coords[1]  # repeated, the gap included
    coords[3, 0, 4:6] = 0
    coords[4] = np.nan
    with new_writer(tmp_path / "out") as writer:
        axes = Axes("+y", "+z", "right")
        writer.add_layout(kinect, frame_rate=30.0, unit="m", axes=axes, num_persons=2)
        writer.add_clip(Clip("a"), {kinect.name: ClipPoses(coords)})
        writer.add_clip(Clip("b"), {kinect.name: ClipPoses(coords[5:])})  # starts as a ends
    poses = summarise(ClipDataset.open(tmp_path / "out"))["layouts"][kinect.name]
    assert poses["frames_by_defect"] == {
        "blank": 1,
        "with_missing_joints": 2,
        "with_joints_at_zero": 1,
        "repeated": 1,
    }
    assert poses["missing_by_joint"] == {kinect.joints[3]: 2}


def test_text_has_the_essentials(tiny: ClipDataset) -> None:
    text = describe(summarise(tiny))
    assert "tiny: 5 clips, 2 classes, 1 unlabelled" in text
    assert "5 clips of 1 / 3 / 7 frames (min / median / max)" in text
    assert "by_camera  2 / 2" in text


@pytest.mark.parametrize("layout", ["kinect_v1_20", "coco_17"])
def test_contact_sheet_is_a_picture(tiny: ClipDataset, tmp_path: pathlib.Path, layout: str) -> None:
    save_contact_sheet(tiny, layout, tmp_path / "sheet.png")
    picture = matplotlib.image.imread(tmp_path / "sheet.png")
    assert picture.ndim == 3
    assert picture[..., :3].std() > 0.01


def test_clips_without_any_class(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    with DatasetWriter(
        tmp_path / "out", name="videos", label_names=(), source="made up", licence="none"
    ) as writer:
        writer.add_layout(kinect, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        writer.add_clip(Clip("a", -1), {kinect.name: poses_of(2, kinect, 3)})
    text = describe(summarise(ClipDataset.open(tmp_path / "out")))
    assert "videos: 1 clips, 0 classes, 1 unlabelled" in text
    assert "clips by class" not in text


def test_contact_sheet_survives_blank_clips(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        blank = ClipPoses(np.full((1, 1, 20, 3), np.nan, np.float32))
        writer.add_clip(Clip("a", 0), {kinect.name: blank})
        writer.add_clip(Clip("b", 0), {kinect.name: poses_of(2, kinect, 3)})
    dataset = ClipDataset.open(tmp_path / "out")
    save_contact_sheet(dataset, kinect.name, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def with_flaws(kinect: SkeletonLayout) -> dict[str, np.ndarray]:
    """Clip name -> coords [T, 1, 20, 3], each with the flaw it is called after."""
    body = np.random.default_rng(0).normal(size=(20, 3))
    sound = (body + 0.01 * np.random.default_rng(1).normal(size=(9, 1, 20, 3))).astype(np.float32)
    clips = {
        name: sound + np.float32(number)
        for number, name in enumerate(("sound", "far", "zero", "collapsed", "blank"))
    }
    torso = body_length(sound[:, 0], kinect.anchors)
    clips["far"][4, 0, 7, 1] += 30 * torso
    clips["far"][5, 0, 8, 1] -= 40 * torso
    clips["zero"][2:4] = 0
    root, top = (list(kinect.anchors[name]) for name in ("root", "spine_top"))
    clips["collapsed"][:, 0, top] = clips["collapsed"][:, 0, root].mean(axis=1, keepdims=True)
    clips["blank"][:] = np.nan
    clips["blank again"] = clips["blank"]
    clips["frozen"] = np.repeat(sound[:1], 5, axis=0) - 3
    clips["one frame"] = sound[:1]
    clips["copy"], clips["third"] = clips["sound"], clips["sound"]
    return clips


def test_flaws(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    clips = with_flaws(kinect)
    with DatasetWriter(tmp_path / "out", name="t", label_names=(), keep_zeros=True) as writer:
        writer.add_layout(kinect, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        for name, coords in clips.items():
            writer.add_clip(Clip(name), {kinect.name: ClipPoses(coords)})
    summary = summarise(ClipDataset.open(tmp_path / "out"))
    json.dumps(summary, allow_nan=False)
    flaws = summary["layouts"][kinect.name]["flaws"]
    points = np.concatenate([coords.reshape(-1, 3) for coords in clips.values()])
    for entry, axis, low, high in zip(
        flaws["extents"], "xyz", np.nanmin(points, axis=0), np.nanmax(points, axis=0), strict=True
    ):
        assert entry == {"axis": axis, "min": pytest.approx(low), "max": pytest.approx(high)}
    assert flaws["blank_clips"] == {"count": 2, "first": ["blank", "blank again"]}
    assert flaws["clips_with_zero_persons"] == {"count": 1, "first": ["zero"]}
    assert flaws["clips_without_torso_length"] == {"count": 1, "first": ["collapsed"]}
    assert flaws["frozen_clips"] == {"count": 1, "first": ["frozen"]}
    assert flaws["duplicate_clips"] == {
        "count": 1,
        "first": [{"clips": ["sound", "copy", "third"], "count": 3}],
    }
    outliers = flaws["outlier_joints"]
    assert outliers["count"] == 2
    assert outliers["by_joint"] == {kinect.joints[7]: 1, kinect.joints[8]: 1}
    places = [(e["clip"], e["joint"], e["frame"], e["person"]) for e in outliers["furthest"]]
    assert places == [("far", kinect.joints[8], 5, 0), ("far", kinect.joints[7], 4, 0)]
    assert outliers["furthest"][0]["torso_lengths"] > 20
    text = describe(summary)
    for part in ("extents (m): x ", "2 blank clips", "1 clips of several frames without any mov",
                 "1 groups of clips with identical poses: sound=copy=third",
                 f"far {kinect.joints[8]} frame 5 ("):  # fmt: skip
        assert part in text


def test_columns_widen_where_few_clips_are_very_long() -> None:
    lengths = np.array([0, *range(10, 40), 5000])
    columns = summarise_lengths(lengths, np.arange(32).astype(str))["length_histogram"]
    assert sum(columns["counts"]) == 31
    assert (columns["edges"][0], columns["edges"][-1]) == (10, 5001)
    assert sum(count > 0 for count in columns["counts"]) > 5


def test_long_lists_are_cut_and_counted(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        for number in range(60):  # 30 pairs of copies, each with one joint that lies off
            coords = np.repeat(poses_of(1, kinect, 3, seed=number // 2).coords, 3, axis=0)
            coords[1, 0, 0] += (25 + number // 2) * body_length(coords[:, 0], kinect.anchors)
            writer.add_clip(Clip(f"c{number}"), {kinect.name: ClipPoses(coords)})
    summary = summarise(ClipDataset.open(tmp_path / "out"))
    outliers = summary["layouts"][kinect.name]["flaws"]["outlier_joints"]
    assert outliers["count"] == 60
    distances = [entry["torso_lengths"] for entry in outliers["furthest"]]
    assert len(distances) == LISTED
    assert distances == sorted(distances, reverse=True)
    copies = summary["layouts"][kinect.name]["flaws"]["duplicate_clips"]
    assert (copies["count"], len(copies["first"])) == (30, LISTED)
    assert len(describe(summary)) < 2000
