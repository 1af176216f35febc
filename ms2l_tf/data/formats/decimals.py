"""Columns of decimal numbers out of lines of text, all at once.

Python's `float` takes a third of a microsecond a number, which is most of the time that files of
skeletons need. A number of at most 15 digits is an integer below 2^53 divided by a power of ten
below 10^23: both are exact in double precision and division rounds once, so the quotient is what
`float` reads, to the bit (Clinger, How to Read Floating Point Numbers Accurately, 1990).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_DIGITS = 15
_WIDTH = _DIGITS + 2  # with sign and point
_POWERS = 10.0 ** np.arange(_DIGITS + 1)
_BLANK, _PLUS, _MINUS, _POINT, _ZERO = b" +-.0"


def leading_numbers(rows: Sequence[str], words: int, columns: int) -> np.ndarray | None:
    """The first numbers of each line.

    Args:
        rows: N lines without their ends, in ASCII.
        words: of each line, with one blank between two.
        columns: how many of these are read.

    Returns:
        float64 [N, columns]; None: a line has other words or blanks, or one of the numbers is none
        that `float` reads.
    """
    text = np.frombuffer(("\n".join(rows) + "\n").encode("ascii", errors="replace"), np.uint8)
    gaps = np.flatnonzero(text <= _BLANK)
    if len(gaps) != words * len(rows):
        return None
    ends = gaps.reshape(-1, words)
    if not (text[ends[:, :-1]] == _BLANK).all() or not (text[ends[:, -1]] == ord("\n")).all():
        return None
    begins = np.concatenate([[0], gaps[:-1] + 1]).reshape(-1, words)
    first, last = begins[:, :columns].ravel(), ends[:, :columns].ravel()
    values, plain = _plain_decimals(text, first, last)
    for word in np.flatnonzero(~plain):
        try:
            values[word] = float(text[first[word] : last[word]].tobytes())
        except ValueError:
            return None
    return values.reshape(-1, columns)


def _plain_decimals(
    text: np.ndarray, begins: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of words, float64 [W], and which of them are a sign, digits and a point: bool [W]."""
    lengths = ends - begins
    mantissa, scale = np.zeros(len(begins), np.int64), np.ones(len(begins), np.int64)
    digits, behind = np.zeros(len(begins), np.int64), np.full(len(begins), -1)
    plain = (lengths > 0) & (lengths <= _WIDTH)
    for place in range(int(min(lengths.max(initial=0), _WIDTH))):  # from the right
        inside = place < lengths
        signs = text[np.maximum(ends - 1 - place, 0)]
        is_digit = inside & (signs - np.uint8(_ZERO) < 10)
        is_point = inside & (signs == _POINT) & (behind < 0)
        is_sign = (place == lengths - 1) & ((signs == _MINUS) | (signs == _PLUS))
        plain &= ~inside | is_digit | is_point | is_sign
        mantissa += np.where(is_digit, (signs - np.uint8(_ZERO)) * scale, 0)
        scale = np.where(is_digit, scale * 10, scale)
        behind = np.where(is_point, digits, behind)
        digits += is_digit
    plain &= (digits > 0) & (digits <= _DIGITS)
    values = mantissa / _POWERS[np.clip(behind, 0, _DIGITS)]
    negative = text[np.minimum(begins, len(text) - 1)] == _MINUS
    return np.where(negative, -values, values), plain
