"""Tables of a user's, as spreadsheets and scripts write them: the one way to read a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ms2l_tf.errors import InputError, one_line
from ms2l_tf.files import decode_text

SEPARATORS = ",;\t"
_HEADER_BYTES = 1 << 16  # in which the first line has to end


def separator_of(header: str) -> str:
    """What separates the columns: the sign that cuts the first line into most cells."""
    return max(SEPARATORS, key=lambda sign: len(next(csv.reader([header], delimiter=sign), [])))


def header_line(content: bytes, where: str) -> str:
    """The first line of a table, without its end.

    Raises:
        InputError: it is no UTF-8, or longer than any table's.
    """
    head = content[:_HEADER_BYTES]
    line = head.replace(b"\r", b"\n").partition(b"\n")[0]
    if len(line) == _HEADER_BYTES:
        raise InputError(f"{where}: its first line is longer than {_HEADER_BYTES} bytes")
    return decode_text(line, where)


def read_rows(content: bytes, where: str) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and cells of the rows that hold something, blanks around cells removed.

    Columns are separated by commas, semicolons or tabs, lines end as on any system.

    Args:
        content: of the file.
        where: names it in errors.

    Raises:
        InputError: it is no UTF-8 text, or no table.
    """
    text = decode_text(content, where)
    separator = separator_of(header_line(content, where))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(f"{where}: cannot be read as a table ({one_line(error)})") from None
