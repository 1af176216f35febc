"""Reading what is whole of ``history.csv``."""

from __future__ import annotations

import csv
import pathlib

from ms2l_tf.errors import one_line
from ms2l_tf.files import opened_table

Row = dict[str, str]


def history_rows(path: pathlib.Path) -> tuple[list[Row], str]:
    """The rows of a history, one an epoch, up to the first damaged one.

    Returns:
        The rows, and what is wrong with the file: empty if it is whole or not there.
    """
    rows: list[Row] = []
    try:
        with opened_table(path) as stream:
            reader = csv.DictReader(stream)
            for row in reader:
                last = int(rows[-1]["epoch"]) if rows else 0
                if not _whole(row, last):
                    return rows, f"line {reader.line_num} is damaged"
                rows.append(row)
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        return rows, f"cannot be read ({one_line(error)})"
    except (UnicodeDecodeError, csv.Error) as error:
        return rows, f"is not a table of text ({error})"
    return rows, "" if rows else "is empty"


def _whole(row: Row, last: int) -> bool:
    """Whether a row has a number or nothing in each column, and an epoch above the last one."""
    try:
        for text in row.values():  # a list or None where there are more or fewer than columns
            float(text or ("nan" if text == "" else "damaged"))
        return int(row["epoch"]) > last
    except (KeyError, TypeError, ValueError):
        return False


def lacking(rows: list[Row], epochs: int) -> str:
    """Which of the first `epochs` have no row: ``3, 5-9``; empty if all have one."""
    there = {int(row["epoch"]) for row in rows}
    spans: list[list[int]] = []
    for epoch in range(1, epochs + 1):
        if epoch in there:
            continue
        if spans and spans[-1][1] == epoch - 1:
            spans[-1][1] = epoch
        else:
            spans.append([epoch, epoch])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
