"""What readers of motion capture of any source share: one layout for all files, labels, facts."""

from __future__ import annotations

import abc
import dataclasses
import functools
import posixpath
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ms2l_tf.data.formats.base import ClipReader, DatasetHeader, PoseHeader, ReadClip
from ms2l_tf.data.formats.body_facts import BodyFacts, body_facts
from ms2l_tf.data.formats.mocap import check_recorded_rate, shorten, stem
from ms2l_tf.data.kinematics import resample
from ms2l_tf.data.label_table import LabelTable, label_clips, sorted_classes
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.hierarchy import layout_of_hierarchy
from ms2l_tf.skeletons.joint_names import SYNONYMS
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout

FRAME_RATE = 30.0
_FURTHEST = 1e9  # units of a file; a thousand kilometres in the smallest one
_SAMPLES = 3  # recordings that unit and axes are guessed from


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """The content of one file.

    Attributes:
        entry: its name.
        joints: J names without prefixes.
        parents: of each joint, -1 for a root.
        points: float64 [T, J, 3], in the unit of the file.
        frame_rate: frames per second.
        rest: float64 [J, 3], the joints where nothing is turned.
    """

    entry: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    points: np.ndarray
    frame_rate: float
    rest: np.ndarray


class HierarchyFolder(ClipReader):
    """Reads recordings that all have the joints of the first readable one.

    The layout is `layout_of_hierarchy`, or with the option `layout` one with the same joints.
    Clips are called like their files, by their whole paths where file names repeat. A table of
    labels says what clips show; without one their folders do, if there are two at least.

    Attributes:
        kind: how the layout is called that is made of the hierarchy, before its number of joints.
        synonyms: words of body points, see `find_points`.
    """

    takes: ClassVar[tuple[str, ...]] = ("layout", "labels", "frame_rate", "unit", "axes")
    kind: ClassVar[str]
    synonyms: ClassVar[Mapping[str, str]] = SYNONYMS

    @abc.abstractmethod
    def record(self, entry: str) -> Recording:
        """Reads a file.

        Raises:
            InputError: it cannot be read.
        """

    @property
    def output_rate(self) -> float:
        """Frames a second of the poses."""
        rate = self.options.frame_rate or FRAME_RATE
        check_recorded_rate(rate, f"--frame_rate={rate:g}")
        return rate

    def rate_notes(self) -> tuple[str, ...]:
        """What is said of the frame rate."""
        return ()

    @functools.cached_property
    def header(self) -> DatasetHeader:  # type: ignore[override]  # known when files are read
        """One layout, in metres unless the unit is unknown."""
        facts, layout = self._facts, self._layout
        own = None if _is_packaged(layout) else layout
        poses = PoseHeader(layout.name, self.output_rate, facts.unit, facts.axes, own=own)
        return DatasetHeader(
            name=self.files.path.resolve().name.partition(".")[0] or self.kind,
            label_names=self._table.label_names,
            source=self.files.path.resolve().name,
            licence="",
            poses=(poses,),
            notes=(*facts.notes, *self.rate_notes(), *self._label_notes()),
        )

    def identify(self, entry: str) -> Clip | None:
        """The clip by its file's name, with what table or folder say of it."""
        return self._table.clips.get(self._names.get(entry, ""))

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """One recording, with the joints in the order of the layout."""
        recording = self._recorded(entry)
        order = self._order(recording)
        points = resample(recording.points, recording.frame_rate, self.output_rate)
        coords = (points[:, np.newaxis, order] * self._facts.scale).astype(np.float32)
        return ReadClip(clip, {self._layout.name: ClipPoses(coords)})

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """The table's column `split`, if it has one."""
        split = self._table.split([clip.name for clip in clips]) if self._table.sides else None
        return [split] if split else []

    def _recorded(self, entry: str) -> Recording:
        """A file whose joints are near enough to be reckoned with."""
        with np.errstate(over="ignore", invalid="ignore"):
            recording = self.record(entry)
        if not all((np.abs(of) < _FURTHEST).all() for of in (recording.points, recording.rest)):
            raise InputError(f"{entry}: has joints {_FURTHEST:g} units and more from the origin")
        return recording

    @functools.cached_property
    def _reference(self) -> Recording:
        """The first recording that can be read: what the others are compared with."""
        return next(iter(self._readable(self.entries(), 1)))

    @functools.cached_property
    def _layout(self) -> SkeletonLayout:
        first = self._reference
        if not self.options.layout:
            name = f"{self.kind}_{len(first.joints)}"
            return layout_of_hierarchy(name, first.joints, first.parents, self.synonyms)
        layout = load_layout(self.options.layout)
        if sorted(layout.joints) != sorted(first.joints):
            odd = min(set(layout.joints) ^ set(first.joints))
            which = "lacks the" if odd in layout.joints else "has another"
            raise InputError(
                f"--layout={self.options.layout}: {first.entry} {which} joint {shorten(odd)}"
            )
        return layout

    @functools.cached_property
    def _facts(self) -> BodyFacts:
        """Unit and axes, from recordings spread over the source."""
        entries = self.entries()
        spread = entries[:: max(1, len(entries) // _SAMPLES)]
        samples = self._readable([self._reference.entry, *spread[1:]], _SAMPLES)
        first, layout = self._reference, self._layout
        parents = [-1] * len(first.joints)
        for joint, up in enumerate(first.parents):
            if up >= 0:
                parents[layout.index(first.joints[joint])] = layout.index(first.joints[up])
        rest = first.rest[self._order(first)]
        alike = [s.points[:, self._order(s)] for s in samples if set(s.joints) == set(first.joints)]
        return body_facts(
            layout, parents, rest, alike, unit=self.options.unit, axes=self.options.axes
        )

    def _readable(self, entries: Sequence[str], count: int) -> list[Recording]:
        """The first recordings that can be read; the error of the first file if none can."""
        found: list[Recording] = []
        problem: InputError | None = None
        for entry in entries:
            try:
                found.append(self._recorded(entry))
            except InputError as error:
                problem = problem or error
            if len(found) == count:
                break
        if not found and problem is not None:
            raise problem
        return found

    def _order(self, recording: Recording) -> list[int]:
        """Where the joints of the layout are in a recording.

        Raises:
            InputError: it has other joints than the first one.
        """
        first, layout = self._reference, self._layout
        for one, other in ((recording, first), (first, recording)):
            odd = next((name for name in one.joints if name not in other.joints), None)
            if odd is not None:
                raise InputError(
                    f"{recording.entry}: is of another skeleton, {one.entry} has the joint "
                    f"{shorten(odd)}, {other.entry} has not; prepare them apart"
                )
        index = {name: joint for joint, name in enumerate(recording.joints)}
        return [index[name] for name in layout.joints]

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        """Clip names by entry."""
        entries = [name for name in self.files.names if name.lower().endswith(self.suffix)]
        stems = [stem(entry) for entry in entries]
        if len(set(stems)) == len(stems):
            return dict(zip(entries, stems, strict=True))
        paths = [posixpath.splitext(entry)[0].replace("/", "_") for entry in entries]
        return dict(zip(entries, paths, strict=True))

    @functools.cached_property
    def _folders(self) -> tuple[str, ...]:
        """Names of the folders that hold the files, where they tell clips apart."""
        folders = {_folder(entry) for entry in self._names} - {""}
        return sorted_classes(folders) if len(folders) > 1 else ()

    @functools.cached_property
    def _table(self) -> LabelTable:
        number = {folder: label for label, folder in enumerate(self._folders)}
        clips = [
            Clip(name, label=number.get(_folder(entry), -1), source=entry)
            for entry, name in self._names.items()
        ]
        return label_clips(clips, self.options.labels or None, self._folders)

    def _label_notes(self) -> tuple[str, ...]:
        if self.options.labels:
            unused = self._table.unused
            return (
                (f"--labels: {len(unused)} rows name no file, {unused[0]} first",) if unused else ()
            )
        if self._folders:
            return (f"labels: the names of {len(self._folders)} folders (--labels overrides)",)
        return ("labels: none, as there is one folder; say them in a table with --labels",)


def _folder(entry: str) -> str:
    return posixpath.basename(posixpath.dirname(entry))


def _is_packaged(layout: SkeletonLayout) -> bool:
    try:
        return load_layout(layout.name) == layout
    except InputError:
        return False
