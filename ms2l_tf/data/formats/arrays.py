"""A folder of NumPy arrays, one a clip: `.npy` files, or arrays of `.npz` files.

An array is [F, J, C] (one person) or [F, M, J, C], real numbers, C = 2 or 3; a missing joint is
NaN. Which joints they are says `--layout`, frames a second, unit and axes say the options of these
names. A clip is called like its file, or like its array where an `.npz` file holds several.

Labels, subjects, ... stand in a table in the folder (a manifest: a CSV file with the columns `file`
and `label`, see `label_table`) or in that of `--labels`; without one the folder a file lies in is
its label, if there are several.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import DEFAULTS, DatasetHeader, ReadClip, ReaderOptions
from ms2l_tf.data.formats.clip_names import clip_names, folder_labels
from ms2l_tf.data.formats.listed import (
    LICENCE,
    MOST_PERSONS,
    ListedReader,
    Listing,
    assumed,
    layout_of,
    pose_header,
)
from ms2l_tf.data.label_table import is_label_table, sorted_classes
from ms2l_tf.data.numpy_files import NpzFile, npy_array, npy_header
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.errors import InputError

_EXPECTED = f"expected real numbers [F, J, C] or [F, M, J, C], C = 2 or 3, M up to {MOST_PERSONS}"


class ArraysReader(ListedReader):
    """Reads the arrays of a folder or an archive, or of one `.npz` file."""

    suffixes = (".npy", ".npz")
    named = "an array of the source"

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self._npz: tuple[str, NpzFile] | None = None

    def list_clips(self) -> Listing:
        """Every array; of their content only the headers are read."""
        names = self.names()
        labels = folder_labels(names)
        classes = sorted_classes(labels.values())
        clips, shapes, errors = {}, {}, []
        for file, name in clip_names(names).items():
            label = classes.index(labels[file]) if labels[file] else -1
            try:
                found = self._shapes(file)
            except InputError as error:  # the clip is bad; told again when it is read
                errors.append(error)
                found = {file: ()}
            for entry, shape in found.items():
                own = name if entry == file else f"{name}/{entry.removeprefix(f'{file}#')}"
                clips[entry] = Clip(own, label, source=file)
                shapes[entry] = shape
        usable = {entry: shape for entry, shape in shapes.items() if _is_clip(shape)}
        if not usable:
            raise (
                errors[0]
                if errors
                else InputError(
                    f"{names[0]}: an array has shape {next(iter(shapes.values()))}; {_EXPECTED}"
                )
            )
        return Listing(clips, self._dataset_header(names, classes, usable), (), self._manifest())

    def _shapes(self, file: str) -> dict[str, tuple[int, ...]]:
        """Shape of each array of a file, by the entry."""
        if file.lower().endswith(".npy"):
            return {file: npy_header(self.files, file).shape}
        npz = self._open_npz(file)
        if len(npz.names) == 1:
            return {file: npz.array(npz.names[0]).shape}
        return {f"{file}#{name}": npz.array(name).shape for name in npz.names}

    def _dataset_header(
        self, names: list[str], classes: tuple[str, ...], shapes: Mapping[str, tuple[int, ...]]
    ) -> DatasetHeader:
        usual, _ = collections.Counter(shape[-2:] for shape in shapes.values()).most_common(1)[0]
        entry, shape = next(pair for pair in shapes.items() if pair[1][-2:] == usual)
        poses = pose_header(
            self.options,
            layout_of(self.options, shape[-2], entry),
            unit="unknown",
            num_persons=max(shape[1] if len(shape) == 4 else 1 for shape in shapes.values()),
            num_coords=shape[-1],
        )
        return DatasetHeader(
            name=self.files.path.resolve().stem,
            label_names=classes,
            source=f"arrays of {self.files.path.resolve().name} ({len(names)} files)",
            licence=LICENCE,
            poses=(poses,),
            notes=assumed(self.options, poses),
        )

    def _manifest(self) -> tuple[str, bytes] | None:
        """The table of labels in the source, if there is one."""
        tables = [name for name in self.files.names if name.lower().endswith(".csv")]
        found = [
            (name, content)
            for name, content in ((name, self.files.read(name)) for name in tables)
            if is_label_table(content, name)
        ]
        if len(found) > 1 and not self.options.labels:
            raise InputError(
                f"{self.files.path}: {found[0][0]} and {found[1][0]} are tables of labels; say by "
                "--labels which counts"
            )
        return found[0] if found else None

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One array."""
        header = self.header.poses[0]
        array = self._array(entry)
        expected = (header.skeleton.num_joints, header.num_coords)
        if array.dtype.kind not in "iuf" or not _is_clip(array.shape):
            raise InputError(f"{entry}: is {array.dtype} of shape {array.shape}; {_EXPECTED}")
        if array.shape[-2:] != expected:
            raise InputError(
                f"{entry}: has shape {array.shape}; others have {expected[0]} joints of "
                f"{expected[1]} coordinates"
            )
        with np.errstate(over="ignore"):
            coords = array.astype(np.float32)
        coords = coords[:, np.newaxis] if array.ndim == 3 else coords
        return ReadClip(clip, {header.layout: ClipPoses(coords)})

    def _array(self, entry: str) -> np.ndarray:
        file, _, name = entry.partition("#") if entry not in self.files.names else (entry, "", "")
        if file.lower().endswith(".npy"):
            return npy_array(self.files.mapped(file), file)
        npz = self._open_npz(file)
        return npz.array(name or npz.names[0])

    def _open_npz(self, file: str) -> NpzFile:
        """The file, of which one alone is open: a folder may hold more than a process may open."""
        if self._npz is None or self._npz[0] != file:
            self._npz = None
            npz = NpzFile(self.files, file)
            if not npz.names:
                raise InputError(f"{file}: holds no array")
            self._npz = file, npz
        return self._npz[1]


def _is_clip(shape: tuple[int, ...]) -> bool:
    if len(shape) not in (3, 4) or shape[-1] not in (2, 3) or 0 in shape:
        return False
    return len(shape) == 3 or shape[1] <= MOST_PERSONS
