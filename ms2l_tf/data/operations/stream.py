"""`ClipStream`: clips that operations pass on, one at a time, until a dataset is written."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence

from tqdm import tqdm

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.formats.base import DatasetHeader, PoseHeader
from ms2l_tf.data.pose_store import PoseStore, release
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.data.writer import DatasetWriter
from ms2l_tf.errors import InputError

REPORT = "prepare_report.json"
_RELEASED = 64  # clips after which what was mapped is given back
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class ClipStream:
    """Clips of which the rows are known and the poses are read when they are asked for.

    Attributes:
        header: name, classes, source, licence and how poses are given.
        clips: N rows.
        read: number of a clip -> its poses by layout; those it has none in are left out.
        splits: over the clips, by name.
        done: what was done so far, a line each.
    """

    header: DatasetHeader
    clips: tuple[Clip, ...]
    read: Callable[[int], Mapping[str, ClipPoses]]
    splits: tuple[SplitNames, ...] = ()
    done: tuple[str, ...] = ()

    def noting(self, *lines: str) -> ClipStream:
        """The same with more lines about what was done."""
        return dataclasses.replace(self, done=(*self.done, *lines))


def stream_of(dataset: ClipDataset) -> ClipStream:
    """All clips of a dataset, with its splits."""
    stores = {layout: dataset.poses(layout) for layout in dataset.layouts}

    def read(index: int) -> dict[str, ClipPoses]:
        if index % _RELEASED == 0:
            for store in stores.values():
                _release(store)
        return {
            layout: store.poses(index) for layout, store in stores.items() if store.lengths[index]
        }

    header = DatasetHeader(
        name=dataset.name,
        label_names=dataset.label_names,
        source=dataset.source,
        licence=dataset.licence,
        poses=tuple(_pose_header(layout, store) for layout, store in stores.items()),
    )
    return ClipStream(header, dataset.clips, read, _splits_of(dataset))


def write(
    stream: ClipStream, out: str | os.PathLike[str], *, progress: bool = True
) -> tuple[ClipDataset, tuple[str, ...]]:
    """Writes a dataset of the clips, one after the other; memory does not grow with their number.

    Clips without poses in any layout of the header are left out, and so are layouts without clips.
    What was done is kept in
    `prepare_report.json`.

    Returns:
        The dataset, and what was done, a line each.

    Raises:
        InputError: `out` can't be used, or there is nothing to write.
    """
    header = stream.header
    seen = _layouts_with_poses(stream)
    writer = DatasetWriter(
        out,
        name=header.name,
        label_names=header.label_names,
        source=header.source,
        licence=header.licence,
        keep_zeros=True,  # whoever made the dataset has decided
    )
    with writer:
        for poses in header.poses:
            if poses.layout in seen:
                writer.add_layout(poses.skeleton, **poses.settings)
        without = []
        with tqdm(stream.clips, desc="writing", unit="clip", disable=not progress) as bar:
            for index, clip in enumerate(bar):
                if read := stream.read(index):
                    writer.add_clip(clip, read)
                else:
                    without.append(clip.name)
        done = [*stream.done]
        done += [
            f"layout {poses.layout}: no clip has poses in it, left out"
            for poses in header.poses
            if poses.layout not in seen
        ]
        if without:
            done.append(f"{len(without)} clips have no poses in these layouts: {few(without)}")
        splits = restricted(stream.splits, {clip.name for clip in stream.clips} - {*without})
        for split in splits:
            writer.add_split(
                split.name, train=split.train, test=split.test, description=split.description
            )
        done += _counts(stream.splits, splits)
        report = {
            "done": done,
            "clips": writer.num_clips,
            "changed": writer.repairs.to_json(),
            "splits": {
                split.name: {"train": len(split.train), "test": len(split.test)} for split in splits
            },
        }
        for name, content in header.documents.items():
            writer.add_document(name, content)
        writer.add_document(REPORT, report)
    return ClipDataset.open(pathlib.Path(out)), (f"{writer.num_clips} clips written", *done)


def restricted(splits: Sequence[SplitNames], names: Collection[str]) -> tuple[SplitNames, ...]:
    """The splits over some clips; those of none are left out."""
    kept = []
    for split in splits:
        train = tuple(name for name in split.train if name in names)
        test = tuple(name for name in split.test if name in names)
        if train or test:
            kept.append(dataclasses.replace(split, train=train, test=test))
    return tuple(kept)


def selected(stream: ClipStream, indices: Sequence[int], *lines: str) -> ClipStream:
    """Some of the clips, in the order of the indices.

    Raises:
        InputError: there is none.
    """
    if not indices:
        raise InputError(f"{'; '.join(lines)}: no clip is left")
    clips = tuple(stream.clips[index] for index in indices)
    return dataclasses.replace(
        stream,
        clips=clips,
        read=lambda number: stream.read(indices[number]),
        splits=restricted(stream.splits, {clip.name for clip in clips}),
    ).noting(*lines)


def few(names: Sequence[str]) -> str:
    """The first names of a list."""
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _layouts_with_poses(stream: ClipStream) -> set[str]:
    """Found after the first clips, as a rule."""
    seen: set[str] = set()
    for index in range(len(stream.clips)):
        seen |= set(stream.read(index))
        if len(seen) == len(stream.header.poses):
            break
    return seen


def _counts(before: Sequence[SplitNames], after: Sequence[SplitNames]) -> list[str]:
    lines = [
        f"split {split.name}: {len(split.train)} training, {len(split.test)} test clips"
        for split in after
    ]
    lost = sorted({split.name for split in before} - {split.name for split in after})
    return [*lines, *(f"split {name}: has no clip left, left out" for name in lost)]


def _pose_header(layout: str, store: PoseStore) -> PoseHeader:
    return PoseHeader(
        layout,
        store.frame_rate,
        store.unit,
        store.axes,
        store.num_persons,
        store.num_coords,
        store.confidence is not None,
        store.layout,
    )


def _splits_of(dataset: ClipDataset) -> tuple[SplitNames, ...]:
    def names(indices: Sequence[int]) -> tuple[str, ...]:
        return tuple(dataset.clips[index].name for index in indices)

    splits = [dataset.split(name) for name in dataset.split_names]
    return tuple(
        SplitNames(split.name, names(split.train), names(split.test), split.description)  # type: ignore[arg-type]
        for split in splits
    )


def _release(store: PoseStore) -> None:
    release(store.coords)
    if store.confidence is not None:
        release(store.confidence)
