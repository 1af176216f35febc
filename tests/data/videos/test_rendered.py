"""A film of stick figures that move like people: found in its pictures, followed, written.

Three persons of the synthetic motions, drawn at a centimetre a pixel: two walk through each other
at different depths, one of them out of sight for less than a second; the third goes away for longer
and comes back.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.data.videos.detectors import PoseDetector
from ms2l_tf.data.videos.extract import extract_poses
from ms2l_tf.skeletons.layout import load_layout
from tests.data.videos.fakes import write_video

LAYOUT = load_layout("kinect_v2_25")
RATE, FRAMES = 30, 120
SIZE = (260, 440)  # pixels of a centimetre
NEAREST, STEP = 2.0, 0.02  # metres: depth as a colour
STEPS = np.arange(FRAMES)
# x and depth of the walkers in metres, and when they are in the picture.
PATHS = (
    (np.linspace(-1.4, 1.4, FRAMES), 3.0, STEPS >= 0),
    (np.linspace(1.4, -1.4, FRAMES), 3.8, (STEPS < 80) | (STEPS >= 100)),
    (np.full(FRAMES, 0.3), 4.8, (STEPS < 30) | (STEPS >= 85)),
)


def performed(folder: Path) -> np.ndarray:
    """Poses of the three, [FRAMES, 3, J, 3] in metres; NaN while a person is away."""
    clips = generate(folder, clips=48, seed=3, layouts=[LAYOUT.name], progress=False)
    store = clips.poses(LAYOUT.name)
    poses = np.full((FRAMES, len(PATHS), LAYOUT.num_joints, 3), np.nan)
    for person, (x, depth, there) in enumerate(PATHS):
        coords = store.poses(int(np.argsort(store.lengths)[-1 - person])).coords[:, 0]
        coords = coords[np.abs((STEPS + len(coords) - 1) % (2 * len(coords) - 2) - len(coords) + 1)]
        coords = (coords - coords[0].mean(axis=0)) * [1.0, -1.0, 1.0]
        place = np.stack([x, np.zeros(FRAMES), np.full(FRAMES, depth)], axis=-1)
        poses[there, person] = (coords + place[:, None])[there]
    return poses


def draw(persons: np.ndarray) -> np.ndarray:
    """A picture of persons [P, J, 3]: grey bones; a joint's colour is its number, depth, person."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    for person in sorted(range(len(persons)), key=lambda p: -np.nanmean(persons[p, :, 2])):
        pose = persons[person]
        pixels = np.round(100 * pose[:, 1::-1] + np.array(SIZE) / 2).astype(int)
        for a, b in LAYOUT.edges:
            line = np.round(np.linspace(pixels[a], pixels[b], 60)).astype(int)
            picture[line[:, 0], line[:, 1]] = 60
        for joint, (row, column) in enumerate(pixels):
            depth = round((pose[joint, 2] - NEAREST) / STEP)
            picture[row, column] = joint + 1, depth, 100 + 50 * person
    return picture


class PixelDetector(PoseDetector):
    """Reads stick figures from left to right: the order says nothing of who is who."""

    name = "pixels"
    layouts = (LAYOUT,)

    def detect(self, images: np.ndarray) -> list[dict[str, np.ndarray]]:
        return [{LAYOUT.name: self._persons(image)} for image in images]

    def _persons(self, image: np.ndarray) -> np.ndarray:
        found = []
        for person in np.unique(image[image[..., 2] >= 100, 2]):
            rows, columns = np.nonzero(image[..., 2] == person)
            joints, depths, _ = image[rows, columns].astype(int).T
            pose = np.full((LAYOUT.num_joints, 3), np.nan, np.float32)
            places = (np.stack([columns, rows], axis=-1) - np.array(SIZE[::-1]) / 2) / 100
            pose[joints - 1] = np.column_stack([places, NEAREST + STEP * depths])
            found.append(pose)
        found.sort(key=lambda pose: float(np.nanmean(pose[:, 0])))
        return np.array(found, np.float32).reshape(-1, LAYOUT.num_joints, 3)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, ClipDataset]:
    folder = tmp_path_factory.mktemp("rendered")
    truth = performed(folder / "motions")
    pictures = [draw(frame[~np.isnan(frame[:, 0, 0])]) for frame in truth]
    video = write_video(folder / "film.mov", np.stack(pictures), RATE)
    dataset, report = extract_poses(video, PixelDetector, folder / "out", persons=4, progress=False)
    assert report.more_persons == {}
    return truth, dataset


def test_everyone_keeps_a_row_through_crossings_and_short_gaps(
    filmed: tuple[np.ndarray, ClipDataset],
) -> None:
    truth, dataset = filmed
    poses = dataset.poses(LAYOUT.name).poses(0)
    assert poses.present is not None
    assert poses.coords.shape == (FRAMES, 4, LAYOUT.num_joints, 3)
    there = [path[2] for path in PATHS]
    # Whoever is away for more than a second is a new person then: the shorter track comes last.
    spans = {(0,): there[0], (1,): there[1], (2, 0): STEPS >= 85, (2, 1): STEPS < 30}
    rows = []
    for (person, *_), span in spans.items():
        (row,) = np.flatnonzero((poses.present == span[:, None]).all(axis=0))
        error = np.abs(poses.coords[span, row] - truth[span, person])
        assert np.nanmax(error) < 0.011  # half a pixel, half a step of depth
        assert np.isfinite(error).mean() > 0.9  # the others are hidden by who stands in front
        rows.append(int(row))
    assert sorted(rows[:2]) == [0, 1]
    assert rows[2:] == [2, 3]


def test_the_walkers_change_sides_in_the_film(filmed: tuple[np.ndarray, ClipDataset]) -> None:
    """What the test above would not see if nobody crossed."""
    truth, _ = filmed
    left, right = (truth[:, person, :, 0].mean(axis=1) for person in (0, 1))
    assert left[0] < right[0] - 2.0
    assert left[-1] > right[-1] + 2.0
