"""Splits by subject, camera, setup or group, k folds, or a file, for a dataset that is there."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.checks import check_file_name
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.operations.stream import ClipStream
from ms2l_tf.data.operations.user_tables import check_columns, known, read_table
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames, checked_split
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_json, write_json

FIELDS = {
    "subject": "cross_subject",
    "camera": "cross_view",
    "setup": "cross_setup",
    "group": "cross_group",
}
USAGE = "[NAME=]subject:TEST,... (camera, setup, group), kfold:K[:FIELD] or file:FILE"
_SIDES = ("train", "test")


def make_splits(clips: Sequence[Clip], how: str) -> tuple[SplitNames, ...]:
    """Splits over clips.

    `subject:A,B` tests on these subjects and trains on the others; a clip of no known subject is
    in neither list. `kfold:5` are five splits whose test lists share out the clips, every class as
    evenly as it can be, and pieces that were cut from one clip together; `kfold:5:subject` shares
    out whole subjects. `file:FILE` is a `.json` file as in
    `splits/`, or a CSV file with the columns clip and split.

    Args:
        clips: of the dataset.
        how: see `USAGE`; without a name it is `cross_subject` (`cross_view`, ...), `fold_1_of_5`,
            or the file's.

    Raises:
        InputError: `how` cannot be read, or names what there is not.
    """
    where = f"--split={how}"
    named, _, rest = how.rpartition("=")
    if ":" in named:  # of a file's name
        named, rest = "", how
    kind, _, values = rest.partition(":")
    if kind in FIELDS and values:
        splits = [_by_field(clips, kind, values.split(","), where)]
    elif kind == "kfold" and values:
        splits = _folds(clips, values, where)
    elif kind == "file" and values:
        splits = [_from_file(clips, values, where)]
    else:
        raise InputError(f"{where}: use {USAGE}")
    if named:
        ends = [""] if len(splits) == 1 else [f"_{n}" for n in range(1, len(splits) + 1)]
        pairs = zip(splits, ends, strict=True)
        splits = [dataclasses.replace(split, name=named + end) for split, end in pairs]
    for split in splits:
        check_file_name("split", split.name)
    return tuple(splits)


def with_splits(stream: ClipStream, splits: Sequence[SplitNames]) -> ClipStream:
    """The stream with more splits.

    Raises:
        InputError: it has one of that name.
    """
    _check_new(splits, [split.name for split in stream.splits])
    return dataclasses.replace(stream, splits=(*stream.splits, *splits))


def add_splits(dataset: ClipDataset, splits: Sequence[SplitNames]) -> None:
    """Writes splits into the folder of a dataset; nothing that is there changes.

    Raises:
        InputError: there is one of that name, or it cannot be written.
    """
    _check_new(splits, dataset.split_names)
    names = {clip.name: clip for clip in dataset.clips}
    for split in splits:
        checked_split(split.name, split.train, split.test, split.description, names, split.name)
    for split in splits:
        content = dataclasses.asdict(split)
        del content["name"]  # the file is called like the split
        write_json(dataset.split_file(split.name), content)


def _check_new(splits: Sequence[SplitNames], there: Sequence[str]) -> None:
    for split in splits:
        if split.name in there:
            raise InputError(
                f"--split: the dataset has a split {split.name} already; call the new one "
                "otherwise, --split=NAME=..."
            )


def _by_field(clips: Sequence[Clip], field: str, values: Sequence[str], where: str) -> SplitNames:
    there = {getattr(clip, field) for clip in clips} - {""}
    test = {known(value, there, field, where) for value in values}
    if test == there:
        raise InputError(f"{where}: leaves no {field} to train on")
    sides: dict[bool, list[str]] = {True: [], False: []}
    for clip in clips:
        if getattr(clip, field):
            sides[getattr(clip, field) in test].append(clip.name)
    text = f"Test on {field} {', '.join(values)}, train on the others."
    return SplitNames(FIELDS[field], tuple(sides[False]), tuple(sides[True]), text)


def _folds(clips: Sequence[Clip], values: str, where: str) -> list[SplitNames]:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    count, _, field = values.partition(":")
    if not count.isdecimal() or int(count) < 2 or (field and field not in FIELDS):
        raise InputError(f"{where}: use kfold:K[:FIELD], K from 2, FIELD of {', '.join(FIELDS)}")
    folds = int(count)
    groups = np.array([getattr(clip, field) if field else _recording(clip) for clip in clips])
    if (groups == "").any():
        raise InputError(f"{where}: {int((groups == '').sum())} clips have no {field}")
    if len(set(groups)) < folds:
        what = f"values of {field}" if field else "recordings"
        raise InputError(f"{where}: {len(set(groups))} {what} for {folds} folds")
    labels = np.array([clip.label for clip in clips])
    if field:
        parts = GroupKFold(folds).split(labels, labels, groups)
    elif np.bincount(labels + 1).max() < folds:
        raise InputError(f"{where}: no class has {folds} clips")
    else:
        shared = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
        parts = shared.split(labels, labels, groups)
    names = np.array([clip.name for clip in clips])
    text = f"Fold {{}} of {folds}, by {field or 'class'}."
    splits = []
    for number, (train, test) in enumerate(parts, start=1):
        sides = [tuple(map(str, names[side])) for side in (train, test)]
        name = f"fold_{number}_of_{folds}"
        splits.append(SplitNames(name, sides[0], sides[1], text.format(number)))
    return splits


def _recording(clip: Clip) -> str:
    """What a clip was cut from; else the clip itself."""
    return clip.source if clip.source and clip.start >= 0 else clip.name


def _from_file(clips: Sequence[Clip], path: str, where: str) -> SplitNames:
    names = {clip.name: clip for clip in clips}
    name = pathlib.Path(path).stem
    if path.lower().endswith(".json"):
        content = read_json(path)
        train, test = (content.get(side) for side in _SIDES)
        return checked_split(name, train, test, content.get("description", ""), names, where)
    columns, rows = read_table(path, "--split=file:")
    check_columns(columns, ("clip", "split"), (), where)
    sides: dict[str, list[str]] = {side: [] for side in _SIDES}
    for line, row in rows:
        if row["split"] and row["split"] not in _SIDES:
            raise InputError(
                f"{where}, line {line}: {row['split']!r}; write train, test or nothing"
            )
        if row["split"]:
            sides[row["split"]].append(row["clip"])
    return checked_split(name, sides["train"], sides["test"], "", names, where)
