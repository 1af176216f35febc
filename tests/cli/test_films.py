"""MediaPipe itself: films of a photograph of a person become a dataset, a drawing and features.

The photograph is Matplotlib's own (Grace Hopper, head and shoulders). It leans from side to side or
trembles, and goes dark for a while. Needs the environment that `make test-slow` makes.
"""

from __future__ import annotations

from pathlib import Path

import av
import matplotlib.cbook
import matplotlib.image
import numpy as np
import pytest
from scipy import ndimage  # type: ignore[import-untyped]

import ms2l_tf
from ms2l_tf.data import ClipDataset
from ms2l_tf.data.videos.mediapipe import ENVIRONMENT, LAYOUT
from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

FRAMES, RATE = 24, 15
LEAN = np.sin(2 * np.pi * np.arange(FRAMES) / FRAMES)  # anticlockwise in the picture
DARK = slice(8, 16)


def photograph() -> np.ndarray:
    """uint8 [300, 256, 3]."""
    file = str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return np.asarray(matplotlib.image.imread(file)[::2, ::2])


def write_film(path: Path, pictures: np.ndarray) -> None:
    """As a telephone would: H.264, with losses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lean/0 to 3 and still/0 to 3; still/3 is dark for a third of its time."""
    folder, photo = tmp_path_factory.mktemp("films"), photograph()
    for number in range(4):
        angles = (8 + 3 * number) * LEAN
        turned = [ndimage.rotate(photo, a, reshape=False, order=1, mode="nearest") for a in angles]
        write_film(folder / "lean" / f"{number}.mp4", np.stack(turned))
        shifts = 3 * number + np.arange(FRAMES) % 2
        still = np.stack([np.roll(photo, shift, axis=1) for shift in shifts])
        if number == 3:
            still[DARK] = 0
        write_film(folder / "still" / f"{number}.mp4", still)
    return folder


@pytest.fixture
def prepared(films: Path, command: Command) -> Path:
    """The dataset, made once."""
    out = films.parent / f"{films.name}_dataset"
    if not out.exists():
        assert (ENVIRONMENT / "bin" / "python").is_file(), "make setup-video"
        assert command("prepare", "--format=video", f"--source={films}", f"--out={out}") == 0
    return out


def shoulders(poses: np.ndarray) -> np.ndarray:
    """From right to left, [T, 3]; the left one is on the right of the picture."""
    return poses[:, 11] - poses[:, 12]


def test_a_person_comes_out(prepared: Path) -> None:
    dataset = ClipDataset.open(prepared)
    assert dataset.source == "videos, poses detected by MediaPipe Pose 0.10.21"
    assert (dataset.label_names, dataset.labels.tolist()) == (("lean", "still"), [0] * 4 + [1] * 4)
    store = dataset.poses(LAYOUT)
    assert store.confidence is not None
    for clip in range(8):
        poses = store.poses(clip)
        assert poses.coords.shape == (FRAMES, 1, 33, 3)
        assert poses.present is not None
        assert poses.confidence is not None
        there = poses.present[:, 0]
        dark = np.zeros(FRAMES, bool)
        dark[DARK] = clip == 7
        np.testing.assert_array_equal(there, ~dark)
        body = poses.coords[there, 0]
        nose, left, right = body[:, 0], body[:, 11], body[:, 12]
        breadth = np.linalg.norm(left - right, axis=-1)
        assert (breadth > 0.2).all() and (breadth < 0.5).all()  # noqa: PT018 (one fact)
        assert (left[:, 0] > right[:, 0]).all()
        assert (nose[:, 1] < left[:, 1]).all()  # y points down
        assert (nose[:, 2] < (left + right)[:, 2] / 2).all()  # z away from the camera
        seen = poses.confidence[there, 0]
        assert seen[:, [0, 11, 12]].min() > 0.9
        assert seen[:, 25:].max() < 0.5  # the legs are out of the picture


def test_the_body_leans_as_the_photograph_is_turned(prepared: Path) -> None:
    store = ClipDataset.open(prepared).poses(LAYOUT)
    spans = []
    for clip in range(8):
        across = shoulders(store.poses(clip).coords[:, 0])
        angles = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
        spans.append(float(np.nanmax(angles) - np.nanmin(angles)))
        if clip < 4:  # anticlockwise: the right of the picture goes up, and y is down
            assert np.corrcoef(angles, -LEAN)[0, 1] > 0.8
    assert min(spans[:4]) > 1.5 * max(spans[4:])


def test_guessed_joints_may_be_left_out(films: Path, tmp_path: Path, command: Command) -> None:
    source, out = films / "still" / "0.mp4", tmp_path / "out"
    flags = (f"--source={source}", f"--out={out}", "--min_visibility=0.5", "--frame_rate=5")
    assert command("prepare", "--format=video", *flags) == 0
    store = ClipDataset.open(out).poses(LAYOUT)
    coords = store.poses(0).coords[:, 0]
    assert (store.frame_rate, len(coords)) == (5.0, FRAMES * 5 // RATE)
    assert np.isfinite(coords[:, :13]).all()
    assert np.isnan(coords[:, 25:]).all()


def test_it_is_drawn_and_embedded(prepared: Path, tmp_path: Path, command: Command) -> None:
    assert command("prepare", f"--inspect={prepared}", f"--out={tmp_path}") == 0
    sheet = matplotlib.image.imread(tmp_path / f"contact_sheet_{LAYOUT}.png")
    assert (sheet.min(axis=-1) < 0.9).mean() > 0.01  # ink
    dataset = ClipDataset.open(prepared)
    kernels = ms2l_tf.Kernels(settings={"mixes": 50, "dims": 8, "validation": "none"})
    features = kernels.fit(dataset).transform(dataset)
    assert features.shape == (8, 8)
    distances = np.linalg.norm(features[:, None] - features, axis=-1) + np.diag([np.inf] * 8)
    same = dataset.labels[distances.argmin(axis=1)] == dataset.labels
    assert same.sum() >= 6
