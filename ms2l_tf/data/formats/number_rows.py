"""Text files that hold a fixed number of numbers a line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.archives import SourceFiles
from ms2l_tf.data.formats.mocap import is_number, read_text, shorten, text_lines
from ms2l_tf.errors import InputError


class LineReader:
    """Reads text files; the last one is kept, for its clips are read one after the other."""

    def __init__(self, files: SourceFiles) -> None:
        self.files = files
        self._entry = ""
        self._lines: list[str] = []

    def read(self, entry: str) -> list[str]:
        """The lines of a file, without the blank ones at its end."""
        if entry != self._entry:
            lines = text_lines(read_text(self.files, entry))
            while lines and not lines[-1].strip():
                lines.pop()
            self._entry, self._lines = entry, lines
        return self._lines


def number_rows(lines: Sequence[str], columns: int, where: str, first: int = 1) -> np.ndarray:
    """Numbers that blanks separate; NaN and infinity are numbers too.

    Args:
        lines: to read.
        columns: numbers a line.
        where: names the file in errors.
        first: number of the first line in the file.

    Returns:
        float64 [lines, columns].

    Raises:
        InputError: a line with more or fewer words, or with one that is no number.
    """
    rows = [line.split() for line in lines]
    for number, row in enumerate(rows, start=first):
        if len(row) != columns:
            raise InputError(f"{where}, line {number}: has {len(row)} numbers, expected {columns}")
    text = "".join(itertools.chain.from_iterable(rows))  # some blanks are no ASCII
    try:
        # Python reads 1_0 as ten, and digits of any alphabet.
        if "_" in text or not text.isascii():
            raise ValueError
        values = list(map(float, itertools.chain.from_iterable(rows)))
    except ValueError:
        raise _no_number(rows, where, first) from None
    return np.array(values).reshape(len(rows), columns)


def _no_number(rows: Sequence[Sequence[str]], where: str, first: int) -> InputError:
    for number, row in enumerate(rows, start=first):
        for word in row:
            if not is_number(word):
                return InputError(f"{where}, line {number}: {shorten(word)} is not a number")
    raise AssertionError("every word is a number")
