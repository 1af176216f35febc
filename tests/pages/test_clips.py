"""Clips in a page: as the viewer sees them, whole or thinned out, gaps left out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ms2l_tf.pages import MovingClips, document
from ms2l_tf.pages.clips import UNIT
from ms2l_tf.pages.viewer import tile
from tests.helpers import REST_POSE, tiny_layout
from tests.page_checks import check_page, held_clips

GAP = -32768
VIEWED = ("+x", "+y", "-z")  # right, up, towards the viewer


def pose(frames: int = 4, persons: int = 1) -> np.ndarray:
    coords = np.tile(REST_POSE, (frames, persons, 1, 1))
    coords[..., 0] += np.arange(persons, dtype=np.float32)[:, None]
    return coords


def packed(
    coords: np.ndarray,
    *,
    directions: tuple[str, ...] = VIEWED,
    present: np.ndarray | None = None,
) -> dict[str, Any]:
    clips = MovingClips()
    clips.add(coords, tiny_layout(), 30.0, directions, present=present, name="a")
    return dict(held_clips(document("a", [tile(0, "a", "a")], clips))["clips"][0])


def test_the_body_stands_in_the_middle_and_fills_the_picture() -> None:
    coords = pose()
    coords[..., 0] += np.arange(4)[:, None, None]  # walks sideways
    data = packed(coords)["data"] / UNIT
    np.testing.assert_allclose(data, np.broadcast_to(data[:1], data.shape), atol=2 / UNIT)
    centred = REST_POSE - np.median(REST_POSE, axis=0)
    size = np.linalg.norm(centred[:, [0, 2]], axis=1).max()  # wider than it is high
    np.testing.assert_allclose(data[0, 0, :, 0], centred[:, 0] / size, rtol=0.01, atol=0.001)
    np.testing.assert_allclose(data[0, 0, :, 2], -centred[:, 2] / size, rtol=0.01, atol=0.001)
    heights = REST_POSE[:, 1] - (REST_POSE[:, 1].min() + REST_POSE[:, 1].max()) / 2
    np.testing.assert_allclose(data[0, 0, :, 1], heights / size, rtol=0.01, atol=0.001)


def test_image_coordinates_are_turned_upright() -> None:
    flat = pose()[..., :2] * np.array([100, -100], np.float32)
    data = packed(flat, directions=("+x", "-y"))["data"]
    assert data.shape == (4, 1, 5, 2)
    assert data[0, 0, 2, 1] == data[0, 0, :, 1].max(), "the neck is on top"


def test_missing_joints_and_absent_persons_are_gaps() -> None:
    coords = pose(persons=3)
    coords[1, 0, 4] = np.nan
    coords[:, 2] = np.nan
    present = np.ones((4, 3), bool)
    present[2, 1] = False
    data = packed(coords, present=present)["data"]
    assert data.shape[1] == 2, "the third person is never seen"
    gaps = (data == GAP).all(axis=-1)
    assert gaps.sum() == 6
    assert gaps[1, 0, 4]
    assert gaps[2, 1].all()


def test_a_blank_clip_is_all_gaps() -> None:
    data = packed(np.full((2, 2, 5, 3), np.nan))["data"]
    assert data.shape == (2, 1, 5, 3)
    assert (data == GAP).all()


def test_far_joints_are_cut_off_at_the_border() -> None:
    coords = pose(400)
    coords[0, 0, 3, 0] = 1e30
    data = packed(coords)["data"]
    assert data[0, 0, 3, 0] == 32767
    assert np.abs(np.delete(data.reshape(-1, 3), 3, axis=0)).max() < 1.5 * UNIT


@pytest.mark.parametrize(
    ("frames", "kept", "stride", "about"),
    [
        (100, 100, 1, ""),
        (101, 51, 2, ""),
        (300, 100, 3, ""),
        (5000, 100, 3, "the first 300 frames"),
    ],
)
def test_long_clips_are_thinned_as_far_as_can_be_followed(
    frames: int, kept: int, stride: int, about: str
) -> None:
    clip = packed(pose(frames))
    assert (clip["frames"], clip["stride"], clip["total"], clip["about"]) == (
        kept,
        stride,
        frames,
        about,
    )
    assert clip["rate"] == pytest.approx(30 / stride)


def test_a_page_is_whole_whatever_names_it_holds() -> None:
    clips = MovingClips()
    evil = '</script><script>alert(1)</script><!-- \u2028 & "'
    clips.add(pose(), tiny_layout(), 30.0, VIEWED, name=evil, class_name=evil, subject=evil)
    page = document(evil, [evil, tile(0, evil, evil)], clips)
    check_page(page)
    assert held_clips(page)["clips"][0]["name"] == evil
    assert "<script>alert" not in page


def test_a_page_without_clips_has_no_script() -> None:
    page = document("empty", ["nothing"], MovingClips())
    check_page(page)
    assert "<script" not in page


def test_layouts_are_held_once() -> None:
    clips = MovingClips()
    for _ in range(3):
        clips.add(pose(), tiny_layout(), 30.0, VIEWED, name="a")
    clips.add(pose()[..., :2], tiny_layout(), 30.0, ("+x", "-y"), name="b")
    layouts = clips.to_json()["layouts"]
    assert [layout["dims"] for layout in layouts] == [3, 2]
    assert layouts[0]["parts"][1] == {"name": "arm_left", "joints": [3], "bones": [(3, 2)]}
    assert json.dumps(layouts)
