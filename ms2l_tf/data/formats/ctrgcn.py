"""CTR-GCN: NTU RGB+D as one `.npz` file a protocol, such as `NTU60_CS.npz`.

It holds `x_train` [N, T, M·V·C], poses of the Kinect v2's 25 joints for two persons in metres and
the sensor's axes, moved to the first spine joint, and `y_train` [N, K], one 1 in each row (or [N],
numbers of classes); `x_test` and `y_test` beside them. A clip has no name but its side and number.
Zeros pad clips and persons: missing, and cut off at the end of a clip. Arrays that are not
compressed, and the toolbox compresses none, stay on the disk.
"""

from __future__ import annotations

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import DEFAULTS, DatasetHeader, ReadClip, ReaderOptions
from ms2l_tf.data.formats.clip_names import clip_names
from ms2l_tf.data.formats.kinect import AXES
from ms2l_tf.data.formats.listed import (
    LICENCE,
    ListedReader,
    Listing,
    numbered_classes,
    pose_header,
)
from ms2l_tf.data.formats.split_names import paired_splits
from ms2l_tf.data.formats.zeros import without_padding, zeros_missing
from ms2l_tf.data.numpy_files import NpzFile
from ms2l_tf.data.pose_store import release
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout

LAYOUT = "kinect_v2_25"
SIDES = ("train", "test")
_COORDS = 3


class CtrgcnReader(ListedReader):
    """Reads the `.npz` files of a folder, an archive, or one file."""

    suffixes = (".npz",)
    named = "a clip of a file such as NTU60_CS.npz"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._files: dict[str, NpzFile] = {}
        self._places: dict[str, tuple[str, str, int]] = {}
        self._layout = load_layout(options.layout or LAYOUT)

    def list_clips(self) -> Listing:
        """Every clip of every file."""
        names = clip_names(self.names())
        clips: dict[str, Clip] = {}
        lists: dict[str, list[str]] = {}
        persons = 1
        for file, stem in names.items():
            prefix = f"{stem}_" if len(names) > 1 else ""
            for side in SIDES:
                labels, of_side = self._side(file, side)
                persons = max(persons, of_side)
                for place, label in enumerate(labels):
                    entry = f"{file}#{side}_{place}"
                    clips[entry] = Clip(f"{prefix}{side}_{place}", label, source=file)
                    self._places[entry] = file, side, place
                    lists.setdefault(f"{stem}_{side}", []).append(clips[entry].name)
        first = next(iter(names))
        poses = pose_header(
            self.options,
            self._layout,
            unit="m",
            axes=AXES,
            num_persons=persons,
            num_coords=_COORDS,
        )
        header = DatasetHeader(
            name=names[first],
            label_names=numbered_classes([clip.label for clip in clips.values()], first),
            source=f"arrays of CTR-GCN: {', '.join(names)}",
            licence=LICENCE,
            poses=(poses,),
        )
        return Listing(clips, header, paired_splits(lists, "the arrays"))

    def _side(self, file: str, side: str) -> tuple[list[int], int]:
        """The labels of the clips of a side, and M."""
        npz = self._file(file)
        poses, labels = npz.array(f"x_{side}"), npz.array(f"y_{side}")
        person = self._layout.num_joints * _COORDS
        if poses.ndim != 3 or poses.dtype.kind != "f" or poses.shape[2] % person or not poses.size:
            raise InputError(
                f"{file}: x_{side} is {poses.dtype} of shape {poses.shape}; expected numbers "
                f"[N, T, M·{person}], {self._layout.num_joints} joints of {_COORDS} coordinates"
            )
        if labels.ndim not in (1, 2) or labels.dtype.kind not in "biuf" or not labels.size:
            raise InputError(f"{file}: y_{side} is {labels.dtype} of shape {labels.shape}")
        if len(labels) != len(poses):
            raise InputError(
                f"{file}: x_{side} has {len(poses)} clips and y_{side} {len(labels)} labels"
            )
        return _numbers(labels, f"{file}: y_{side}"), poses.shape[2] // person

    def _file(self, name: str) -> NpzFile:
        if name not in self._files:
            self._files[name] = NpzFile(self.files, name)
        return self._files[name]

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """A clip of an array, without the zeros behind it."""
        header = self.header.poses[0]
        file, side, place = self._places[entry]
        values = self._file(file).array(f"x_{side}")[place]
        shape = (len(values), -1, self._layout.num_joints, _COORDS)
        coords, repairs = zeros_missing(without_padding(values.reshape(shape)), entry)
        release(values)
        return ReadClip(clip, {header.layout: ClipPoses(coords)}, repairs)


def _numbers(labels: np.ndarray, where: str) -> list[int]:
    """Numbers of classes; a row without a 1 is unlabelled."""
    if labels.ndim == 1:
        if not np.isin(labels, np.round(labels)).all():
            raise InputError(f"{where} holds numbers with a fraction")
        return [int(label) for label in labels]
    if not np.isin(labels, (0, 1)).all() or (labels.sum(axis=1) > 1).any():
        raise InputError(f"{where} has rows that aren't one 1 and zeros")
    return [int(label) for label in np.where(labels.any(axis=1), labels.argmax(axis=1), -1)]
