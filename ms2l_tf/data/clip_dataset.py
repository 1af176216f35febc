"""`ClipDataset`: a folder of labelled skeleton clips, opened in milliseconds."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ms2l_tf.data.checks import checked_clip
from ms2l_tf.data.checksums import FileRecord, fingerprint, verify_files
from ms2l_tf.data.clip_arrays import ClipArrays
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.splits import Split, read_split
from ms2l_tf.errors import InputError
from ms2l_tf.files import check_version, decode_text, read_json

__all__ = ["FORMAT_VERSION", "Axes", "Clip", "ClipDataset", "ClipPoses", "PoseStore", "Split"]

FORMAT_VERSION = 1
CLIP_COLUMNS = tuple(field.name for field in dataclasses.fields(Clip))


@dataclasses.dataclass(frozen=True)
class ClipDataset:
    """A dataset folder: header, clip table, splits and the poses of every layout.

    ```
    dataset.json                format version, name, label names, source, licence, checksums
    clips.csv                   one row a clip
    splits/<name>.json          published splits, and any a user adds beside them
    poses/<layout>/layout.json  the layout itself, frame rate, unit, axes
    poses/<layout>/coords.npy   float32 [frames, M, J, C]; also offsets.npy, present.npy and,
                                optionally, confidence.npy
    ```

    Opening checks header, sizes and shapes; `verify` compares checksums.

    Attributes:
        path: the folder.
        name: of the dataset.
        label_names: of the K classes, in label order.
        source, licence: where the poses come from and what one may do with them.
        format_version: of the folder.
        files: relative name -> size and checksum.
        fingerprint: one checksum over the label names and all files; a run records it.
        num_clips: N.
    """

    path: pathlib.Path
    name: str
    label_names: tuple[str, ...]
    source: str
    licence: str
    format_version: int
    files: Mapping[str, FileRecord]
    fingerprint: str
    num_clips: int
    _stores: Mapping[str, PoseStore] = dataclasses.field(repr=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> ClipDataset:
        """Opens a dataset folder.

        Raises:
            InputError: the folder is missing, of another version, incomplete or inconsistent.
        """
        folder = pathlib.Path(path)
        where = folder / "dataset.json"
        if not folder.is_dir():
            raise InputError(f"{folder}: no such dataset folder; ms2l-prepare makes one")
        if not where.is_file():
            raise InputError(f"{folder}: is not a dataset folder (no dataset.json in it)")
        header = read_json(where)
        check_version(header, FORMAT_VERSION, where, "prepare the dataset again")
        try:
            files = {name: FileRecord(**entry) for name, entry in header["files"].items()}
            label_names = tuple(str(label) for label in header["label_names"])
            num_clips, title = int(header["num_clips"]), str(header["name"])
            source, licence = str(header["source"]), str(header["licence"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{where}: missing or invalid entry ({error})") from None
        _check_sizes(folder, files)
        layouts = sorted({file.split("/")[1] for file in files if file.startswith("poses/")})
        stores = {
            layout: PoseStore.open(folder / "poses" / layout, num_clips) for layout in layouts
        }
        if not stores:
            raise InputError(f"{where}: lists no poses; prepare the dataset again")
        return cls(
            path=folder,
            name=title,
            label_names=label_names,
            source=source,
            licence=licence,
            format_version=FORMAT_VERSION,
            files=files,
            fingerprint=fingerprint(files, extra="\n".join(label_names)),
            num_clips=num_clips,
            _stores=stores,
        )

    def __len__(self) -> int:
        return self.num_clips

    @functools.cached_property
    def clips(self) -> tuple[Clip, ...]:
        """The clip table, N rows."""
        clips = read_clip_table(self.path / "clips.csv", num_labels=len(self.label_names))
        if len(clips) != self.num_clips:
            raise InputError(
                f"{self.path / 'clips.csv'}: {len(clips)} rows, dataset.json says {self.num_clips}"
            )
        return clips

    @functools.cached_property
    def names(self) -> np.ndarray:
        """Clip names, str [N]."""
        return np.array([clip.name for clip in self.clips])

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """Labels, int64 [N]; -1 is unlabelled."""
        return np.array([clip.label for clip in self.clips], np.int64)

    @functools.cached_property
    def subjects(self) -> np.ndarray:
        """Subjects, str [N]."""
        return np.array([clip.subject for clip in self.clips])

    @functools.cached_property
    def cameras(self) -> np.ndarray:
        """Cameras, str [N]."""
        return np.array([clip.camera for clip in self.clips])

    @property
    def layouts(self) -> tuple[str, ...]:
        """Ids of the layouts the dataset has poses in."""
        return tuple(self._stores)

    def poses(self, layout: str) -> PoseStore:
        """The poses of all clips in one layout."""
        if layout not in self._stores:
            known = ", ".join(self.layouts)
            raise InputError(f"{self.path}: no poses in layout {layout!r}; it has {known}")
        return self._stores[layout]

    def arrays(
        self, layout: str = "", indices: Sequence[int] | np.ndarray | None = None, frames: int = 0
    ) -> ClipArrays:
        """Clips as NumPy arrays, one by one or in batches.

        Args:
            layout: of the poses; empty: the first.
            indices: of some clips; None: all.
            frames: T, to which clips are resampled; 0 keeps theirs.

        Raises:
            InputError: there are no poses in the layout, or a clip that isn't there.
        """
        wanted = np.arange(len(self)) if indices is None else np.asarray(indices, np.int64)
        if wanted.ndim != 1 or (wanted.size and not 0 <= wanted.min() <= wanted.max() < len(self)):
            raise InputError(f"indices: expected numbers of clips, from 0 to {len(self) - 1}")
        return ClipArrays(self.poses(layout or self.layouts[0]), self.labels, wanted, frames)

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of the splits in the folder, the user's own among them."""
        return tuple(sorted(file.stem for file in (self.path / "splits").glob("*.json")))

    def split(self, name: str) -> Split:
        """The split `name` as indices into `clips`."""
        if name not in self.split_names:
            known = ", ".join(self.split_names) or "none"
            raise InputError(f"{self.path}: no split {name!r}; it has {known}")
        return read_split(self.split_file(name), self.names)

    def split_file(self, name: str) -> pathlib.Path:
        """The file of the split `name`."""
        return self.path / "splits" / f"{name}.json"

    def verify(self, *, force: bool = False, progress: Callable[[str], None] | None = None) -> None:
        """Compares all checksums; see `checksums.verify_files`."""
        verify_files(self.path, self.files, force=force, progress=progress)


