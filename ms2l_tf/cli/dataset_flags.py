"""Flags of `ms2l-prepare` that work on datasets which are there already."""

from __future__ import annotations

import dataclasses
from typing import Any

from absl import flags

from ms2l_tf.data import ClipDataset, operations
from ms2l_tf.data.operations.stream import REPORT, ClipStream
from ms2l_tf.errors import InputError

flags.disclaim_key_flags()  # they are flags of the command that has them defined


@dataclasses.dataclass(frozen=True)
class DatasetFlags:
    """The flags, once they are defined."""

    merge: flags.FlagHolder[Any]
    derive: flags.FlagHolder[Any]
    relabel: flags.FlagHolder[Any]
    subset: flags.FlagHolder[Any]
    cut: flags.FlagHolder[Any]
    split: flags.FlagHolder[Any]

    @property
    def given(self) -> list[str]:
        """Names of those that are given."""
        return [name for name, flag in vars(self).items() if flag.value]


def define() -> DatasetFlags:
    """Defines the flags, as those of the module that calls."""
    return DatasetFlags(
        merge=flags.DEFINE_list(
            "merge", None, "Dataset folders to make one of, separated by commas; see docs/data.md."
        ),
        derive=flags.DEFINE_list(
            "derive",
            None,
            "Layouts for the clips of a dataset, --source or --merge: its own (native: all), "
            "targets of packaged mappings from them (with --layout_map=auto any packaged ones), or "
            ".json files of mappings.",
        ),
        relabel=flags.DEFINE_string(
            "relabel",
            None,
            "Other labels: a .json file or a table with the columns old and new renames classes, "
            "one with clip and label (and subject, camera, ...) says what clips show.",
        ),
        subset=flags.DEFINE_multi_string(
            "subset",
            None,
            "Some of the clips: split:NAME:train, label:A,B, subject:A,B (camera, setup, group) or "
            "file:FILE, a clip a line. Given twice, both must hold.",
        ),
        cut=flags.DEFINE_string(
            "cut",
            None,
            "Pieces of the clips: windows:LENGTH[:STRIDE], points:FILE:BEFORE:AFTER (a table of "
            "clip, frame, label) or intervals:FILE (clip, start, end, label).",
        ),
        split=flags.DEFINE_multi_string(
            "split",
            None,
            "A split to add: [NAME=]subject:TEST,... (camera, setup, group), kfold:K[:subject] or "
            "file:FILE. Without --out and other work it is added to the dataset --source.",
        ),
    )


def work(given: DatasetFlags, source: str | None, out: str | None, layout_map: str) -> None:
    """Does what the flags say, in this order: derive, merge, relabel, subset, cut, split."""
    if bool(source) == bool(given.merge.value):
        raise InputError(
            f"--{given.given[0]}: name one dataset folder with --source, or several with --merge"
        )
    if not out and given.given == ["split"]:
        _add_splits(given, str(source))
        return
    if not out:
        raise InputError("--out is missing; name the dataset folder to make")
    folders = given.merge.value or [source]
    streams = [operations.stream_of(ClipDataset.open(folder)) for folder in folders]
    dataset, lines = operations.write(_worked(given, streams, layout_map), out)
    for line in lines:
        print(line)
    print(f"dataset: {dataset.path}")
    print(f"report:  {dataset.path / REPORT}")


def _worked(given: DatasetFlags, streams: list[ClipStream], layout_map: str) -> ClipStream:
    if layout_map and not given.derive.value:
        raise InputError("--layout_map: name the layouts to make with --derive")
    if given.derive.value:
        streams = [operations.derive(one, given.derive.value, layout_map) for one in streams]
    stream = operations.merge(streams) if given.merge.value else streams[0]
    if given.relabel.value:
        stream = operations.relabel(stream, given.relabel.value)
    for wanted in given.subset.value or ():
        stream = operations.subset(stream, wanted)
    if given.cut.value:
        stream = operations.cut(stream, given.cut.value)
    for how in given.split.value or ():
        stream = operations.with_splits(stream, operations.make_splits(stream.clips, how))
    return stream


def _add_splits(given: DatasetFlags, source: str) -> None:
    dataset = ClipDataset.open(source)
    splits = [s for how in given.split.value for s in operations.make_splits(dataset.clips, how)]
    operations.add_splits(dataset, splits)
    for split in splits:
        counts = f"{len(split.train)} training, {len(split.test)} test clips"
        print(f"split {split.name}: {counts}")
        print(f"written: {dataset.split_file(split.name)}")
