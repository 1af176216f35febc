"""What a format reader is: the contract between `prepare` and one file a format."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.mocap import entries_with_suffix
from ms2l_tf.data.records import Axes, Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout


@dataclasses.dataclass(frozen=True)
class PoseHeader:
    """How a reader's poses in one layout are given; see `DatasetWriter.add_layout`.

    Attributes:
        layout: its name.
        own: the layout itself where it is no packaged one.
    """

    layout: str
    frame_rate: float
    unit: str
    axes: Axes | None
    num_persons: int = 1
    num_coords: int = 3
    confidence: bool = False
    own: SkeletonLayout | None = None

    @property
    def skeleton(self) -> SkeletonLayout:
        """The layout itself."""
        return self.own or load_layout(self.layout)

    @property
    def settings(self) -> dict[str, Any]:
        """All but the layout, as `DatasetWriter.add_layout` takes them."""
        return {name: value for name, value in vars(self).items() if name not in ("layout", "own")}


@dataclasses.dataclass(frozen=True)
class DatasetHeader:
    """What is known of a dataset before its first clip is read.

    Attributes:
        published_clips: how many clips the complete publication has; None if it varies. Fewer are
            reported, not refused.
        notes: what was chosen where the files leave it open, a line each.
        documents: files for people that go into the dataset's folder, by name.
    """

    name: str
    label_names: tuple[str, ...]
    source: str
    licence: str
    poses: tuple[PoseHeader, ...]
    published_clips: int | None = None
    notes: tuple[str, ...] = ()
    documents: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ReadClip:
    """A clip as read.

    Attributes:
        clip: its row.
        poses: by layout.
        repairs: what had to be repaired, in words.
        marks: whole numbers that `ClipReader.note` is given back, such as stable digests of frames.
    """

    clip: Clip
    poses: Mapping[str, ClipPoses]
    repairs: tuple[str, ...] = ()
    marks: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class ReaderOptions:
    """What files of a format may leave open and a user says; empty is the format's own choice.

    Attributes:
        layout: of the joints, a packaged layout or the file of one.
        labels: a CSV table of what the files do not say of their clips, see `LabelTable`.
        frame_rate: frames a second; 0 is the format's own.
        unit: of coordinates, one of `UNITS`.
        axes: up, forward and handedness between commas, such as ``+y,+z,right``.
        layout_map: the file of a mapping from the source's own layout, or ``auto``: mappings
            by the names of joints, see `suggest_mapping`.
    """

    layout: str = ""
    labels: str = ""
    frame_rate: float = 0.0
    unit: str = ""
    axes: str = ""
    layout_map: str = ""


DEFAULTS = ReaderOptions()


class ClipReader(abc.ABC):
    """Reads the clips of one opened source.

    `prepare` asks for `header` and `entries`, has the entries read, notes one clip after the other,
    then asks for the splits of the clips it kept. An entry stands for one clip: the name of its
    file or, where a file holds many, that name, ``#`` and the clip's number or name.

    Entries are read by readers of their own, in several processes and in any order: what `splits`
    needs to know of them, and no file's name tells, goes through `ReadClip.marks` and `note`.

    Attributes:
        suffix: of the files, such as ``.bvh``.
        named: how they are named, for the error about one that is not.
        takes: names of the `ReaderOptions` that the format reads; others are refused.
    """

    header: DatasetHeader
    suffix: str
    named: str
    takes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, files: SourceFiles, options: ReaderOptions = DEFAULTS) -> None:
        self.files = files
        self.options = options

    def entries(self) -> Sequence[str]:
        """What `read` can be asked for: the files, by clip name, wherever they lie in the source.

        Raises:
            InputError: the source as a whole isn't of this format.
        """
        return entries_with_suffix(self.files, self.suffix)

    def read(self, entry: str) -> ReadClip:
        """One clip.

        Raises:
            InputError: this clip cannot be used; the others can.
        """
        clip = self.identify(entry)
        if clip is None:
            raise InputError(f"{entry}: the name is not {self.named}")
        return self.read_clip(entry, clip)

    @abc.abstractmethod
    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """As `read`, of a file whose name says which clip it is."""

    @abc.abstractmethod
    def identify(self, entry: str) -> Clip | None:
        """The clip's row as far as it is known without its content; None if it isn't.

        An unreadable clip that is known stays in the test lists, see `prepare`.
        """

    def knows(self, file: str) -> bool:
        """Whether it is a file that this format reads, by its name; for ``--format=auto``."""
        return self.identify(file) is not None

    def note(self, clip: Clip, marks: Sequence[int]) -> None:  # noqa: B027 - few readers need it
        """Takes down a clip that was kept; called in the order of the entries, before `splits`.

        Args:
            clip: its row.
            marks: what its `ReadClip` was given as such.
        """

    @abc.abstractmethod
    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """The published protocols over the clips that were kept."""


def split_by(
    field: str, test: Collection[str], clips: Sequence[Clip], name: str, description: str
) -> list[SplitNames]:
    """All clips, for testing those of some subjects, groups, ...; none where a side is empty."""
    train, held = (
        tuple(clip.name for clip in clips if (getattr(clip, field) in test) == tested)
        for tested in (False, True)
    )
    return [SplitNames(name, train, held, description)] if train and held else []
