"""`DerivedLayouts`: a reader whose clips also come in layouts mapped from its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ms2l_tf.data.formats.base import ClipReader, PoseHeader, ReadClip
from ms2l_tf.data.formats.layout_map import LayoutMap
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.mapping import JointMapping, load_mapping, mapping_names

NATIVE = "native"


class DerivedLayouts(ClipReader):
    """Adds layouts by the packaged mappings, or those of the option `layout_map`.

    Derived poses share timing, noise and bone lengths with the native ones; they are not
    recordings of their own.

    Args:
        reader: of the native layouts; if it derives some already, its choice is replaced.
        layouts: what to emit, in this order: `"native"` stands for the reader's own layouts, any
            other name is one of these or the target of a packaged mapping from one of them. None
            is `"native"` and all such targets.
    """

    def __init__(self, reader: ClipReader, layouts: Sequence[str] | None = None) -> None:
        super().__init__(reader.files, reader.options)
        self.reader: ClipReader = reader.reader if isinstance(reader, DerivedLayouts) else reader
        reader = self.reader
        self.suffix, self.named = reader.suffix, reader.named
        self.takes = (*reader.takes, "layout_map")  # type: ignore[misc]  # of the format
        self._kept: list[str] = []
        self._mappings: dict[str, JointMapping] = {}
        natives = {poses.layout: poses for poses in reader.header.poses}
        headers: dict[str, PoseHeader] = {}
        chosen = LayoutMap(self.options.layout_map, list(natives.values()))
        for layout in self._wanted(layouts, list(natives), chosen):
            if layout in headers:
                raise InputError(f"--layouts: names {layout} twice")
            if layout in natives:
                self._kept.append(layout)
                headers[layout] = natives[layout]
                continue
            mapping = chosen.mapping_to(layout) or packaged_mapping(list(natives), layout)
            self._mappings[layout] = mapping
            headers[layout] = dataclasses.replace(
                natives[mapping.source],
                layout=layout,
                confidence=False,
                own=mapping.target_layout,
            )
        self.header = dataclasses.replace(
            reader.header,
            poses=tuple(headers.values()),
            notes=(*reader.header.notes, *chosen.notes),
            documents={**reader.header.documents, **chosen.documents},
        )

    def entries(self) -> Sequence[str]:
        """As the native reader."""
        return self.reader.entries()

    def read(self, entry: str) -> ReadClip:
        """The clip of the native reader in the wanted layouts."""
        return self._derived(self.reader.read(entry))

    def read_clip(self, entry: str, clip: Clip) -> ReadClip:
        """As `read`, of a file whose name says which clip it is."""
        return self._derived(self.reader.read_clip(entry, clip))

    def _derived(self, read: ReadClip) -> ReadClip:
        poses = {layout: read.poses[layout] for layout in self._kept if layout in read.poses}
        for layout, mapping in self._mappings.items():
            if mapping.source in read.poses:
                native = read.poses[mapping.source]
                poses[layout] = ClipPoses(mapping.apply(native.coords), native.present)
        return dataclasses.replace(read, poses=poses)

    def identify(self, entry: str) -> Clip | None:
        """As the native reader."""
        return self.reader.identify(entry)

    def knows(self, file: str) -> bool:
        """As the native reader."""
        return self.reader.knows(file)

    def note(self, clip: Clip, marks: Sequence[int]) -> None:
        """As the native reader."""
        self.reader.note(clip, marks)

    def splits(self, clips: Sequence[Clip]) -> Sequence[SplitNames]:
        """As the native reader."""
        return self.reader.splits(clips)

    @staticmethod
    def _wanted(
        layouts: Sequence[str] | None, natives: Sequence[str], chosen: LayoutMap
    ) -> list[str]:
        if layouts is None:
            targets = {*_targets(natives), *chosen.targets} - {*natives}
            return [*natives, *sorted(targets)]
        wanted: list[str] = []
        for layout in layouts:
            wanted += natives if layout == NATIVE else [layout]
        if not wanted:
            raise InputError("--layouts: is empty; name a layout or leave the flag out")
        return wanted


def _targets(natives: Sequence[str]) -> list[str]:
    """Targets of all packaged mappings from the native layouts, sorted."""
    prefixes = tuple(f"{native}_to_" for native in natives)
    names = [name for name in mapping_names() if name.startswith(prefixes)]
    return sorted({load_mapping(name).target for name in names})


def packaged_mapping(natives: Sequence[str], layout: str, flag: str = "--layouts") -> JointMapping:
    """The packaged mapping to a layout from one of some others.

    Raises:
        InputError: there is none; `flag` asked for it.
    """
    for native in natives:
        if f"{native}_to_{layout}" in mapping_names():
            return load_mapping(f"{native}_to_{layout}")
    known = ", ".join([NATIVE, *natives, *_targets(natives)])
    raise InputError(f"{flag}: {layout!r} cannot be derived from this source; known: {known}")
