"""The growing arrays of one layout of a dataset that is being written."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf.data.npy_stream import NpyStream
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError
from ms2l_tf.files import write_json


class PoseWriter:
    """Appends the poses of clip after clip to `coords.npy`, `present.npy` and `confidence.npy`.

    Args:
        folder: to make; called like the layout.
        header: content of `layout.json`.
        shape: (M, J, C).
        confidence: whether clips come with a confidence per joint.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        header: Mapping[str, Any],
        shape: tuple[int, int, int],
        confidence: bool,
    ) -> None:
        folder.mkdir(parents=True)
        write_json(folder / "layout.json", header)
        self.folder = folder
        self.shape = shape
        self.offsets = [0]
        self._coords = NpyStream(folder / "coords.npy", np.float32, shape)
        self._present = NpyStream(folder / "present.npy", np.bool_, shape[:1])
        self._confidence = (
            NpyStream(folder / "confidence.npy", np.float32, shape[:2]) if confidence else None
        )

    def check(self, poses: ClipPoses, where: str) -> ClipPoses:
        """The poses padded to M persons and made consistent; see `DatasetWriter.add_clip`."""
        persons, joints, num_coords = self.shape
        coords = np.array(poses.coords, np.float32)
        shape = coords.shape
        if len(shape) != 4 or shape[2:] != (joints, num_coords) or shape[1] > persons:
            raise InputError(
                f"{where}: coords have shape {shape}, layout {self.folder.name} expects "
                f"(T, at most {persons}, {joints}, {num_coords})"
            )
        if np.isinf(coords).any():
            raise InputError(f"{where}: has an infinite coordinate; a missing joint is NaN")
        coords[np.isnan(coords).any(axis=-1)] = np.nan
        if poses.present is None:
            present = np.isfinite(coords).any(axis=(2, 3))
        else:
            present = np.array(poses.present, np.bool_)
        if present.shape != shape[:2]:
            raise InputError(f"{where}: present has shape {present.shape}, expected {shape[:2]}")
        coords[~present] = np.nan
        confidence = self._check_confidence(poses.confidence, shape[:3], where)
        padding = [(0, 0), (0, persons - shape[1])]
        return ClipPoses(
            np.pad(coords, [*padding, (0, 0), (0, 0)], constant_values=np.nan),
            np.pad(present, padding),
            None if confidence is None else np.pad(confidence, [*padding, (0, 0)]),
        )

    def _check_confidence(
        self, confidence: np.ndarray | None, shape: tuple[int, ...], where: str
    ) -> np.ndarray | None:
        if (confidence is None) != (self._confidence is None):
            raise InputError(
                f"{where}: layout {self.folder.name} was declared "
                f"{'without' if self._confidence is None else 'with'} confidence"
            )
        if confidence is None:
            return None
        confidence = np.array(confidence, np.float32)
        if confidence.shape != shape or not np.isfinite(confidence).all():
            raise InputError(f"{where}: confidence must be finite and of shape {shape}")
        return confidence

    def append(self, poses: ClipPoses | None) -> None:
        """Adds poses that `check` returned; None adds a clip without frames."""
        if poses is not None:
            streams = (self._coords, self._present, self._confidence)
            blocks = (poses.coords, poses.present, poses.confidence)
            for stream, block in zip(streams, blocks, strict=True):
                if stream is not None and block is not None:
                    stream.append(block)
        self.offsets.append(self._coords.length)

    def close(self) -> None:
        """Completes the files."""
        for stream in (self._coords, self._present, self._confidence):
            if stream is not None:
                stream.close()
        np.save(self.folder / "offsets.npy", np.array(self.offsets, np.int64), allow_pickle=False)
