"""Rows that are computed as they are read: which are, how often, and how many at a time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation import rows as rows_module
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.rows import Features, LazyRows, blocks, held, take

ARRAY = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)


class Readings:
    """Lazy rows of `ARRAY`, and the sizes of what was read of them."""

    def __init__(self, array: FloatArray = ARRAY) -> None:
        self.sizes: list[int] = []

        def read(places: IntArray) -> FloatArray:
            self.sizes.append(len(places))
            return array[places]

        names = np.array([f"clip_{number}" for number in range(len(array))])
        self.rows = LazyRows(read, *array.shape, what="raw", names=names)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 16 rows; nothing of more than 20 rows is kept."""
    monkeypatch.setattr(rows_module, "BLOCK_ROWS", 16)
    monkeypatch.setattr(rows_module, "EXACT_CLIPS", 20)
    monkeypatch.setattr(rows_module, "HELD_BYTES", 0)


def joined(features: Features) -> FloatArray:
    return np.concatenate(list(blocks(features, "reading")))


PARTS = [np.arange(100) % 3 > 0, np.arange(100) < 10, np.array([99, 0, 7]), np.ones(100, bool)]


@pytest.mark.parametrize("part", PARTS, ids=["most", "few", "positions", "all"])
@pytest.mark.parametrize("limited", [True, False])
def test_lazy_rows_are_the_array(
    part: IntArray, limited: bool, request: pytest.FixtureRequest
) -> None:
    if limited:
        request.getfixturevalue("small_limits")
    rows = Readings().rows
    assert len(rows) == 100
    assert_array_equal(held(rows), ARRAY)
    assert_array_equal(joined(rows), ARRAY)
    assert_array_equal(joined(take(rows, part)), ARRAY[part])
    assert_array_equal(held(take(rows, part)), ARRAY[part])
    assert_array_equal(rows.read(np.array([5, 2])), ARRAY[[5, 2]])


@pytest.mark.usefixtures("small_limits")
def test_large_rows_are_never_read_whole() -> None:
    readings = Readings()
    for _ in range(2):
        assert_array_equal(joined(take(readings.rows, np.arange(100) < 90)), ARRAY[:90])
    assert max(readings.sizes) <= 16
    assert sum(readings.sizes) == 2 * 90


def test_small_rows_are_read_once_until_they_are_released() -> None:
    readings = Readings()
    for _ in range(3):
        joined(readings.rows)
        held(take(readings.rows, np.arange(100) % 2 > 0))
    assert sum(readings.sizes) == 100
    readings.rows.release()
    held(readings.rows)
    assert sum(readings.sizes) == 200


@pytest.mark.usefixtures("small_limits")
def test_the_clip_at_fault_is_named() -> None:
    broken = ARRAY.copy()
    broken[77, 1] = np.nan
    with pytest.raises(InputError, match=r"raw: NaN or infinite values in clip 'clip_77'"):
        joined(Readings(broken).rows)


def test_a_bar_is_shown_for_several_blocks_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    joined(ARRAY)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(rows_module, "BLOCK_ROWS", 16)
    joined(ARRAY)
    assert "reading" in capsys.readouterr().err
