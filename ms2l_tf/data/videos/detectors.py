"""What finds persons in frames: the contract between `extract_poses` and a pose model."""

from __future__ import annotations

import abc
from typing import Protocol

import numpy as np

from ms2l_tf.data.videos.tracking import Tracker
from ms2l_tf.skeletons.layout import SkeletonLayout


class Follower(Protocol):
    """Knows the persons of a video again from frame to frame."""

    def update(self, points: np.ndarray) -> np.ndarray:
        """The next frame: of persons at `points` [P, 3] the numbers of their tracks, int64 [P]."""


class PoseDetector(abc.ABC):
    """A pose model that is ready for frames.

    Attributes:
        name: of the model, for the dataset's source.
        layouts: that poses are given in; the first one decides who is there.
        confidence: whether each joint comes with a confidence from 0 to 1.
    """

    name: str
    layouts: tuple[SkeletonLayout, ...]
    confidence = False

    def follow(self, frame_rate: float) -> Follower:
        """Begins a video of so many frames a second."""
        return Tracker(frame_rate)

    @abc.abstractmethod
    def detect(self, images: np.ndarray) -> list[dict[str, np.ndarray]]:
        """The persons in each image.

        Args:
            images: uint8 [N, H, W, 3], RGB, frames of a video one after the other.

        Returns:
            For each image: layout -> poses float32 [P, J, 3] in metres, in the camera's axes (x
            right, y down, z ahead), the same P persons in all layouts; NaN is a joint not found.
            With `confidence` [P, J, 4]: the confidence is last.

        Raises:
            InputError: the model fails.
        """

    def close(self) -> None:  # noqa: B027 (most have nothing to give back)
        """Gives back what the model holds."""
