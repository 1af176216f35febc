"""The process boundary, with the real worker around a MediaPipe made here."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.data.videos.extract import extract_poses
from ms2l_tf.data.videos.mediapipe import LAYOUT, MediaPipeDetector
from ms2l_tf.errors import InputError
from tests.data.videos.fake_mediapipe import make_environment, with_python
from tests.data.videos.fakes import RATE, write_video

CRASH, HANG, FAIL = (255, 255, 0), (255, 254, 0), (255, 253, 0)


def frames(*colours: tuple[int, int, int]) -> np.ndarray:
    """Pictures uint8 [N, 4, 6, 3] of one colour each."""
    return np.tile(np.array(colours, np.uint8)[:, None, None], (1, 4, 6, 1))


def landmarks(red: int, green: int, resets: int) -> np.ndarray:
    return np.array([red, green, resets]) / 100 + np.arange(33)[:, None]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("video") / "env")


@pytest.fixture
def detector(environment: Path) -> Iterator[MediaPipeDetector]:
    with contextlib.closing(MediaPipeDetector(environment)) as opened:
        yield opened


def test_landmarks_are_poses_of_one_person_or_of_nobody(detector: MediaPipeDetector) -> None:
    assert detector.name == "MediaPipe Pose 0.0.1"
    assert [layout.name for layout in detector.layouts] == [LAYOUT]
    detector.follow(30.0)
    images = frames((10, 20, 255), (0, 0, 0), (30, 40, 51))
    first, nobody, last = (frame[LAYOUT] for frame in detector.detect(images))
    assert first.dtype == np.float32
    assert (first.shape, nobody.shape) == ((1, 33, 4), (0, 33, 4))
    np.testing.assert_allclose(first[0, :, :3], landmarks(10, 20, 1), rtol=1e-6)
    np.testing.assert_allclose(last[0, :, 3], 0.2, rtol=1e-6)
    # Another video, of another size, from a view that is not contiguous.
    follower = detector.follow(30.0)
    (turned,) = detector.detect(np.rot90(frames((10, 20, 255)), axes=(1, 2)))
    np.testing.assert_allclose(turned[LAYOUT][0, :, :3], landmarks(10, 20, 2), rtol=1e-6)
    assert follower.update(np.zeros((1, 3))).tolist() == [0]
    assert follower.update(np.zeros((0, 3))).tolist() == []


def test_what_is_hardly_visible_may_be_missing(environment: Path) -> None:
    with contextlib.closing(MediaPipeDetector(environment, min_visibility=0.5)) as detector:
        seen, hidden = detector.detect(frames((10, 20, 128), (10, 20, 127)))
    assert np.isfinite(seen[LAYOUT]).all()
    assert len(hidden[LAYOUT]) == 0


def test_a_film_becomes_a_clip_of_one_person(environment: Path, tmp_path: Path) -> None:
    colours = [(10 + t, 20, 255) for t in range(40)]
    colours[5:25] = [(0, 0, 0)] * 20  # two seconds out of sight: still the same person
    video = write_video(tmp_path / "films" / "walk" / "a.mov", frames(*colours))
    dataset, report = extract_poses(
        video.parents[1],
        lambda: MediaPipeDetector(environment),
        tmp_path / "out",
        persons=1,
        progress=False,
    )
    store = dataset.poses(LAYOUT)
    poses = store.poses(0)
    assert (store.unit, store.frame_rate, dataset.label_names) == ("m", float(RATE), ("walk",))
    assert poses.coords.shape == (40, 1, 33, 3)
    assert poses.present is not None
    there = np.array([colour[0] > 0 for colour in colours])
    np.testing.assert_array_equal(poses.present[:, 0], there)
    np.testing.assert_allclose(poses.coords[39, 0], landmarks(49, 20, 1), rtol=1e-6)
    assert np.isnan(poses.coords[~there]).all()
    np.testing.assert_array_equal(poses.confidence, np.tile(there[:, None, None], (1, 1, 33)))
    assert (report.model, report.more_persons) == ("MediaPipe Pose 0.0.1", {})
    assert dataset.source == "videos, poses detected by MediaPipe Pose 0.0.1"


def test_an_unreadable_test_film_counts(environment: Path, tmp_path: Path) -> None:
    for number in range(20):
        write_video(tmp_path / "films" / f"{number}.mov", frames((10, 20, 255)))
    (tmp_path / "films" / "bad.mov").write_text("no film")
    table = tmp_path / "labels.csv"
    table.write_text("file,label,split\n0.mov,a,train\nbad.mov,a,test\n")
    dataset, report = extract_poses(
        tmp_path / "films",
        lambda: MediaPipeDetector(environment),
        tmp_path / "out",
        labels=table,
        persons=1,
        progress=False,
    )
    assert list(report.blanked) == ["bad"]
    blank = dataset.poses(LAYOUT).poses(dataset.names.tolist().index("bad"))
    assert blank.confidence is not None
    assert not blank.confidence.any()


@pytest.mark.parametrize(
    ("colour", "message"),
    [
        (
            CRASH,
            r"MediaPipe has stopped \(status 7: a library that talks\); if it does so",
        ),
        (FAIL, r"MediaPipe has stopped \(status 1: RuntimeError: the graph is broken\)"),
        (HANG, r"MediaPipe has not answered for 1 s; try a smaller --batch"),
    ],
)
def test_a_worker_that_fails_is_one_line_and_is_gone(
    environment: Path, tmp_path: Path, colour: tuple[int, int, int], message: str
) -> None:
    video = write_video(tmp_path / "a.mov", frames((10, 20, 255), colour, (10, 20, 255)))
    opened = []

    def open_detector() -> MediaPipeDetector:
        opened.append(MediaPipeDetector(environment, seconds=1.0))
        return opened[0]

    with pytest.raises(InputError, match=message) as caught:
        extract_poses(video, open_detector, tmp_path / "out", batch=1, progress=False)
    assert str(caught.value).startswith(f"--video_env={environment}: ")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mov"]
    assert opened[0].process.poll() is not None


def test_a_worker_without_its_user_ends(environment: Path) -> None:
    detector = MediaPipeDetector(environment)
    detector._socket.shutdown(2)  # as if this process had been killed
    deadline = time.monotonic() + 20
    while detector.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert detector.process.poll() == 0
    detector.close()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\nexit 3\n", r"has stopped \(status 3\)"),
        ("#!/bin/sh\necho oh dear >&2\nexit 1\n", r"has stopped \(status 1: oh dear\)"),
        (
            f'#!/bin/sh\nexec {sys.executable} "$@"\n',
            r"has stopped \(status 1: ModuleNotFoundError",
        ),
        ("no script", r"bin/python: cannot be run"),
    ],
)
def test_environments_without_media_pipe(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        MediaPipeDetector(with_python(tmp_path / "env", script))


def test_no_environment(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no environment with MediaPipe.*`make setup-video`"):
        MediaPipeDetector(tmp_path)
