"""What a user's table says of clips: action, subject, camera, setup, group, side of the split."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import posixpath
from collections.abc import Iterable, Mapping, Sequence

from ms2l_tf.data.checks import is_count
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.data.tables import read_rows
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_bytes

KEYS = ("file", "clip")
NAMES = ("label", "name")
TAGS = ("subject", "camera", "setup", "group")
SIDES = ("train", "test")
# Splits: by the table's column, or of training clips alone. Commands take the first in the alphabet
# unless told, so a user's own usually goes before the latter.
GIVEN, TRAIN_ONLY = "given", "train_only"
Table = str | os.PathLike[str] | tuple[str, bytes]


@dataclasses.dataclass(frozen=True)
class LabelTable:
    """Rows of the clip table.

    Attributes:
        clips: by their name.
        label_names: names of the classes, in label order.
        unused: files of the user's table that no clip is called like.
        sides: for the clips the table assigns, by their name: ``train`` or ``test``.
    """

    clips: Mapping[str, Clip]
    label_names: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    sides: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def split(self, written: Sequence[str]) -> SplitNames | None:
        """The table's split over clips, or that of training clips alone; None without clips.

        Args:
            written: names of the clips that may be trained on; test clips stay even if unreadable.
        """
        train = tuple(name for name in written if self.sides.get(name) == "train")
        test = tuple(name for name in self.clips if self.sides.get(name) == "test")
        if train or test:  # test clips never become training clips
            return SplitNames(GIVEN, train, test, "by the table of labels")
        if not written:
            return None
        return train_only(written)


def train_only(names: Sequence[str]) -> SplitNames:
    """The split of clips that nobody has divided."""
    return SplitNames(TRAIN_ONLY, tuple(names), (), "all clips, no test")


def label_clips(
    clips: Sequence[Clip],
    table: Table | None,
    label_names: Sequence[str] = (),
    *,
    what: str = "clips",
    flag: str = "--source",
    option: str = "--labels",
) -> LabelTable:
    """Gives clips the rows of a table.

    A CSV file with a header (see `tables.read_rows`). Its column `file` or `clip` names a clip: by
    the path of its file below the named folder, the last part of that, or the clip's name. The
    others may be `label`, `subject`, `camera`, `setup`, `group` and `split` (train, test or empty:
    neither). With a column `label` classes are those of the table alone, in the order of their
    names (of their numbers, if all are numbers), and a clip without a row, or with an empty label,
    is unlabelled. Other columns replace what was known of the clips they name.

    Or a table with the columns `label` and `name` alone: it names the classes, counted from 0, that
    the files only number.

    Args:
        clips: as far as they are known; `source` is the path of the file.
        table: the file, or its name and content; None and an empty name change nothing.
        label_names: names of the classes in `clips`.
        what: clips are called, in errors.
        flag: that named them.
        option: that named the table.

    Raises:
        InputError: the table cannot be read, a row names several clips, a clip has two rows, no
            row names a clip, a side of the split is called otherwise, or none is train.
    """
    known = {clip.name: clip for clip in clips}
    if not table or table == pathlib.Path():
        return LabelTable(known, tuple(label_names))
    where, columns, lines = _read(table, option)
    if set(columns) == set(NAMES):
        return LabelTable(known, *_renamed(label_names, lines, where))
    rows, unused = _matched(clips, lines, where, what, flag)
    if not rows:
        one = what.removesuffix("s")
        raise InputError(f"{where}: none of its {len(unused)} rows names a {one} of {flag}")
    if "label" in columns:
        classes = sorted_classes(row["label"] for row in rows.values())
        number = {name: label for label, name in enumerate(classes)}
        label_names = classes
        known = {name: dataclasses.replace(clip, label=-1) for name, clip in known.items()}
    for name, row in rows.items():
        changes: dict[str, str | int] = {tag: row[tag] for tag in TAGS if tag in row}
        if "label" in row:
            changes["label"] = number[row["label"]] if row["label"] else -1
        known[name] = dataclasses.replace(known[name], **changes)  # type: ignore[arg-type]
    sides = {name: row["split"] for name, row in rows.items() if row.get("split")}
    if sides and "train" not in sides.values():
        one = what.removesuffix("s")
        raise InputError(f"{where}: its column split names no training {one}; add some")
    return LabelTable(known, tuple(label_names), tuple(unused), sides)


def _renamed(
    label_names: Sequence[str], lines: Sequence[tuple[int, dict[str, str]]], table: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes, those that a table names by their numbers called so; and numbers of none."""
    names, unused = list(label_names), []
    for line, row in lines:
        if not is_count(row["label"]) or not row["name"]:
            raise InputError(f"{table}, line {line}: needs the number of a class and its name")
        if int(row["label"]) < len(names):
            names[int(row["label"])] = row["name"]
        else:
            unused.append(row["label"])
    return tuple(names), tuple(unused)