def read_clip_table(path: pathlib.Path, num_labels: int) -> tuple[Clip, ...]:
    """Reads and checks `clips.csv`."""
    try:
        rows = list(csv.reader(io.StringIO(decode_text(path.read_bytes(), str(path)), newline="")))
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from None
    if not rows or tuple(rows[0]) != CLIP_COLUMNS:
        raise InputError(f"{path}: the first line must be {','.join(CLIP_COLUMNS)}")
    clips = []
    for line, row in enumerate(rows[1:], start=2):
        try:
            name, label, subject, camera, setup, group, source, start, end = row
            clip = Clip(
                name, int(label), subject, camera, setup, group, source, int(start), int(end)
            )
        except ValueError as error:
            raise InputError(f"{path}, line {line}: {error}") from None
        clips.append(checked_clip(clip, num_labels, f"{path}, line {line}"))
    if len({clip.name for clip in clips}) != len(clips):
        raise InputError(f"{path}: clip names are not unique")
    return tuple(clips)


def _check_sizes(folder: pathlib.Path, files: Mapping[str, FileRecord]) -> None:
    for name, record in files.items():
        path = folder / name
        if pathlib.PurePosixPath(name).is_absolute() or ".." in path.parts[len(folder.parts) :]:
            raise InputError(f"{folder / 'dataset.json'}: {name!r} lies outside the dataset")
        try:
            size = path.stat().st_size
        except OSError:
            raise InputError(f"{path}: is missing; prepare the dataset again") from None
        if size != record.bytes:
            raise InputError(
                f"{path}: has {size} bytes, dataset.json says {record.bytes} (cut short or edited);"
                " prepare the dataset again"
            )
