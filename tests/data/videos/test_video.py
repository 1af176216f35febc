from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from ms2l_tf.data.videos.video import BadVideo, VideoHeader, find_videos, read_batches, read_header
from ms2l_tf.errors import InputError
from tests.data.videos.fakes import write_video

FRAMES = np.random.default_rng(0).integers(0, 256, (11, 16, 24, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "a.mov", FRAMES)


def test_frames_come_as_they_were_written(video: Path) -> None:
    assert read_header(video) == VideoHeader(10.0, 11)
    batches = list(read_batches(video, 4))
    assert [len(batch) for batch in batches] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(batches), FRAMES)


@pytest.mark.parametrize(
    ("rate", "picked"),
    [(10.0, list(range(11))), (5.0, [0, 2, 4, 6, 8, 10]), (4.0, [0, 3, 5, 8, 10]), (1.0, [0, 10])],
)
def test_frames_nearest_in_time_are_picked(video: Path, rate: float, picked: list[int]) -> None:
    np.testing.assert_array_equal(np.concatenate([*read_batches(video, 3, rate)]), FRAMES[picked])


def test_a_video_filmed_upright_is_turned(video: Path, tmp_path: Path) -> None:
    content = bytearray(video.read_bytes())
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    start = content.index(plain, content.index(b"tkhd"))
    content[start : start + len(plain)] = clockwise
    (tmp_path / "upright.mov").write_bytes(content)
    (turned,) = read_batches(tmp_path / "upright.mov", 100)
    np.testing.assert_array_equal(turned, np.rot90(FRAMES, -1, axes=(1, 2)))


def sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))


def damaged(path: Path) -> None:
    write_video(path, FRAMES)
    content = bytearray(path.read_bytes())
    content[2000:6000] = bytes(4000)
    path.write_bytes(content)


def no_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height, stream.pix_fmt = 24, 16, "rgb24"
        container.start_encoding()


def use(path: Path) -> None:
    read_header(path)
    list(read_batches(path, 4))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("text.mp4", lambda path: path.write_text("no video " * 50), "cannot be read as a video"),
        ("nothing.mp4", lambda path: path.touch(), "cannot be read as a video"),
        ("sound.mov", sound, "has no pictures, only sound or text"),
        ("damaged.mov", damaged, "frame .* cannot be decoded"),
        ("header.avi", no_frames, "has no frames"),
    ],
)
def test_videos_that_cannot_be_used(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(BadVideo, match=f"^{name}: {message}") as caught:
        use(path)
    assert "\n" not in str(caught.value)


def test_without_the_reader_the_extra_is_named(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"needs PyAV: pip install 'ms2l-tf\[video\]'") as caught:
        read_header(video)
    assert not isinstance(caught.value, BadVideo)


def test_videos_are_found_and_named(tmp_path: Path) -> None:
    for file in ("b.mp4", "a.MOV", "a.avi", "sub/b.mkv", "notes.txt"):
        (tmp_path / "in" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / file).touch()
    found = find_videos(tmp_path / "in")
    names = {video.file: video.name for video in found}
    assert names == {"a.MOV": "a.MOV", "a.avi": "a.avi", "b.mp4": "b", "sub/b.mkv": "sub/b"}
    (one,) = find_videos(tmp_path / "in" / "sub" / "b.mkv")
    assert (one.name, one.file) == ("b", "b.mkv")


def test_videos_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--source=.*: no video in it \(\.avi"):
        find_videos(tmp_path)
    with pytest.raises(InputError, match=r"--source=.*: no such file or folder"):
        find_videos(tmp_path / "a.mp4")
    for file in ("a.mp4.mov", "a.mp4", "a.avi"):
        (tmp_path / file).touch()
    with pytest.raises(InputError, match=r"--source=.*: two videos are called a\.mp4; rename one"):
        find_videos(tmp_path)
