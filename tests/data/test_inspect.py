from __future__ import annotations

import json
import pathlib

import matplotlib.image
import numpy as np
import pytest

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data import inspect as inspect_module
from ms2l_tf.data.contact_sheet import save_contact_sheet
from ms2l_tf.data.inspect import describe, summarise
from ms2l_tf.skeletons.layout import SkeletonLayout
from tests.data.conftest import new_writer, poses_of


def test_counts(tiny: ClipDataset) -> None:
    summary = summarise(tiny)
    assert summary["by_class"] == {"walk": 2, "wave": 2}
    assert summary["unlabelled"] == 1
    assert summary["by_subject"] == {"1": 2, "2": 2, "3": 1}
    assert summary["by_camera"] == {"a": 3, "b": 2}
    deep, flat = summary["layouts"]["kinect_v1_20"], summary["layouts"]["coco_17"]
    assert deep["lengths"] == {"min": 1, "median": 3.0, "max": 7}
    assert (deep["one_frame_clips"], deep["frames"], deep["clips"]) == (1, 17, 5)
    assert flat["lengths"] == {"min": 5, "median": 6.0, "max": 8}
    assert flat["clips"] == 3
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
