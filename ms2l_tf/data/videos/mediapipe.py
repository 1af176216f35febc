"""MediaPipe Pose, asked in a process of an environment of its own."""

from __future__ import annotations

import contextlib
import math
import os
import pathlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np

from ms2l_tf.data.videos.detectors import Follower, PoseDetector
from ms2l_tf.data.videos.mediapipe_worker import HEADER
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.skeletons.layout import load_layout

LAYOUT = "blazepose_33"
# Where `make setup-video` puts the environment: beside the package, in the checkout.
ENVIRONMENT = pathlib.Path(__file__).resolve().parents[3] / ".venv-video"
WORKER = pathlib.Path(__file__).with_name("mediapipe_worker.py")
START_SECONDS = 120.0  # to import MediaPipe from a slow disk
ANSWER_SECONDS = 60.0  # for a batch; and ...
FRAME_SECONDS = 5.0  # ... for each frame of it
_NOISE = ("WARNING:", "INFO:", "W0000", "I0000")  # lines of a worker in good health


class MediaPipeDetector(PoseDetector):
    """Follows one person in the frames of a video.

    Poses are MediaPipe's world landmarks: metres around the middle of the hips, so that a way
    through the room is not in them. The confidence is the visibility; joints out of the picture
    are guessed and have a low one. The worker is isolated: it sees neither this environment nor
    PYTHONPATH, and no file of the package but its script.

    Args:
        environment: of `make setup-video`, or any virtual environment with mediapipe 0.10.21.
        min_visibility: joints of less are missing.
        seconds: to wait for an answer at most; by default by the size of the batch.

    Attributes:
        process: of the worker.

    Raises:
        InputError: there is no such environment, or MediaPipe does not start in it.
    """

    confidence = True

    def __init__(
        self,
        environment: str | os.PathLike[str] = ENVIRONMENT,
        *,
        min_visibility: float = 0.0,
        seconds: float | None = None,
    ) -> None:
        self.environment = pathlib.Path(environment)
        self.layouts = (load_layout(LAYOUT),)
        self.min_visibility = min_visibility
        self._seconds = seconds
        python = self.environment / "bin" / "python"
        if not python.is_file():
            raise InputError(
                f"--video_env={self.environment}: no environment with MediaPipe; make it with "
                "`make setup-video` in a checkout, elsewhere with `python3.11 -m venv FOLDER` and "
                "`FOLDER/bin/pip install mediapipe==0.10.21`"
            )
        with contextlib.ExitStack() as stack:
            self._errors = stack.enter_context(tempfile.TemporaryFile())
            self._socket, theirs = map(stack.enter_context, socket.socketpair())
            self._answers = stack.enter_context(self._socket.makefile("rb"))
            self.process = _start(python, theirs, self._errors)
            stack.callback(self.process.wait)
            stack.callback(self.process.kill)  # it has nothing to save
            theirs.close()  # or its end would not be noticed
            self.name = f"MediaPipe Pose {self._version()}"
            self._stack = stack.pop_all()

    def follow(self, frame_rate: float) -> Follower:
        with self._asking(FRAME_SECONDS):
            self._socket.sendall(HEADER.pack(0, 0, 0))
        return _OnePerson()

    def detect(self, images: np.ndarray) -> list[dict[str, np.ndarray]]:
        shape = (len(images), 1, self.layouts[0].num_joints, 4)  # one person an image
        size = 4 * math.prod(shape)
        with self._asking(self._seconds or ANSWER_SECONDS + FRAME_SECONDS * len(images)):
            self._socket.sendall(HEADER.pack(*images.shape[:3]))
            self._socket.sendall(np.ascontiguousarray(images).data)
            answer = self._answers.read(size)
        if len(answer) < size:
            raise self._failure()
        persons = np.frombuffer(answer, np.float32).reshape(shape).copy()
        persons[..., :3][persons[..., 3] < self.min_visibility] = np.nan
        return [{LAYOUT: person[np.isfinite(person[..., 0]).any(axis=1)]} for person in persons]

    def close(self) -> None:
        self._stack.close()

    def _version(self) -> str:
        with self._asking(START_SECONDS):
            line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._failure()
        return line.decode().strip()

    @contextlib.contextmanager
    def _asking(self, seconds: float) -> Iterator[None]:
        self._socket.settimeout(seconds)
        try:
            yield
        except TimeoutError:
            raise InputError(
                f"--video_env={self.environment}: MediaPipe has not answered for {seconds:g} s; "
                "try a smaller --batch"
            ) from None
        except OSError:
            raise self._failure() from None

    def _failure(self) -> InputError:
        """What to tell when the worker has ended."""
        status = self.process.wait(FRAME_SECONDS)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        told = [line.strip() for line in lines if line.strip() and not line.startswith(_NOISE)]
        reason = f"status {status}" + (f": {told[-1]}" if told else "")
        return InputError(
            f"--video_env={self.environment}: MediaPipe has stopped ({reason}); if it does so "
            "again, remove this environment and `make setup-video`"
        )


def _start(
    python: pathlib.Path, theirs: socket.socket, errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [str(python), "-I", str(WORKER)],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=errors,
        )
    except OSError as error:
        raise InputError(f"--video_env: {python}: cannot be run ({one_line(error)})") from None


class _OnePerson:
    """All that is found is the same person, however long it was out of sight."""

    def update(self, points: np.ndarray) -> np.ndarray:
        return np.zeros(len(points), np.int64)
