"""What readers share whose clips are listed by the files' content rather than by their names."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import ClassVar

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.base import (
    DEFAULTS,
    ClipReader,
    DatasetHeader,
    PoseHeader,
    ReaderOptions,
)
from ms2l_tf.data.formats.mocap import entries_with_suffix
from ms2l_tf.data.label_table import LabelTable, Table, label_clips
from ms2l_tf.data.records import UNITS, Axes, Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.json_files import is_path
from ms2l_tf.skeletons.layout import SkeletonLayout, layout_names, load_layout

# Of 3-D poses that say nothing of their axes: y up, seen along -z, as in motion capture.
USUAL_AXES = Axes(up="+y", forward="-z", handedness="right")
FRAME_RATE = 30.0
LICENCE = "that of the recordings"
# All clips of a dataset have room for as many persons as one has: more would fill the memory.
MOST_PERSONS = 100
MAX_CLASSES = 10_000  # a larger number is no label
_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Listing:
    """What the files of a source hold.

    Attributes:
        clips: by entry, as far as the files tell.
        header: of the dataset.
        splits: the files' own.
        manifest: name and content of a table in the source that stands in for ``--labels``.
    """

    clips: Mapping[str, Clip]
    header: DatasetHeader
    splits: Sequence[SplitNames] = ()
    manifest: tuple[str, bytes] | None = None


class ListedReader(ClipReader):
    """Lists the clips of a source when it is first asked for one; `--labels` adds what is unknown.

    The splits are those of the files and, as ``given``, that of the table; without any, all clips
    train in ``train_only``.
    """

    takes: ClassVar[tuple[str, ...]] = ("layout", "labels", "frame_rate", "unit", "axes")
    suffixes: tuple[str, ...]

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        super().__init__(files, options)
        self.suffix = self.suffixes[0]

    @abc.abstractmethod
    def list_clips(self) -> Listing:
        """What is there, by headers and indices; poses are not read.

        Raises:
            InputError: the source isn't of this format.
        """

    @functools.cached_property
    def _listing(self) -> tuple[Listing, LabelTable]:
        listing = self.list_clips()
        given: Table | None = self.options.labels or listing.manifest
        table = label_clips(list(listing.clips.values()), given, listing.header.label_names)
        header = dataclasses.replace(
            listing.header,
            label_names=table.label_names,
            notes=(*listing.header.notes, *_unused(table, given)),
        )
        clips = {entry: table.clips[clip.name] for entry, clip in listing.clips.items()}
        return dataclasses.replace(listing, clips=clips, header=header), table

    @functools.cached_property
    def header(self) -> DatasetHeader:  # type: ignore[override]
        """Of the dataset, with the classes of the table of labels."""
        return self._listing[0].header

    def names(self) -> list[str]:
        """The files of the format, by name.

        Raises:
            InputError: there is none.
        """
        found: list[str] = []
        for suffix in self.suffixes:
            if any(name.lower().endswith(suffix) for name in self.files.names):
                found += entries_with_suffix(self.files, suffix)
        return sorted(found) or entries_with_suffix(self.files, self.suffix)

    def entries(self) -> Sequence[str]:
        """The clips, in the order of the files."""
        return list(self._listing[0].clips)

    def identify(self, entry: str) -> Clip | None:
        """The clip's row by the files and the table of labels."""
        return self._listing[0].clips.get(entry)

    def knows(self, file: str) -> bool:
        """Whether it ends as files of this format do."""
        return file.lower().endswith(self.suffixes)

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """The files' own, over the clips that were kept, and that of the table."""
        listing, table = self._listing
        kept = [clip.name for clip in clips]
        own = [split for split in (_over(each, set(kept)) for each in listing.splits) if split]
        given = table.split(kept)
        return [*own, given] if given and (table.sides or not own) else own


