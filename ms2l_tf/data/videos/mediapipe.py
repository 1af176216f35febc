"""MediaPipe Pose, asked in a process of an environment of its own."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import tempfile

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
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._socket, theirs = socket.socketpair()
        self._answers = self._socket.makefile("rb")
        with theirs:
            self._worker = subprocess.Popen(
                [str(python), "-I", str(WORKER)],
                stdin=theirs,
                stdout=theirs,
                stderr=self._errors,
            )
        try:
            self.name = f"MediaPipe Pose {self._version()}"
        except BaseException:
            self.close()
            raise

    def follow(self, frame_rate: float) -> Follower:
        self._send(HEADER.pack(0, 0, 0), FRAME_SECONDS)
        return _OnePerson()

    def detect(self, images: np.ndarray) -> list[dict[str, np.ndarray]]:
        count, height, width, _ = images.shape
        seconds = self._seconds or ANSWER_SECONDS + FRAME_SECONDS * count
        self._send(HEADER.pack(count, height, width), seconds)
        self._send(np.ascontiguousarray(images).data, seconds)
        shape = (count, self.layouts[0].num_joints, 4)
        answer = self._receive(4 * int(np.prod(shape)), seconds)
        persons = np.frombuffer(answer, np.float32).reshape(shape)[:, None].copy()  # one an image
        persons[..., :3][persons[..., 3] < self.min_visibility] = np.nan
        return [{LAYOUT: person[np.isfinite(person[..., 0]).any(axis=1)]} for person in persons]

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
        self._worker.kill()  # it has nothing to save
        self._worker.wait()
        self._errors.close()

    def _version(self) -> str:
        self._socket.settimeout(START_SECONDS)
        try:
            line = self._answers.readline()
        except OSError as error:
            raise self._failure(error) from None
        if not line.endswith(b"\n"):
            raise self._failure()
        return line.decode().strip()

    def _send(self, data: bytes | memoryview, seconds: float) -> None:
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._failure(error) from None

    def _receive(self, size: int, seconds: float) -> bytes:
        self._socket.settimeout(seconds)
        try:
            answer = self._answers.read(size)
        except OSError as error:
            raise self._failure(error) from None
        if len(answer) < size:
            raise self._failure()
        return answer

    def _failure(self, error: OSError | None = None) -> InputError:
        """What to tell when the worker does not answer, or is gone."""
        where = f"--video_env={self.environment}: MediaPipe"
        if isinstance(error, TimeoutError):
            seconds = self._socket.gettimeout()
            return InputError(f"{where} has not answered for {seconds:g} s; try a smaller --batch")
        status = self._worker.wait(FRAME_SECONDS)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        told = [line.strip() for line in lines if line.strip() and not line.startswith(_NOISE)]
        reason = told[-1] if told else f"status {status}"
        return InputError(
            f"{where} has stopped ({reason}); if it does so again, remove this environment and "
            "`make setup-video`"
        )


class _OnePerson:
    """All that is found is the same person, however long it was out of sight."""

    def update(self, points: np.ndarray) -> np.ndarray:
        return np.zeros(len(points), np.int64)
