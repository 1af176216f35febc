"""Turns a source in a published format into a `ClipDataset`, and reports what it met."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ms2l_tf.data.archives import SourceFiles, open_source
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.formats import FORMATS, ClipReader, DerivedLayouts, ReadClip, ReaderOptions
from ms2l_tf.data.formats.base import DEFAULTS
from ms2l_tf.data.formats.guess import describe_files, describe_source
from ms2l_tf.data.formats.layout_map import AUTO
from ms2l_tf.data.formats.unsupported import unknown_format
from ms2l_tf.data.new_folder import check_output
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError

REPORT = "prepare_report.json"
MAX_BAD = 0.05  # of the clips; more looks like the wrong format rather than a few broken files


@dataclasses.dataclass
class PrepareReport:
    """What happened to the clips of a source; `prepare_report.json` holds the same.

    Attributes:
        format, source: what was read (the source's own name, without the path to it).
        clips: how many were written; `published_clips` how many there should be, if known.
        skipped: clips that could not be read and whose row is unknown, each with the reason.
        blanked: unreadable clips whose row is known, each with the reason: written as one frame
            of missing joints, in no training list, and still in the test lists.
        repaired: clips with repairs, and what was repaired.
        copies: groups of clips with the same poses under different names.
        one_frame: clips of a single frame.
        repeated_frames: clip -> frames equal to the one before; kept.
        notes: what the reader chose where the files leave it open.
        changed: what the writer changed or met in the poses, layout by layout; see `RepairLog`.
        splits: name -> number of training and test clips.
    """

    format: str
    source: str
    clips: int = 0
    published_clips: int | None = None
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    blanked: dict[str, str] = dataclasses.field(default_factory=dict)
    repaired: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    copies: list[list[str]] = dataclasses.field(default_factory=list)
    one_frame: list[str] = dataclasses.field(default_factory=list)
    repeated_frames: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    changed: dict[str, Any] = dataclasses.field(default_factory=dict)
    splits: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return dataclasses.asdict(self)

    def lines(self) -> list[str]:
        """A summary of a few lines for the terminal."""
        lines = [*self.notes, f"{self.clips} clips written"]
        if self.published_clips is not None and self.clips != self.published_clips:
            lines.append(
                f"the published set has {self.published_clips} clips, {self.source} differs"
            )
        counts = (
            ("skipped (unreadable, unknown)", self.skipped),
            ("unreadable, kept blank in the test lists only", self.blanked),
            ("with joints set to missing", self.repaired),
            ("of one frame, kept as a still pose", self.one_frame),
            ("with frames that repeat the one before, kept", self.repeated_frames),
        )
        lines += [f"{len(names)} {text}: {_few(names)}" for text, names in counts if names]
        if self.copies:
            lines.append(
                f"{len(self.copies)} groups of clips with identical poses: "
                f"{_few('='.join(group) for group in self.copies)}"
            )
        for name, sizes in self.splits.items():
            lines.append(f"split {name}: {sizes['train']} training, {sizes['test']} test clips")
        return lines


def prepare(
    format_name: str,
    source: str | pathlib.Path,
    out: str | pathlib.Path,
    *,
    layouts: Sequence[str] | None = None,
    strict: bool = False,
    keep_zeros: bool = False,
    progress: bool = True,
    options: ReaderOptions = DEFAULTS,
) -> tuple[ClipDataset, PrepareReport]:
    """Reads `source` and writes a dataset folder.

    An unreadable clip whose label, subject and camera are known without its content is written as
    one frame of missing joints: training lists leave it out, test lists keep it, so a test set
    never loses clips. Unreadable and unknown clips are skipped. Both kinds are bad clips.

    Args:
        format_name: a key of `FORMATS`.
        source: folder or archive.
        out: the dataset folder to make.
        layouts: see `DerivedLayouts`; None is the choice of the format: all that can be derived
            from motion capture, the native layout alone from other sources.
        strict: refuse the source at the first bad clip.
        keep_zeros: see `DatasetWriter`.
        progress: show a progress bar.
        options: what the files leave open.

    Raises:
        InputError: the source or `out` can't be used, or more than 5 % of the clips (with
            `strict`: any) are bad; then nothing is written.
    """
    if format_name not in FORMATS:
        raise InputError(unknown_format(format_name, tuple(FORMATS), describe_source(source)))
    if options.layout_map == AUTO and layouts is None:
        raise InputError(
            "--layout_map=auto: say which layouts are wanted, such as --layouts=native,h36m_17"
        )
    source, out = pathlib.Path(source), pathlib.Path(out)
    check_output(out)
    with _opened(source) as files:
        reader = FORMATS[format_name](files, options)
        entries = _entries(reader, format_name)
        if layouts is not None or options.layout_map:
            reader = DerivedLayouts(reader, layouts)
        header = reader.header
        report = PrepareReport(
            format_name, source.resolve().name, published_clips=header.published_clips
        )
        writer = DatasetWriter(
            out,
            name=header.name,
            label_names=header.label_names,
            source=header.source,
            licence=header.licence,
            keep_zeros=keep_zeros,
        )
        with writer:
            for poses in header.poses:
                writer.add_layout(poses.skeleton, **poses.settings)
            bar = tqdm(entries, desc="reading", unit="clip", disable=not progress)
            kept = _write_clips(reader, bar, writer, report, strict)
            _check_bad(source, report, len(entries), files)
            for split in reader.splits(kept):
                _write_split(split, writer, report)
            report.clips = writer.num_clips
            report.notes = list(header.notes)
            report.changed = writer.repairs.to_json()
            for name, content in header.documents.items():
                writer.add_document(name, content)
            writer.add_document(REPORT, report.to_json())
    return ClipDataset.open(out), report


def _write_clips(
    reader: ClipReader,
    entries: Iterable[str],
    writer: DatasetWriter,
    report: PrepareReport,
    strict: bool,
) -> list[Clip]:
    kept: list[Clip] = []
    owners: dict[str, str] = {}
    contents: dict[bytes, list[str]] = collections.defaultdict(list)
    for entry in entries:
        row = reader.identify(entry)
        if row is not None and owners.setdefault(row.name, entry) != entry:
            raise InputError(
                f"{reader.files.path}: clip {row.name} occurs twice, as {owners[row.name]} and "
                f"{entry}; remove one"
            )
        try:
            read = reader.read(entry)
            writer.add_clip(read.clip, read.poses)
        except InputError as error:
            if strict:
                raise InputError(f"--strict: {error}") from None
            if row is None:
                report.skipped[entry] = str(error)
                continue
            report.blanked[row.name] = str(error)
            writer.add_clip(row, _blank_poses(reader))
            kept.append(row)
            continue
        kept.append(read.clip)
        contents[_digest(read)].append(read.clip.name)
        _note(read, report)
    report.copies = [names for names in contents.values() if len(names) > 1]
    return kept


def _note(read: ReadClip, report: PrepareReport) -> None:
    name = read.clip.name
    if read.repairs:
        report.repaired[name] = list(read.repairs)
    longest = max((poses.coords for poses in read.poses.values()), key=len)
    if len(longest) == 1:
        report.one_frame.append(name)
    same = (longest[1:] == longest[:-1]) | (np.isnan(longest[1:]) & np.isnan(longest[:-1]))
    repeated = int(same.all(axis=(1, 2, 3)).sum())
    if repeated:
        report.repeated_frames[name] = repeated


def _write_split(split: SplitNames, writer: DatasetWriter, report: PrepareReport) -> None:
    train = [name for name in split.train if name not in report.blanked]
    writer.add_split(split.name, train=train, test=split.test, description=split.description)
    report.splits[split.name] = {"train": len(train), "test": len(split.test)}


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


def _digest(read: ReadClip) -> bytes:
    digest = hashlib.sha256()
    for layout in sorted(read.poses):
        digest.update(layout.encode())
        digest.update(np.ascontiguousarray(read.poses[layout].coords).tobytes())
    return digest.digest()


def _opened(source: pathlib.Path) -> SourceFiles:
    """The source; of a single file that is none the error says what it is."""
    try:
        return open_source(source)
    except InputError as error:
        held = describe_source(source)
        raise InputError(f"{error}; it {held}" if held else str(error)) from None


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


def _check_bad(
    source: pathlib.Path, report: PrepareReport, entries: int, files: SourceFiles
) -> None:
    bad = {**report.skipped, **report.blanked}
    if len(bad) > MAX_BAD * entries:
        held = describe_files(files, report.format)
        raise InputError(
            f"{source}: {len(bad)} of {entries} clips are bad (more than {MAX_BAD:.0%}), "
            f"the first: {next(iter(bad.values()))}{held and f'; the source {held}'}"
        )


def _few(names: Iterable[str], count: int = 3) -> str:
    names = list(names)
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")
