"""Columns of numbers: what `float` reads, to the bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ms2l_tf.data.formats.decimals import leading_numbers

NUMBERS = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.floats(-10, 10).map(lambda value: f"{value:.7f}"),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        ["0", "-0", "-0.0", "+1.5", ".5", "5.", "-.25", "1e-05", "inf", "nan", "00.10"]
    ),
    st.from_regex(r"[+-]?[0-9]{1,18}\.[0-9]{1,18}", fullmatch=True),
)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_numbers_are_those_of_float(rows: list[tuple[str, str, str]]) -> None:
    read = leading_numbers([" ".join((*row, "x", "1")) for row in rows], words=5, columns=3)
    expected = np.array([[float(word) for word in row] for row in rows])
    assert read is not None
    assert read.dtype == np.float64
    np.testing.assert_array_equal(read.view(np.int64), expected.view(np.int64))


@pytest.mark.parametrize(
    "word", ["", "-", ".", "-.", "1.2.3", "1-2", "--1", "1,5", "0x10", "a", "ä"]
)
def test_what_is_no_number_is_left_to_the_caller(word: str) -> None:
    assert leading_numbers([f"{word} 1 2", "3 4 5"], words=3, columns=2) is None


@pytest.mark.parametrize(
    "row", ["1 2", "1 2 3 4", "1  2 3", "1\t2 3", " 1 2 3", "1 2 3 ", "1 2\r3"]
)
def test_lines_of_other_words_too(row: str) -> None:
    assert leading_numbers(["1 2 3", row], words=3, columns=2) is None


def test_the_sign_of_zero_is_kept() -> None:
    read = leading_numbers(["-0.0 0"], words=2, columns=2)
    assert read is not None
    assert [math.copysign(1, value) for value in read[0]] == [-1, 1]