def _over(split: SplitNames, kept: set[str]) -> SplitNames | None:
    train, test = (
        tuple(name for name in side if name in kept) for side in (split.train, split.test)
    )
    return dataclasses.replace(split, train=train, test=test) if train or test else None


def _unused(table: LabelTable, given: Table | None) -> list[str]:
    if not table.unused:
        return []
    name = given[0] if isinstance(given, tuple) else f"--labels={given}"
    names = ", ".join(table.unused[:_SHOWN]) + (", ..." if len(table.unused) > _SHOWN else "")
    return [f"{name}: {len(table.unused)} rows name nothing of the source: {names}"]


def pose_header(
    options: ReaderOptions,
    layout: SkeletonLayout,
    *,
    unit: str,
    axes: Axes = USUAL_AXES,
    frame_rate: float = FRAME_RATE,
    num_persons: int,
    num_coords: int,
    confidence: bool = False,
) -> PoseHeader:
    """How poses are given: as a user says, else as the format has it.

    Raises:
        InputError: the user says what can't be.
    """
    if options.unit and options.unit not in UNITS:
        raise InputError(f"--unit={options.unit}: use one of {', '.join(UNITS)}")
    if options.frame_rate < 0:
        raise InputError(f"--frame_rate={options.frame_rate:g}: must be positive")
    if options.axes and num_coords == 2:
        raise InputError(f"--axes={options.axes}: the poses are 2-D, which have none; leave it out")
    return PoseHeader(
        layout.name,
        options.frame_rate or frame_rate,
        options.unit or unit,
        None if num_coords == 2 else parse_axes(options.axes) or axes,
        num_persons,
        num_coords,
        confidence,
        own=layout if options.layout and is_path(options.layout) else None,
    )


def assumed(options: ReaderOptions, header: PoseHeader) -> tuple[str, ...]:
    """Notes on what is taken of poses whose files say nothing of it."""
    notes = []
    if not options.frame_rate:
        notes.append(f"taken to have {header.frame_rate:g} frames a second; else say --frame_rate")
    if header.axes is not None and not options.axes:
        axes = ",".join(vars(header.axes).values())
        notes.append(f"coordinates taken to have the axes {axes}; else say --axes")
    return tuple(notes)


def parse_axes(text: str) -> Axes | None:
    """Up, forward and handedness between commas; None of an empty text."""
    words = [word.strip() for word in text.split(",")]
    if words == [""]:
        return None
    if len(words) != 3:
        raise InputError(
            f"--axes={text}: write up, forward and handedness between commas, such as +y,+z,right"
        )
    try:
        return Axes(*words)
    except InputError as error:
        raise InputError(f"--axes={text}: {error}") from None


def layout_of(options: ReaderOptions, joints: int, where: str, usual: str = "") -> SkeletonLayout:
    """The layout a user names, else the usual one of so many joints.

    Raises:
        InputError: the layout has another number of joints, or there is none to take.
    """
    fitting = [name for name in layout_names() if load_layout(name).num_joints == joints]
    known = f"packaged ones of {joints} joints: {', '.join(fitting) or 'none'}"
    if not options.layout and not usual:
        raise InputError(
            f"{where}: has {joints} joints; say by --layout which they are, a file of your own or "
            f"{known}"
        )
    layout = load_layout(options.layout or usual)
    if layout.num_joints != joints:
        raise InputError(
            f"{where}: has {joints} joints, --layout={layout.name} has {layout.num_joints}; name "
            f"another ({known})"
        )
    return layout


def numbered_classes(labels: Sequence[int], where: str) -> tuple[str, ...]:
    """Names of classes that are known by their numbers, counted from 0; -1 is none.

    Raises:
        InputError: a number that is no label.
    """
    for label in labels:
        if not -1 <= label < MAX_CLASSES:
            raise InputError(f"{where}: label {label} is out of range (0 to {MAX_CLASSES - 1})")
    return tuple(f"class_{number}" for number in range(max(labels, default=-1) + 1))
