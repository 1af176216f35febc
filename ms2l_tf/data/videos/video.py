"""Finding videos and reading their frames. PyAV, the reader, is the optional extra `video`."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ms2l_tf.errors import InputError, one_line

if TYPE_CHECKING:
    import av

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")
SAME_RATE = 0.01  # 29.97 and 30 frames a second are one rate


class BadVideo(InputError):
    """One video cannot be used; others can."""


@dataclasses.dataclass(frozen=True)
class Video:
    """A file to read.

    Attributes:
        name: of its clip.
        file: how a table of labels names it: its path below the folder it was found in.
        path: to open.
    """

    name: str
    file: str
    path: pathlib.Path


@dataclasses.dataclass(frozen=True)
class VideoHeader:
    """Frames a second, and the number of frames as far as the file says (0: it doesn't)."""

    frame_rate: float
    num_frames: int


def find_videos(source: str | os.PathLike[str]) -> list[Video]:
    """The video that was named, or all those below the folder that was named.

    A clip is called like its file without the ending, or with it where two would share the name.

    Raises:
        InputError: nothing is there, a folder without videos, two clips of one name.
    """
    path = pathlib.Path(source)
    if path.is_file():
        named = [(path.name, path)]
    elif path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
        if not files:
            raise InputError(f"--source={path}: no video in it ({', '.join(SUFFIXES)})")
        named = [(file.relative_to(path).as_posix(), file) for file in files]
    else:
        raise InputError(f"--source={path}: no such file or folder")
    stems = [file.removesuffix(path.suffix) for file, path in named]
    shared = collections.Counter(stems)
    videos = [
        Video(stem if shared[stem] == 1 else file, file, path)
        for stem, (file, path) in zip(stems, named, strict=True)
    ]
    twice = [
        name for name, count in collections.Counter(v.name for v in videos).items() if count > 1
    ]
    if twice:
        raise InputError(f"--source={path}: two videos are called {twice[0]}; rename one")
    return videos


def read_header(path: pathlib.Path) -> VideoHeader:
    """What a video says of itself.

    Raises:
        BadVideo: it cannot be read or has no frame rate.
        InputError: the extra `video` is missing.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        if not rate > 0:
            raise BadVideo(f"{path.name}: has no frame rate; encode it anew")
        seconds = container.duration / 1e6 if container.duration else 0.0
        return VideoHeader(rate, stream.frames or round(seconds * rate))


def read_batches(path: pathlib.Path, size: int, rate: float = 0.0) -> Iterator[np.ndarray]:
    """The frames of a video as it is meant to be shown, turned as its header says.

    Args:
        path: of the video.
        size: frames in a batch; the last may have fewer.
        rate: frames a second to pick from it, those nearest in time; 0 takes all.

    Yields:
        uint8 [N, H, W, 3], RGB.

    Raises:
        BadVideo: a frame cannot be decoded or has another size than the first; no frame at all.
    """
    batch: list[np.ndarray] = []
    shape: tuple[int, ...] = ()
    for image in _images(path, rate):
        shape = shape or image.shape
        if image.shape != shape:
            raise BadVideo(f"{path.name}: the size of its frames changes; encode it anew")
        batch.append(image)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
    if not shape:
        raise BadVideo(f"{path.name}: has no frames")


def _images(path: pathlib.Path, rate: float) -> Iterator[np.ndarray]:
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        own_rate = float(stream.average_rate or stream.guessed_rate or 0) or rate
        start, taken = 0.0, 0
        for count, frame in enumerate(_decoded(container, path)):
            time = count / own_rate if frame.time is None else frame.time
            start = start if count else time
            image = None
            # Half a frame early, so that of two frames the one nearer to the wanted time is taken.
            while not rate or time - start + 0.5 / own_rate > taken / rate:
                if image is None:
                    turns = round(frame.rotation / 90)  # anticlockwise, as np.rot90 counts
                    image = np.rot90(frame.to_ndarray(format="rgb24"), turns)
                taken += 1
                yield image
                if not rate:
                    break


def _decoded(container: av.container.InputContainer, path: pathlib.Path) -> Iterator[av.VideoFrame]:
    frames = container.decode(video=0)
    count = 0
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except (_library().FFmpegError, OSError) as error:
            raise BadVideo(
                f"{path.name}: frame {count} cannot be decoded ({_reason(error)})"
            ) from None
        yield frame
        count += 1


def _opened(path: pathlib.Path) -> av.container.InputContainer:
    library = _library()
    try:
        container = library.open(str(path))
    except (library.FFmpegError, OSError) as error:
        raise BadVideo(f"{path.name}: cannot be read as a video ({_reason(error)})") from None
    if not container.streams.video:
        container.close()
        raise BadVideo(f"{path.name}: has no pictures, only sound or text")
    opened: av.container.InputContainer = container
    return opened


def _library() -> ModuleType:
    try:
        import av
    except ImportError:
        raise InputError(
            "--format=video: reading videos needs PyAV: pip install 'ms2l-tf[video]'"
        ) from None
    return av


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or one_line(error)
