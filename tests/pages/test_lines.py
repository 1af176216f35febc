"""Curves: places, words and the table are those of the numbers."""

from __future__ import annotations

import re

from ms2l_tf.pages.lines import MOST_POINTS, lines


def test_a_curve_goes_from_corner_to_corner() -> None:
    drawn = lines("loss", "epoch", {"<a>": ([1, 2, 3], [4.0, 3.0, 2.0])})
    assert 'd="M0.00 0.00L50.00 50.00L100.00 100.00"' in drawn
    assert 'aria-label="loss, by epoch: &lt;a&gt; from 4 to 2"' in drawn
    assert re.findall(r"<title>(.*?)</title>", drawn) == [
        f"epoch {x}: &lt;a&gt; {y}" for x, y in ((1, 4), (2, 3), (3, 2))
    ]
    assert "<a>" not in drawn


def test_gaps_are_empty_cells_and_bounds_are_shared() -> None:
    drawn = lines("knn", "epoch", {"a": ([1, 3], [0.0, 10.0]), "b": ([2], [5.0])})
    assert 'd="M50.00 50.00L50.00 50.00"' in drawn
    rows = re.findall(r'<th scope="row">(\d)</th>(.*?)</tr>', drawn)
    cells = [(x, re.findall(r'class="number">(.*?)</td>', row)) for x, row in rows]
    assert cells == [("1", ["0", ""]), ("2", ["", "5"]), ("3", ["10", ""])]
    assert drawn.count("stroke-dasharray") == 2  # of the second, and in the key


def test_a_level_curve_and_one_value() -> None:
    assert 'd="M0.00 100.00L100.00 100.00"' in lines("x", "epoch", {"a": ([1, 2], [3.0, 3.0])})
    told = "<p><strong>x</strong> at epoch 7: 3, b 4</p>"
    assert lines("x", "epoch", {"x": ([7], [3.0]), "b": ([7], [4.0])}) == told


def test_a_long_history_is_thinned_with_its_ends() -> None:
    count = 100_000
    drawn = lines("x", "epoch", {"a": (list(range(count)), [float(i) for i in range(count)])})
    assert len(drawn) < 60_000
    (path,) = re.findall(r'd="M([^"]*)" style', drawn)
    places = path.split("L")
    assert len(places) == MOST_POINTS
    assert (places[0], places[-1]) == ("0.00 100.00", "100.00 0.00")
    assert f'<th scope="row">{count - 1}</th>' in drawn
