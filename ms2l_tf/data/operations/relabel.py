"""`relabel`: other names for classes, or a table of what clips show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ms2l_tf.data.label_table import label_clips
from ms2l_tf.data.operations.stream import ClipStream
from ms2l_tf.data.operations.user_tables import check_columns, known, read_table
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import json_files

OLD_NEW = ("old", "new")


def relabel(stream: ClipStream, path: str) -> ClipStream:
    """Gives classes or clips other labels.

    A JSON file `{"old name": "new name"}`, or a CSV file with the columns old and new, renames
    classes: several with one new name become one, an empty new name makes clips unlabelled, and
    classes that it does not name stay. Any other CSV file is a table of clips as `label_clips`
    reads it; its column split becomes the split `given`.

    Raises:
        InputError: the file cannot be read, or names a class or only clips that there are not.
    """
    where = f"--relabel={path}"
    if path.lower().endswith(".json"):
        return _renamed(stream, _from_json(path, where), where)
    columns, rows = read_table(path, "--relabel=")
    if not {*OLD_NEW} & {*columns}:
        return _by_table(stream, path, where)
    check_columns(columns, OLD_NEW, (), where)
    names: dict[str, str] = {}
    for line, row in rows:
        if names.setdefault(row["old"], row["new"]) != row["new"]:
            raise InputError(f"{where}, line {line}: {row['old']!r} has two new names; keep one")
    return _renamed(stream, names, where)


def _from_json(path: str, where: str) -> dict[str, str]:
    content = json_files.read_file(path)
    for old, new in content.items():
        if not isinstance(new, str):
            raise InputError(f"{where}: {old!r}: expected the new name, a text")
    return content


def _renamed(stream: ClipStream, names: Mapping[str, str], where: str) -> ClipStream:
    old = stream.header.label_names
    for name in names:
        known(name, old, "class", where)
    renamed = [names.get(name, name) for name in old]
    new = tuple(dict.fromkeys(name for name in renamed if name))
    number = [new.index(name) if name else -1 for name in renamed]
    clips = tuple(
        dataclasses.replace(clip, label=number[clip.label] if clip.label >= 0 else -1)
        for clip in stream.clips
    )
    header = dataclasses.replace(stream.header, label_names=new)
    line = f"{where}: {len(old)} classes became {len(new)}"
    return dataclasses.replace(stream, clips=clips, header=header).noting(line)


def _by_table(stream: ClipStream, path: str, where: str) -> ClipStream:
    old = stream.header.label_names
    table = label_clips(stream.clips, path, old, option="--relabel")
    clips = tuple(table.clips[clip.name] for clip in stream.clips)
    changed = sum(one != other for one, other in zip(clips, stream.clips, strict=True))
    if table.label_names != old:
        changed = len(clips)
    splits = stream.splits
    if table.sides and (given := table.split([clip.name for clip in clips])):
        splits = (*(split for split in splits if split.name != given.name), given)
    header = dataclasses.replace(stream.header, label_names=table.label_names)
    lines = [f"{where}: the rows of {changed} clips changed"]
    if table.unused:
        lines.append(f"{where}: {len(table.unused)} rows name no clip, {table.unused[0]} first")
    changes = dataclasses.replace(stream, clips=clips, header=header, splits=splits)
    return changes.noting(*lines)
