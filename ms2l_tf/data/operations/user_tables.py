"""Tables and lists that users write for an operation."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ms2l_tf.data.checks import is_count
from ms2l_tf.data.tables import read_rows
from ms2l_tf.errors import InputError
from ms2l_tf.files import read_bytes
from ms2l_tf.skeletons.json_files import did_you_mean

Rows = list[tuple[int, dict[str, str]]]


def read_table(path: str, flag: str) -> tuple[tuple[str, ...], Rows]:
    """Columns, and line number and cells of each row, of a CSV file with a header.

    Raises:
        InputError: it cannot be read, has no row, or a row has another number of cells.
    """
    where = f"{flag}{path}"
    try:
        content = read_bytes(path)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    table = list(read_rows(content, where))
    columns = tuple(table[0][1]) if table else ()
    if len(set(columns)) < len(columns):
        raise InputError(f"{where}: names a column twice: {','.join(columns)}")
    for line, cells in table[1:]:
        if len(cells) != len(columns):
            raise InputError(f"{where}, line {line}: {len(cells)} values, {len(columns)} columns")
    if len(table) < 2:
        raise InputError(f"{where}: has no row below its header")
    return columns, [(line, dict(zip(columns, cells, strict=True))) for line, cells in table[1:]]


def check_columns(
    columns: Sequence[str], required: Sequence[str], optional: Sequence[str], where: str
) -> None:
    """Refuses a table that lacks a column, or has one that means nothing here."""
    allowed = (*required, *optional)
    if not set(required) <= set(columns) <= set(allowed):
        may = f" and may name {', '.join(optional)}" if optional else ""
        raise InputError(
            f"{where}: the first line must name the columns {', '.join(required)}{may}; it is "
            f"{','.join(columns)!r}"
        )


def known(name: str, names: Collection[str], what: str, where: str) -> str:
    """The name, if it is one of those there are."""
    if name not in names:
        raise InputError(f"{where}: the dataset has no {what} {name!r}{did_you_mean(name, names)}")
    return name


def frame_number(text: str, where: str) -> int:
    """A frame, counted from 0."""
    if not is_count(text):
        raise InputError(f"{where}: {text!r} is no frame; frames are whole numbers from 0")
    return int(text)
