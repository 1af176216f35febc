"""The page of growing sets: its arithmetic on costs that are known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.benchmarks.growth import COMMANDS
from tools.growth_page import MAPPED_MB, PAGE, SOURCE, growth, page, slope


def rows(seconds: float, start: float = 10.0) -> list[dict[str, Any]]:
    """Every command takes so many seconds a clip and 2 KB."""
    return [
        {
            "name": name,
            "clips": clips,
            "cpu_seconds": start + seconds * clips,
            "peak_mb": 500 + (0.002 + MAPPED_MB) * clips,
            "weights_mb": 1.0,
        }
        for clips in (1000, 4000, 16000)
        for name in COMMANDS
    ]


def test_a_further_clip_costs_what_it_adds_without_the_start() -> None:
    of_one = [row for row in rows(0.01) if row["name"] == "predict"]
    assert slope(of_one, "cpu_seconds") == pytest.approx(0.01)
    table = growth(rows(0.01))
    assert "| an epoch of MS²L | 10.00 | 1.0 | 2.0 |" in table


def test_larger_sets_are_read_off_the_line() -> None:
    measured = {"environment": {"python": "3"}, "rows": rows(0.036)}
    lines = [line.split(" | ") for line in page(measured).splitlines() if "ten million" in line]
    # 60 epochs of ten million clips at 36 ms: 6,000 hours; 2 MB a step over 125 MB a second.
    assert [line[4] for line in lines] == ["6,000.0 + 0.0", "750.0 + 83.3", "93.8 + 83.3"]
    assert lines[0][3] == "20.7"
    assert lines[0][6] == "0.2"  # on 20,000 clips at most


def test_the_page_is_what_was_measured() -> None:
    assert PAGE.read_text() == page(json.loads(SOURCE.read_text()))
