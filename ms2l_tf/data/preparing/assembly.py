"""`Assembly`: clips as they were read become a dataset, and its report."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence

from ms2l_tf.data.formats import ClipReader
from ms2l_tf.data.formats.guess import describe_files
from ms2l_tf.data.label_table import train_only
from ms2l_tf.data.preparing.exclusions import Exclusions
from ms2l_tf.data.preparing.reading import Reading
from ms2l_tf.data.preparing.report import REPORT, PrepareReport
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError, found_in

MAX_BAD = 0.05  # of the clips; more looks like the wrong format rather than a few broken files


class Assembly:
    """Writes the clips of one source, in the order of its entries.

    Args:
        reader: of the source.
        format_name: its key in `FORMATS`.
        exclusions: clips to leave out.

    Attributes:
        rows: the entries to be read, each with its clip as far as the name tells.
        report: what was met.

    Raises:
        InputError: the source holds no clip of this format, or one twice, or none that is wanted.
    """

    def __init__(self, reader: ClipReader, format_name: str, exclusions: Exclusions) -> None:
        self.reader = reader
        self.report = PrepareReport(format_name, reader.files.path.resolve().name)
        self._exclusions = exclusions
        self.rows = self._wanted(_rows(reader, _entries(reader, format_name)))
        self.report.published_clips = reader.header.published_clips
        self._blank = _blank_poses(reader)
        self._kept: list[Clip] = []
        self._contents: dict[str, list[str]] = collections.defaultdict(list)

    def write(self, readings: Iterable[Reading], writer: DatasetWriter, *, strict: bool) -> None:
        """Writes all clips, the splits and the report.

        Raises:
            InputError: too many clips (with `strict`: any) are bad.
        """
        for poses in self.reader.header.poses:
            with found_in(self.reader.files.path):
                writer.add_layout(poses.skeleton, **poses.settings)
        for reading in readings:
            try:
                self._add(reading, writer)
            except InputError as error:
                if strict:
                    raise InputError(f"--strict: {error}") from None
                self._add_bad(reading.entry, str(error), writer)
        self._check_bad()
        report = self.report
        report.copies = [names for names in self._contents.values() if len(names) > 1]
        report.not_found = self._exclusions.not_found
        report.notes = list(self.reader.header.notes)
        undivided = train_only([clip.name for clip in self._kept])
        for split in self.reader.splits(self._kept) or [undivided]:
            with found_in(self.reader.files.path):
                _write_split(split, writer, report)
        report.clips = writer.num_clips
        report.classes = _count_classes(self._kept, self.reader.header.label_names)
        report.changed = writer.repairs.to_json()
        for name, content in self.reader.header.documents.items():
            writer.add_document(name, content)
        writer.add_document(REPORT, report.to_json())

    def _add(self, reading: Reading, writer: DatasetWriter) -> None:
        clip, report = reading.clip, self.report
        if clip is None:
            raise InputError(reading.error)
        if self.rows[reading.entry] is None and clip.name in self._exclusions:
            report.excluded.append(clip.name)
            return
        writer.add_clip(clip, reading.poses)
        self._kept.append(clip)
        self.reader.note(clip, reading.marks)
        self._contents[reading.digest].append(clip.name)
        if reading.repairs:
            report.repaired[clip.name] = list(reading.repairs)
        if reading.frames == 1:
            report.one_frame.append(clip.name)
        if reading.repeated:
            report.repeated_frames[clip.name] = reading.repeated

    def _add_bad(self, entry: str, error: str, writer: DatasetWriter) -> None:
        row = self.rows[entry]
        if row is None:
            self.report.skipped[entry] = error
            return
        self.report.blanked[row.name] = error
        writer.add_clip(row, self._blank)
        self._kept.append(row)

    def _check_bad(self) -> None:
        bad, files = {**self.report.skipped, **self.report.blanked}, self.reader.files
        if len(bad) > MAX_BAD * len(self.rows):
            held = describe_files(files, self.report.format)
            raise InputError(
                f"{files.path}: {len(bad)} of {len(self.rows)} clips are bad (more than "
                f"{MAX_BAD:.0%}), the first: {next(iter(bad.values()))}"
                f"{held and f'; the source {held}'}"
            )

    def _wanted(self, rows: Mapping[str, Clip | None]) -> dict[str, Clip | None]:
        wanted: dict[str, Clip | None] = {}
        for entry, row in rows.items():
            if row is not None and row.name in self._exclusions:
                self.report.excluded.append(row.name)
            else:
                wanted[entry] = row
        if not wanted:
            raise InputError(f"--exclude: names all {len(rows)} clips of {self.reader.files.path}")
        return wanted


def _entries(reader: ClipReader, format_name: str) -> Sequence[str]:
    """The clips of the source; if there are none the error says what it holds instead."""
    try:
        return reader.entries()
    except InputError as error:
        if any(map(reader.knows, reader.files.names)):
            raise
        held = describe_files(reader.files, format_name)
        fix = f"it {held}" if held else f"name what was published as {format_name}"
        raise InputError(f"{error}; {fix}") from None


def _rows(reader: ClipReader, entries: Sequence[str]) -> dict[str, Clip | None]:
    """The clips as far as their entries tell."""
    owners: dict[str, str] = {}
    rows = {entry: reader.identify(entry) for entry in entries}
    for entry, row in rows.items():
        if row is not None and owners.setdefault(row.name, entry) != entry:
            raise InputError(
                f"{reader.files.path}: clip {row.name} occurs twice, as {owners[row.name]} and "
                f"{entry}; remove one"
            )
    return rows


def _blank_poses(reader: ClipReader) -> dict[str, ClipPoses]:
    return {
        poses.layout: ClipPoses.blank(
            poses.num_persons,
            poses.skeleton.num_joints,
            poses.num_coords,
            confidence=poses.confidence,
        )
        for poses in reader.header.poses
    }


def _count_classes(clips: Sequence[Clip], label_names: Sequence[str]) -> dict[str, int]:
    """How many clips have which label; classes without clips are left out."""
    counts = collections.Counter(clip.label for clip in clips)
    return {name: counts[label] for label, name in enumerate(label_names) if counts[label]}


def _write_split(split: SplitNames, writer: DatasetWriter, report: PrepareReport) -> None:
    train = [name for name in split.train if name not in report.blanked]
    if not train and not split.test:
        report.notes.append(f"split {split.name} left out: none of its training clips is readable")
        return
    writer.add_split(split.name, train=train, test=split.test, description=split.description)
    report.splits[split.name] = {"train": len(train), "test": len(split.test)}
