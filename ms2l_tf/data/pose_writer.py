"""The growing arrays of one layout of a dataset that is being written."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf.data.checks import real_array, shown, truth_array
from ms2l_tf.data.npy_stream import NpyStream
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.data.repairs import repair_poses
from ms2l_tf.errors import InputError
from ms2l_tf.files import write_json
from ms2l_tf.skeletons.layout import SkeletonLayout


@dataclasses.dataclass(frozen=True)
class CheckedPoses:
    """Poses that can be appended.

    Attributes:
        poses: padded to M persons, present, and confidence where the layout has one.
        repairs: counts of what was changed, see `repair_poses`.
        seen: whether there is a joint of anyone.
    """

    poses: ClipPoses
    repairs: Mapping[str, int]
    seen: bool


class PoseChecks:
    """Checks the poses of clips against what is declared of their layout.

    Args:
        layout: of the joints.
        frame_rate: frames per second.
        num_persons: M, the most persons of a clip.
        num_coords: C.
        confidence: whether clips come with a confidence per joint.
        keep_zeros: whether persons whose joints are all zero stay, see `repair_poses`.
    """

    def __init__(
        self,
        layout: SkeletonLayout,
        frame_rate: float,
        num_persons: int,
        num_coords: int,
        *,
        confidence: bool,
        keep_zeros: bool,
    ) -> None:
        self.layout = layout
        self.frame_rate = frame_rate
        self.shape = (num_persons, layout.num_joints, num_coords)
        self.confidence = confidence
        self.keep_zeros = keep_zeros

    @np.errstate(over="ignore", invalid="ignore")  # lengths beyond float32 are infinite: outliers
    def check(self, poses: Any, where: str) -> CheckedPoses:
        """The poses padded to M persons and made consistent; see `DatasetWriter.add_clip`.

        Poses that were checked already stay as they are.
        """
        if isinstance(poses, CheckedPoses):
            return poses
        if not isinstance(poses, ClipPoses):
            raise InputError(
                f"{where}: poses in {self.layout.name} are {shown(poses)}; expected ClipPoses"
            )
        coords = self._check_coords(poses.coords, where)
        shape = coords.shape
        present = _check_present(poses.present, shape[:2], where)
        confidence = self._check_confidence(poses.confidence, shape[:3], where)
        present, repairs = made_consistent(
            coords, present, self.layout, self.frame_rate, keep_zeros=self.keep_zeros
        )
        padding = [(0, 0), (0, self.shape[0] - shape[1])]
        padded = ClipPoses(
            np.pad(coords, [*padding, (0, 0), (0, 0)], constant_values=np.nan),
            np.pad(present, padding),
            None if confidence is None else np.pad(confidence, [*padding, (0, 0)]),
        )
        return CheckedPoses(padded, repairs, bool(np.isfinite(coords[..., 0]).any()))

    def _check_coords(self, given: Any, where: str) -> np.ndarray:
        persons, joints, num_coords = self.shape
        coords = real_array(given, f"{where}: coords")
        shape = coords.shape
        if len(shape) != 4 or shape[2:] != (joints, num_coords) or shape[1] > persons:
            raise InputError(
                f"{where}: coords have shape {shape}, layout {self.layout.name} expects "
                f"(T, at most {persons}, {joints}, {num_coords})"
            )
        if np.isinf(coords).any():
            raise InputError(f"{where}: has an infinite coordinate; a missing joint is NaN")
        return coords

    def _check_confidence(
        self, confidence: Any, shape: tuple[int, ...], where: str
    ) -> np.ndarray | None:
        if (confidence is not None) != self.confidence:
            raise InputError(
                f"{where}: layout {self.layout.name} was declared "
                f"{'with' if self.confidence else 'without'} confidence"
            )
        if confidence is None:
            return None
        values = real_array(confidence, f"{where}: confidence")
        if values.shape != shape or not np.isfinite(values).all():
            raise InputError(f"{where}: confidence must be finite and of shape {shape}")
        return values


class PoseWriter:
    """Appends the poses of clip after clip to `coords.npy`, `present.npy` and `confidence.npy`.

    Args:
        folder: to make; called like the layout.
        header: content of `layout.json`.
        checks: what the poses have to pass.
    """

    def __init__(self, folder: pathlib.Path, header: Mapping[str, Any], checks: PoseChecks) -> None:
        folder.mkdir(parents=True)
        write_json(folder / "layout.json", header)
        self.folder = folder
        self.check = checks.check
        self.offsets = [0]
        self.seen = False
        shape = checks.shape
        self._coords = NpyStream(folder / "coords.npy", np.float32, shape)
        self._present = NpyStream(folder / "present.npy", np.bool_, shape[:1])
        self._confidence = (
            NpyStream(folder / "confidence.npy", np.float32, shape[:2])
            if checks.confidence
            else None
        )

    def append(self, checked: CheckedPoses | None) -> None:
        """Adds poses that `check` returned; None adds a clip without frames."""
        if checked is not None:
            self.seen |= checked.seen
            poses = checked.poses
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


def made_consistent(
    coords: np.ndarray,
    present: np.ndarray | None,
    layout: SkeletonLayout,
    frame_rate: float,
    *,
    keep_zeros: bool = False,
) -> tuple[np.ndarray, dict[str, int]]:
    """Makes joints missing, in place, that lack a coordinate, belong to nobody or were not seen.

    Args:
        coords: float32 [T, M, J, C] without infinite values.
        present: bool [T, M], or None when every person with a finite joint is present.
        layout: of the joints.
        frame_rate: frames per second.
        keep_zeros: whether persons whose joints are all zero stay, see `repair_poses`.

    Returns:
        Who is present, bool [T, M], and the counts of `repair_poses`.
    """
    coords[np.isnan(coords).any(axis=-1)] = np.nan
    if present is not None:
        coords[~present] = np.nan
    before = np.isfinite(coords[..., 0]).any(axis=-1)
    repairs = repair_poses(coords, layout, frame_rate, keep_zeros=keep_zeros)
    seen = np.isfinite(coords[..., 0]).any(axis=-1)
    # Who lost every joint is not in the picture, whatever was said.
    return seen if present is None else present & (seen | ~before), repairs


def _check_present(present: Any, shape: tuple[int, ...], where: str) -> np.ndarray | None:
    if present is None:
        return None
    values = truth_array(present, f"{where}: present")
    if values.shape != shape:
        raise InputError(f"{where}: present has shape {values.shape}, expected {shape}")
    return values
