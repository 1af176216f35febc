"""Where the clips of a table lie in its file, so that one is read without the others."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from typing import IO

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.csv_columns import Columns, find_columns
from ms2l_tf.data.tables import header_line, separator_of
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.files import decode_text

_HEAD = 1 << 16


@dataclasses.dataclass
class ClipRows:
    """The rows of one clip.

    Attributes:
        runs: first byte, end and number of the first line, of each stretch of the file.
        first: cells of its first row.
        persons: who is named in it.
    """

    runs: list[tuple[int, int, int]]
    first: list[str]
    persons: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass(frozen=True)
class TableIndex:
    """A table that was gone through once.

    Attributes:
        columns: what they are.
        width: cells a row.
        separator: between cells.
        clips: the rows of each by its name in the table, empty without a column of clips.
        joints: names of joints.
    """

    columns: Columns
    width: int
    separator: str
    clips: dict[str, ClipRows]
    joints: tuple[str, ...]


def index_table(files: SourceFiles, name: str) -> TableIndex:
    """Goes through a table row by row; memory grows with the clips, not with the rows.

    Raises:
        InputError: it is no table of poses, a row has too few or too many cells.
    """
    head = files.head(name, _HEAD)
    header = header_line(head, name)
    separator = separator_of(header)
    cells = [cell.strip() for cell in next(csv.reader([header], delimiter=separator), [])]
    columns = find_columns(cells, name)
    clip, person, joint = (columns.roles.get(role) for role in ("clip", "person", "joint"))
    clips: dict[str, ClipRows] = {}
    joints = dict.fromkeys(columns.joints)
    with files.open(name) as file:
        file.seek(_after_header(head))
        for start, end, line, row in rows_of(file, len(cells), separator, name):
            key = row[clip].strip() if clip is not None else ""
            if clip is not None and not key:
                raise InputError(f"{name}, line {line}: names no clip")
            rows = clips.setdefault(key, ClipRows([], row))
            if not rows.runs or rows.runs[-1][1] != start:
                rows.runs.append((start, start, line))
            rows.runs[-1] = (rows.runs[-1][0], end, rows.runs[-1][2])
            if person is not None:
                rows.persons.add(row[person].strip())
            if columns.long and joint is not None:
                joints.setdefault(row[joint].strip())
    if not clips:
        raise InputError(f"{name}: has no rows below its first line")
    return TableIndex(columns, len(cells), separator, clips, tuple(joints))


def rows_of(
    file: IO[bytes], width: int, separator: str, name: str, end: int = -1, line: int = 2
) -> Iterator[tuple[int, int, int, list[str]]]:
    """First byte, end, line number and cells of the rows from here on; rows without cells left out.

    Args:
        file: at the beginning of a row.
        width: cells a row.
        separator: between them.
        name: of the file, for errors.
        end: of what to read; -1: of the file.
        line: number of the first.

    Raises:
        InputError: a row has another number of cells, or is no UTF-8.
    """
    texts: list[str] = []
    reader = csv.reader(iter(texts.pop, None), delimiter=separator, strict=True)
    start = file.tell()
    for content in file:
        if 0 <= end <= start:
            return
        try:
            texts.append(content.decode())
            row = next(reader)
        except UnicodeDecodeError:
            raise InputError(f"{name}, line {line}: is not UTF-8 text; save it as UTF-8") from None
        except (csv.Error, IndexError) as error:
            reason = "a cell goes on over its end" if isinstance(error, IndexError) else error
            raise InputError(f"{name}, line {line}: {one_line(ValueError(reason))}") from None
        after = start + len(content)
        if any(row) and not "".join(row).isspace():
            if len(row) != width:
                raise InputError(f"{name}, line {line}: {len(row)} cells for {width} columns")
            yield start, after, line, row
        start, line = after, line + 1


def _after_header(head: bytes) -> int:
    end = head.find(b"\n")
    if end < 0:
        decode_text(head, "")
        return len(head)
    return end + 1
