"""The cross-convention table as text."""

from __future__ import annotations

import math

import pytest

from ms2l_tf.evaluation.cross_table import cross_table, largest_loss


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_a_dash_and_no_loss(broken: float) -> None:
    metrics = {
        "linear/top1": 60.0,
        "layout/b/linear/top1": 70.0,
        "cross/a/b/linear/top1": broken,
        "floor/raw/cross/a/b/linear/top1": broken,
        "cross/b/a/linear/top1": 57.0,
    }
    rows = [line.split() for line in cross_table(metrics, "ab", "linear").splitlines()]
    assert rows[-2] == ["a", "60.0", "(-,", "-)", "-", "(-,", "-)"]
    assert largest_loss(metrics, "ab", "linear") == (3.0, "b", "a")
    lost = {**metrics, "cross/b/a/linear/top1": broken}
    assert largest_loss(lost, "ab", "linear") is None
