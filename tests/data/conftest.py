"""A small dataset of two layouts, and NW-UCLA files made up for the tests."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

CLIPS = (
    Clip("walk_1", 0, subject="1", camera="a", source="r1", start=10, end=14),
    Clip("walk_2", 0, subject="2", camera="b"),
    Clip("wave_1", 1, subject="1", camera="b"),
    Clip("wave_2", 1, subject="2", camera="a"),
    Clip("unknown", -1, subject="3", camera="a"),
)
LENGTHS_3D = (4, 1, 7, 3, 2)
LENGTHS_2D = (8, 0, 5, 6, 0)


def poses_of(length: int, layout: SkeletonLayout, coords: int, seed: int = 0) -> ClipPoses:
    random = np.random.default_rng([seed, length])
    return ClipPoses(random.normal(size=(length, 1, layout.num_joints, coords)).astype(np.float32))


@pytest.fixture
def kinect() -> SkeletonLayout:
    return load_layout("kinect_v1_20")


@pytest.fixture
def coco() -> SkeletonLayout:
    return load_layout("coco_17")


def new_writer(out: pathlib.Path) -> DatasetWriter:
    return DatasetWriter(
        out, name="tiny", label_names=("walk", "wave"), source="made up", licence="none"
    )


@pytest.fixture
def tiny(tmp_path: pathlib.Path, kinect: SkeletonLayout, coco: SkeletonLayout) -> ClipDataset:
    """Five clips; two persons in 3-D, one with confidence in 2-D, which two clips lack."""
    with new_writer(tmp_path / "tiny") as writer:
        axes = Axes("+y", "+z", "right")
        writer.add_layout(kinect, frame_rate=30.0, unit="m", axes=axes, num_persons=2)
        writer.add_layout(coco, frame_rate=60.0, unit="px", num_coords=2, confidence=True)
        for seed, (clip, long, flat) in enumerate(zip(CLIPS, LENGTHS_3D, LENGTHS_2D, strict=True)):
            poses = {kinect.name: poses_of(long, kinect, 3, seed)}
            if flat:
                poses[coco.name] = poses_of(flat, coco, 2, seed)
                poses[coco.name].confidence = np.full((flat, 1, 17), 0.5, np.float32)
            writer.add_clip(clip, poses)
        writer.add_split("by_camera", train=["walk_1", "wave_2"], test=["walk_2", "wave_1"])
    return ClipDataset.open(tmp_path / "tiny")


WriteJson = Callable[..., pathlib.Path]


def nw_ucla_content(name: str, frames: int = 5, **changes: Any) -> dict[str, Any]:
    """What the JSON file of clip `name` holds, with poses that depend on the name."""
    actions = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
    random = np.random.default_rng(list(name.encode()))
    skeletons = random.normal(loc=(0, 0, 10), size=(frames, 20, 3))
    label = str(actions.index(int(name[1:3])) + 1)
    return {"file_name": name, "skeletons": skeletons.tolist(), "label": label} | changes


@pytest.fixture
def nw_ucla_folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """40 valid clips: actions 1 and 12, subjects 1 to 4, views 1 to 3 and a fourth take."""
    folder = tmp_path / "all_sqe"
    folder.mkdir()
    for action in (1, 12):
        for subject in (1, 2, 3, 4):
            for take, view in ((0, 1), (0, 2), (0, 3), (1, 1), (1, 3)):
                name = f"a{action:02}_s{subject:02}_e{take:02}_v{view:02}"
                content = json.dumps(nw_ucla_content(name, frames=2 + take + subject))
                (folder / f"{name}.json").write_text(content, encoding="utf-8")
    return folder