def sorted_classes(labels: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in their order (of their numbers, if all are numbers); empty is none."""
    names = sorted(set(labels) - {""})
    return tuple(sorted(names, key=int) if all(map(is_count, names)) else names)


def _matched(
    clips: Sequence[Clip],
    lines: Sequence[tuple[int, dict[str, str]]],
    table: str,
    what: str,
    flag: str,
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The row of each clip that has one, and what rows name no clip."""
    by_key: dict[str, list[str]] = collections.defaultdict(list)
    for clip in clips:
        for key in {clip.name, clip.source, posixpath.basename(clip.source)}:
            by_key[key].append(clip.name)
    rows: dict[str, dict[str, str]] = {}
    unused = []
    for line, row in lines:
        key = next(row[column] for column in KEYS if column in row)
        named = by_key.get(key, [])
        where = f"{table}, line {line}: {key!r}"
        if len(named) > 1:
            raise InputError(f"{where} names {len(named)} {what}; write their paths below {flag}")
        if not named:
            unused.append(key)
        elif rows.setdefault(named[0], row) is not row:
            raise InputError(f"{where} has a second row; keep one")
        side = row.get("split", "")
        if side and side not in SIDES:
            raise InputError(f"{where} has split {side!r}; write train, test or nothing")
    return rows, unused


def is_label_table(content: bytes, where: str) -> bool:
    """Whether the first line names the columns of a table of clips and their labels."""
    columns = next((row for _, row in read_rows(content, where)), [])
    return set(columns) <= {*KEYS, "label", *TAGS, "split"} and bool({*KEYS} & {*columns})


def _read(source: Table, option: str) -> tuple[str, list[str], list[tuple[int, dict[str, str]]]]:
    """How errors call it, names of the columns, line numbers and rows."""
    if isinstance(source, tuple):
        where, content = source
    else:
        where = f"{option}={source}"
        try:
            content = read_bytes(source)
        except OSError as error:
            raise InputError(f"{where}: cannot be read as a table ({error.strerror})") from None
    table = list(read_rows(content, where))
    columns = table[0][1] if table else []
    keys = [column for column in columns if column in KEYS]
    allowed = {*KEYS, "label", *TAGS, "split"}
    named = set(columns) == set(NAMES)
    if (not named and (len(keys) != 1 or not set(keys) < set(columns) <= allowed)) or _repeats(
        columns
    ):
        raise InputError(
            f"{where}: the first line must name the columns file and label (or clip for file), and "
            f"may name {', '.join(TAGS)} and split; it is {','.join(columns)!r}"
        )
    for line, row in table[1:]:
        if len(row) != len(columns):
            raise InputError(f"{where}, line {line}: {len(row)} values for {len(columns)} columns")
    return where, columns, [(line, dict(zip(columns, row, strict=True))) for line, row in table[1:]]


def _repeats(columns: Sequence[str]) -> bool:
    return len(set(columns)) != len(columns)
