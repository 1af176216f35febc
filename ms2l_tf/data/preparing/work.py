"""What a process does for `prepare`: it opens the source once and reads entry after entry.

No TensorFlow is imported, here or by what is used here: a process starts in a blink.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import pathlib
import threading
from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.data.archives import SourceFiles, open_source
from ms2l_tf.data.checks import checked_clip
from ms2l_tf.data.formats import FORMATS, ClipReader, DerivedLayouts, ReaderOptions
from ms2l_tf.data.pose_writer import CheckedPoses, PoseChecks
from ms2l_tf.data.preparing.reading import Reading, pack
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Task:
    """All that a process has to know; small, hashable and picklable.

    Attributes:
        source: folder, archive or file, as this process and all others find it.
        format_name: a key of `FORMATS`.
        options: what the files leave open.
        layouts: see `DerivedLayouts`; None is the choice of the format.
        keep_zeros: see `DatasetWriter`.
        scratch: the file that a compressed tar was unpacked to.
        stamp: of the source's content, see `SourceFiles.stamp`.
    """

    source: str
    format_name: str
    options: ReaderOptions
    layouts: tuple[str, ...] | None
    keep_zeros: bool
    scratch: str
    stamp: str = ""

    def open_files(self) -> SourceFiles:
        """The source; a context manager."""
        return open_source(self.source, pathlib.Path(self.scratch))

    def open_reader(self, files: SourceFiles) -> ClipReader:
        """The format's reader of the open source, in the wanted layouts."""
        reader = FORMATS[self.format_name](files, self.options)
        if self.layouts is None and not self.options.layout_map:
            return reader
        return DerivedLayouts(reader, self.layouts)


class EntryReader:
    """Reads entries and checks them as the writer of a dataset would.

    Args:
        reader: of the format.
        keep_zeros: see `DatasetWriter`.
    """

    def __init__(self, reader: ClipReader, *, keep_zeros: bool) -> None:
        self.reader = reader
        self._num_labels = len(reader.header.label_names)
        self._checks = {
            poses.layout: PoseChecks(
                poses.skeleton,
                poses.frame_rate,
                poses.num_persons,
                poses.num_coords,
                confidence=poses.confidence,
                keep_zeros=keep_zeros,
            )
            for poses in reader.header.poses
        }

    def read(self, entries: Sequence[str]) -> bytes:
        """The packed readings of some entries, in their order."""
        return pack([self._reading(entry) for entry in entries])

    def _reading(self, entry: str) -> Reading:
        try:
            read = self.reader.read(entry)
            clip = checked_clip(read.clip, self._num_labels)
            poses = self._checked(read.poses, f"clip {clip.name!r}")
        except InputError as error:
            return Reading(entry, str(error))
        digest, frames, repeated = _digest(read.poses), *_repeats(read.poses)
        return Reading(entry, "", clip, poses, read.repairs, read.marks, digest, frames, repeated)

    def _checked(self, poses: Mapping[str, ClipPoses], where: str) -> dict[str, CheckedPoses]:
        unknown = [layout for layout in poses if layout not in self._checks]
        if unknown:
            raise InputError(f"{where}: layout {unknown[0]!r} was not declared")
        return {layout: self._checks[layout].check(poses[layout], where) for layout in poses}


class _Held(threading.local):
    """The reader that this thread of this process has open."""

    task: Task | None = None
    files: SourceFiles | None = None
    reader: EntryReader


_HELD = _Held()


def read_entries(task: Task, entries: Sequence[str]) -> bytes:
    """As `EntryReader.read`, wherever this runs; the source stays open for the next call.

    Raises:
        InputError: the source cannot be opened here.
    """
    if _HELD.task != task:
        if _HELD.files is not None:
            _HELD.files.close()
        _HELD.task, _HELD.files = None, task.open_files()
        reader = task.open_reader(_HELD.files)
        # A reader may find there what it reads by; what it says, the process that asks has said.
        with contextlib.redirect_stderr(io.StringIO()):
            reader.entries()
        _HELD.reader, _HELD.task = EntryReader(reader, keep_zeros=task.keep_zeros), task
    return _HELD.reader.read(entries)


def _digest(poses: Mapping[str, ClipPoses]) -> str:
    digest = hashlib.sha256()
    for layout in sorted(poses):
        digest.update(layout.encode())
        digest.update(np.ascontiguousarray(poses[layout].coords).tobytes())
    return digest.hexdigest()


def _repeats(poses: Mapping[str, ClipPoses]) -> tuple[int, int]:
    """The frames of the longest layout, and how many are equal to the one before."""
    if not poses:
        return 0, 0
    longest = max((of_layout.coords for of_layout in poses.values()), key=len)
    same = (longest[1:] == longest[:-1]) | (np.isnan(longest[1:]) & np.isnan(longest[:-1]))
    return len(longest), int(same.all(axis=(1, 2, 3)).sum())
