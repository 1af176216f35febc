"""Small datasets for tests of what works on datasets."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.skeletons import load_layout

AXES = Axes(up="+y", forward="+z", handedness="right")
LAYOUT, OTHER = "kinect_v2_25", "coco_17"
CLASSES = ("nod", "bow", "wave")


def make(
    out: pathlib.Path,
    *,
    name: str = "mine",
    clips: int = 12,
    classes: Sequence[str] = CLASSES,
    layout: str = LAYOUT,
    seed: int = 0,
    frames: int = 20,
    **settings: Any,
) -> ClipDataset:
    """Clips `c00`, ... of 3-D poses of two persons, one of them absent at times, and some in 2-D.

    Three subjects and two cameras take turns; the split `given` tests on subject 2. 2-D poses come
    at half the frame rate with confidence, for every other clip.
    """
    random = np.random.default_rng(seed)
    shared = {"frame_rate": 30.0, "unit": "m", "axes": AXES, **settings}
    with DatasetWriter(
        out, name=name, label_names=classes, source=f"source of {name}", licence="free"
    ) as writer:
        writer.add_layout(load_layout(layout), num_persons=2, **shared)
        writer.add_layout(
            load_layout(OTHER), frame_rate=15.0, unit="px", num_coords=2, confidence=True
        )
        for number in range(clips):
            length = frames + number
            clip = Clip(
                f"c{number:02}",
                number % len(classes),
                subject=str(number % 3),
                camera=str(number % 2),
            )
            writer.add_clip(clip, _poses(random, layout, length, flat=number % 2 == 0))
        names = [f"c{number:02}" for number in range(clips)]
        test = [name for number, name in enumerate(names) if number % 3 == 2]
        writer.add_split("given", train=[n for n in names if n not in test], test=test)
    return ClipDataset.open(out)


def _poses(
    random: np.random.Generator, layout: str, length: int, *, flat: bool
) -> dict[str, ClipPoses]:
    coords = random.normal(size=(length, 2, load_layout(layout).num_joints, 3))
    coords[:, 0, 3] = np.nan
    present = np.ones((length, 2), np.bool_)
    present[: length // 2, 1] = False
    poses = {layout: ClipPoses(coords.astype(np.float32), present)}
    if flat:
        picture = random.normal(size=(length // 2, 1, 17, 2)).astype(np.float32)
        scores = random.uniform(size=(length // 2, 1, 17)).astype(np.float32)
        poses[OTHER] = ClipPoses(picture, None, scores)
    return poses


def content(dataset: ClipDataset) -> dict[str, Any]:
    """All that a dataset says of each clip, with its class by name."""
    held = {}
    for number, clip in enumerate(dataset.clips):
        poses = {layout: dataset.poses(layout).poses(number) for layout in dataset.layouts}
        label = dataset.label_names[clip.label] if clip.label >= 0 else ""
        held[clip.name] = (label, clip.subject, clip.camera, poses)
    return held


def assert_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """The contents of two datasets are equal to the bit, whatever the order of their clips."""
    assert set(one) == set(other)
    for name, (*row, poses) in one.items():
        *other_row, other_poses = other[name]
        assert row == other_row
        assert set(poses) == set(other_poses)
        for layout, held in poses.items():
            for field in ("coords", "present", "confidence"):
                expected = getattr(other_poses[layout], field)
                np.testing.assert_array_equal(getattr(held, field), expected)


def sides(dataset: ClipDataset, name: str) -> tuple[list[str], list[str]]:
    """Names of the training and the test clips of a split."""
    split = dataset.split(name)
    train, test = (
        [dataset.clips[index].name for index in side] for side in (split.train, split.test)
    )
    return train, test
