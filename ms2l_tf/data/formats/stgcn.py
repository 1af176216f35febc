"""ST-GCN, 2s-AGCN and AimCLR: one array of all clips a side, and a pickle of names and labels.

`train_data.npy`, `train_data_joint.npy` or `train_position.npy` [N, C, T, V, M] lies beside
`train_label.pkl`, which holds (names, labels); `val_...` or `test_...` beside them are the test
clips of a split, which is called like the folder. Arrays of bones or motion are left out: they are
made of the joints. Arrays stay on the disk, and the pickle is read by `safe_pickle`.

25 joints are those of the Kinect v2 in metres and the sensor's axes (files of 2s-AGCN are turned so
that z is up: say `--axes=+z,+y,right`); 18 with C = 3 are OpenPose's, x, y and score in a picture,
as of Kinetics-Skeleton. Zeros pad clips and persons: missing, and cut off at the end of a clip.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import (
    DEFAULTS,
    DatasetHeader,
    PoseHeader,
    ReadClip,
    ReaderOptions,
)
from ms2l_tf.data.formats.kinect import AXES
from ms2l_tf.data.formats.listed import (
    LICENCE,
    ListedReader,
    Listing,
    layout_of,
    pose_header,
)
from ms2l_tf.data.formats.pyskl import classes_of, clip_of_name
from ms2l_tf.data.formats.split_names import paired_splits
from ms2l_tf.data.formats.zeros import without_padding, zeros_missing
from ms2l_tf.data.numpy_files import ArrayHeader, npy_array, npy_header
from ms2l_tf.data.pickled_array import PickledArray
from ms2l_tf.data.pose_store import release
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.safe_pickle import load_pickle
from ms2l_tf.errors import InputError

KINECT, PICTURE = 25, 18  # joints
_NAME = re.compile(r"(train|val|test)_(data|data_joint|joint|position)\.npy")
_DERIVED = re.compile(r"(train|val|test)_.*(bone|motion).*\.npy")


@dataclasses.dataclass(frozen=True)
class _Part:
    """The clips of a side: its array's file and header, and the names and labels beside it."""

    file: str
    header: ArrayHeader
    names: Sequence[str]
    labels: Sequence[int]


class StgcnReader(ListedReader):
    """Reads the arrays of a folder or an archive."""

    suffixes = (".npy",)
    named = "a clip of an array train_data.npy or the like"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._places: dict[str, tuple[str, int]] = {}
        self._arrays: dict[str, np.ndarray] = {}

    def knows(self, file: str) -> bool:
        """Whether it is called as these toolboxes call their arrays."""
        return _NAME.fullmatch(posixpath.basename(file).lower()) is not None

    def list_clips(self) -> Listing:
        """Every clip of every array."""
        names = [name for name in self.names() if self.knows(name)]
        if not names:
            raise InputError(
                f"{self.files.path}: holds no array train_data.npy, train_data_joint.npy or "
                "train_position.npy"
            )
        parts = [self._part(name) for name in names]
        clips: dict[str, Clip] = {}
        lists: dict[str, list[str]] = {}
        for part in parts:
            side = f"{posixpath.dirname(part.file)}_{posixpath.basename(part.file).split('_')[0]}"
            for place, (name, label) in enumerate(zip(part.names, part.labels, strict=True)):
                entry = f"{part.file}#{name}"
                if entry in clips:
                    raise InputError(f"{part.file}: the clip {name} is there twice; remove one")
                clips[entry] = dataclasses.replace(clip_of_name(name, label), source=part.file)
                self._places[entry] = part.file, place
                lists.setdefault(side, []).append(name)
        header = DatasetHeader(
            name=self.files.path.resolve().stem,
            label_names=classes_of(list(clips.values()), names[0]),
            source=f"arrays of ST-GCN: {', '.join(names)}",
            licence=LICENCE,
            poses=(self._pose_header(parts),),
            notes=_left_out(self.files.names),
        )
        return Listing(clips, header, paired_splits(lists, "the arrays"))

    def _part(self, file: str) -> _Part:
        header = npy_header(self.files, file)
        if len(header.shape) != 5 or header.dtype.kind != "f" or 0 in header.shape:
            raise InputError(
                f"{file}: is {header.dtype} of shape {header.shape}; expected numbers "
                "[N, C, T, V, M]"
            )
        side = posixpath.basename(file).split("_")[0]
        beside = posixpath.join(posixpath.dirname(file), f"{side}_label.pkl")
        if beside not in self.files.names:
            raise InputError(f"{file}: lacks the file {beside} of its names and labels")
        value = load_pickle(self.files.mapped(beside), beside)
        return _Part(file, header, *_names_and_labels(value, header.shape[0], beside))

    def _pose_header(self, parts: Sequence[_Part]) -> PoseHeader:
        coords, joints = parts[0].header.shape[1::2]
        for part in parts:
            if part.header.shape[1::2] != (coords, joints):
                raise InputError(
                    f"{part.file}: has shape {part.header.shape}, {parts[0].file} "
                    f"{parts[0].header.shape}; the second and the fourth number must be the same"
                )
        if coords not in (2, 3):
            raise InputError(f"{parts[0].file}: has {coords} coordinates; expected 2 or 3")
        picture = joints == PICTURE and coords == 3
        usual = "openpose_18" if joints == PICTURE else "kinect_v2_25" if joints == KINECT else ""
        return pose_header(
            self.options,
            layout_of(self.options, joints, parts[0].file, usual),
            unit="m" if joints == KINECT and coords == 3 else "unknown",
            axes=AXES,
            num_persons=max(part.header.shape[4] for part in parts),
            num_coords=2 if picture else coords,
            confidence=picture,
        )

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """A clip of an array, without the zeros behind it."""
        header = self.header.poses[0]
        file, place = self._places[entry]
        if file not in self._arrays:
            self._arrays[file] = npy_array(self.files.mapped(file), file)
        values = without_padding(self._arrays[file][place].transpose(1, 3, 2, 0))
        coords, repairs = zeros_missing(values[..., : header.num_coords], entry)
        confidence = None
        if header.confidence:
            scores = np.nan_to_num(values[..., 2].astype(np.float32))
            coords[scores == 0] = np.nan
            confidence = np.where(np.isfinite(coords[..., 0]), scores, np.float32(0))
        release(values)
        return ReadClip(clip, {header.layout: ClipPoses(coords, None, confidence)}, repairs)


def _names_and_labels(value: Any, count: int, file: str) -> tuple[list[str], list[int]]:
    """The content of a label file: two lists as long as the array."""
    if not isinstance(value, (tuple, list)) or len(value) < 2:
        raise InputError(f"{file}: holds no pair of names and labels")
    names, labels = (
        part.read().tolist() if isinstance(part, PickledArray) else part for part in value[:2]
    )
    for what, part in (("names", names), ("labels", labels)):
        if not isinstance(part, (list, tuple)) or len(part) != count:
            raise InputError(f"{file}: its {what} are no list of {count}, as many as the array has")
    for name, label in zip(names, labels, strict=True):
        if not isinstance(name, str) or isinstance(label, bool) or not isinstance(label, int):
            raise InputError(f"{file}: holds something else than names and numbers of classes")
    return [name.removesuffix(".skeleton") for name in names], list(labels)


def _left_out(names: Sequence[str]) -> tuple[str, ...]:
    derived = [name for name in names if _DERIVED.fullmatch(posixpath.basename(name).lower())]
    return (f"left out, as made of the joints: {', '.join(derived)}",) if derived else ()
