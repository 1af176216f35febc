"""What a user's table says about videos: action, subject, camera and side of the split."""

from __future__ import annotations

import collections
import csv
import dataclasses
import io
import pathlib
from collections.abc import Mapping, Sequence

from ms2l_tf.data.records import Clip
from ms2l_tf.data.videos.video import Video
from ms2l_tf.errors import InputError
from ms2l_tf.files import decode_text

NEEDED = ("file", "label")
OPTIONAL = ("subject", "camera", "split")
SIDES = ("train", "test")


@dataclasses.dataclass(frozen=True)
class ClipTable:
    """Rows of the clip table.

    Attributes:
        clips: for each video, by its name.
        label_names: names of the classes, in label order.
        unused: files of the user's table that no video is called like.
        sides: for the videos the table assigns, by their name: ``train`` or ``test``.
    """

    clips: Mapping[str, Clip]
    label_names: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    sides: Mapping[str, str] = dataclasses.field(default_factory=dict)


def label_clips(videos: Sequence[Video], table: pathlib.Path | None) -> ClipTable:
    """Gives videos their rows of the clip table.

    Classes are numbered in the order of their names (of their numbers, if all are numbers). A
    video without a row, or with an empty label, is unlabelled.

    Args:
        videos: to label.
        table: a CSV file with the columns file and label, maybe subject, camera and split (train,
            test or empty: neither); file is the path of the video below the named folder, or its
            last part alone. None labels nothing.

    Raises:
        InputError: the table cannot be read, a row names several videos, a video has two rows, no
            row names a video, a side of the split is called otherwise, or none
            is train.
    """
    plain = {video.name: Clip(video.name, source=video.file) for video in videos}
    if table is None:
        return ClipTable(plain)
    by_file: dict[str, list[Video]] = collections.defaultdict(list)
    for video in videos:
        for key in {video.file, pathlib.PurePosixPath(video.file).name}:
            by_file[key].append(video)
    rows: dict[str, dict[str, str]] = {}
    unused = []
    for line, row in _read(table):
        named = by_file.get(row["file"], [])
        where = f"--labels={table}, line {line}: {row['file']!r}"
        if len(named) > 1:
            raise InputError(f"{where} names {len(named)} videos; write their paths below --video")
        if not named:
            unused.append(row["file"])
        elif rows.setdefault(named[0].name, row) is not row:
            raise InputError(f"{where} has a second row; keep one")
        side = row.get("split", "")
        if side and side not in SIDES:
            raise InputError(f"{where} has split {side!r}; write train, test or nothing")
    if not rows:
        raise InputError(
            f"--labels={table}: none of its {len(unused)} rows names a video of --video"
        )
    names = {row["label"] for row in rows.values()} - {""}
    label_names = sorted(names, key=int if all(name.isdecimal() for name in names) else str)
    for name, row in rows.items():
        label = label_names.index(row["label"]) if row["label"] else -1
        subject, camera = (row.get(column, "") for column in ("subject", "camera"))
        plain[name] = dataclasses.replace(plain[name], label=label, subject=subject, camera=camera)
    sides = {name: row["split"] for name, row in rows.items() if row.get("split")}
    if sides and "train" not in sides.values():
        raise InputError(f"--labels={table}: its column split names no training video; add some")
    return ClipTable(plain, tuple(label_names), tuple(unused), sides)


def _read(path: pathlib.Path) -> list[tuple[int, dict[str, str]]]:
    """Line numbers and rows, blanks around values removed."""
    try:
        text = decode_text(path.read_bytes(), f"--labels={path}")
        reader = csv.reader(io.StringIO(text, newline=""))
        table = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--labels={path}: cannot be read as a table ({reason})") from None
    columns = table[0][1] if table else []
    allowed = {*NEEDED, *OPTIONAL}
    if not set(NEEDED) <= set(columns) <= allowed or len(set(columns)) != len(columns):
        raise InputError(
            f"--labels={path}: the first line must name the columns file and label, and may name "
            f"subject, camera and split; it is {','.join(columns)!r}"
        )
    for line, row in table[1:]:
        if len(row) != len(columns):
            raise InputError(
                f"--labels={path}, line {line}: {len(row)} values for {len(columns)} columns"
            )
    return [(line, dict(zip(columns, row, strict=True))) for line, row in table[1:]]
