"""The poses of all clips in one layout, memory-mapped."""

from __future__ import annotations

import dataclasses
import functools
import mmap
import pathlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ms2l_tf.data.checks import check_axes, checked_rate, shown
from ms2l_tf.data.numpy_files import mapped_npy
from ms2l_tf.data.records import UNITS, Axes, ClipPoses
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_json
from ms2l_tf.skeletons.layout import SkeletonLayout


class PoseArray(Protocol):
    """What is asked of an array [frames, M, ...]: its shape, and parts of it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""

    def __getitem__(self, key: Any, /) -> np.ndarray:
        """Some frames, or persons of them, as a view or an array of their own."""


def release(array: PoseArray | mmap.mmap | bytes) -> None:
    """Gives back the memory of what was read of a mapped file; the next reading maps it anew.

    The system does so on its own when memory is short, but until then the pages count as ours.
    """
    source: Any = array
    while source is not None and not isinstance(source, mmap.mmap):
        source = getattr(source, "base", None)
    if source is not None and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        source.madvise(mmap.MADV_DONTNEED)


@dataclasses.dataclass(frozen=True)
class PoseStore:
    """What `poses/<layout>/` holds; `N` is the number of clips, `frames` the sum of their lengths.

    Attributes:
        layout: the skeleton convention.
        frame_rate: frames per second.
        unit: of the coordinates, one of `UNITS`.
        axes: None for 2-D image coordinates (x right, y down).
        coords: float32 [frames, M, J, C], read from disk as needed.
        offsets: int64 [N + 1]; clip i owns frames offsets[i]:offsets[i + 1].
        present: bool [frames, M].
        confidence: float32 [frames, M, J] or None; read as needed too.
    """

    layout: SkeletonLayout
    frame_rate: float
    unit: str
    axes: Axes | None
    coords: PoseArray
    offsets: np.ndarray
    present: np.ndarray
    confidence: PoseArray | None = None

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Frames of every clip, int64 [N]; 0 means no poses in this layout."""
        return np.diff(self.offsets)

    @functools.cached_property
    def seen(self) -> np.ndarray:
        """Whether anyone is present in a clip, bool [N]; a clip without is blank."""
        seen = np.zeros(len(self.lengths), np.bool_)
        filled = self.lengths > 0
        if filled.any():
            anyone = self.present.any(axis=1)
            seen[filled] = np.logical_or.reduceat(anyone, self.offsets[:-1][filled])
        return seen

    @property
    def num_persons(self) -> int:
        """M."""
        return int(self.coords.shape[1])

    @property
    def num_coords(self) -> int:
        """C, 2 or 3."""
        return int(self.coords.shape[3])

    @property
    def picture_plane(self) -> tuple[str, str]:
        """The coordinates that point right and up for the viewer, as `draw_pose` takes them."""
        if self.axes is None:
            return "+x", "-y"
        return self.axes.right, self.axes.up

    @property
    def view_directions(self) -> tuple[str, ...]:
        """The same, and the one that points towards the viewer, if there is depth."""
        if self.axes is None:
            return self.picture_plane
        sign = "+" if self.axes.forward[0] == "-" else "-"
        return (*self.picture_plane, sign + self.axes.forward[1])

    def poses(self, index: int) -> ClipPoses:
        """The poses of clip `index` as views of the memory map (copy before you write)."""
        if not 0 <= index < len(self.offsets) - 1:
            raise IndexError(f"clip {index} of {len(self.offsets) - 1}")
        frames = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        confidence = None if self.confidence is None else self.confidence[frames]
        return ClipPoses(self.coords[frames], self.present[frames], confidence)

    @classmethod
    def open(cls, folder: pathlib.Path, num_clips: int) -> PoseStore:
        """Maps the arrays of `folder` and checks every shape against the others."""
        where = folder / "layout.json"
        layout, rate, unit, axes = read_header(read_json(where), str(where))
        coords = _map_array(folder / "coords.npy", np.float32, 4)
        frames, persons, joints, num_coords = coords.shape
        if joints != layout.num_joints or num_coords not in (2, 3):
            raise InputError(
                f"{folder / 'coords.npy'}: shape {coords.shape} does not fit layout "
                f"{layout.name} ({layout.num_joints} joints, 2 or 3 coordinates)"
            )
        offsets = np.array(_map_array(folder / "offsets.npy", np.int64, 1))
        _check_offsets(folder / "offsets.npy", offsets, num_clips, frames)
        present = _map_array(folder / "present.npy", np.bool_, 2)
        _check_shape(folder / "present.npy", present, (frames, persons))
        confidence = None
        if (folder / "confidence.npy").exists():
            confidence = _map_array(folder / "confidence.npy", np.float32, 3)
            _check_shape(folder / "confidence.npy", confidence, (frames, persons, joints))
        check_axes(axes, num_coords, str(where))
        return cls(layout, rate, unit, axes, coords, offsets, present, confidence)


def read_header(
    header: Mapping[str, Any], where: str
) -> tuple[SkeletonLayout, float, str, Axes | None]:
    """Layout, frame rate, unit and axes from the content of `layout.json`.

    The writer asks it too, before there is a file.

    Raises:
        InputError: an entry is missing or invalid.
    """
    try:
        rate, unit, layout = header["frame_rate"], header["unit"], header["layout"]
    except KeyError as error:
        raise InputError(f"{where}: missing entry ({error})") from None
    if not isinstance(unit, str) or unit not in UNITS:
        raise InputError(f"{where}: unit {shown(unit)} is not one of {', '.join(UNITS)}")
    return (
        SkeletonLayout.from_json(layout, where=where),
        checked_rate(rate, where),
        unit,
        Axes.from_json(header.get("axes"), where=where),
    )


def _map_array(path: pathlib.Path, dtype: type, ndim: int) -> np.ndarray:
    array = mapped_npy(path)
    if array.dtype != np.dtype(dtype) or array.ndim != ndim:
        raise InputError(
            f"{path}: is {array.dtype} with {array.ndim} axes; expected "
            f"{np.dtype(dtype)} with {ndim} axes"
        )
    return array


def _check_shape(path: pathlib.Path, array: np.ndarray, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise InputError(f"{path}: shape {array.shape}, expected {expected} like coords.npy")


def _check_offsets(path: pathlib.Path, offsets: np.ndarray, num_clips: int, frames: int) -> None:
    if len(offsets) != num_clips + 1:
        raise InputError(f"{path}: {len(offsets)} entries for {num_clips} clips; expected one more")
    if offsets[0] != 0 or offsets[-1] != frames or np.any(np.diff(offsets) < 0):
        raise InputError(f"{path}: must rise from 0 to the {frames} frames of coords.npy")
