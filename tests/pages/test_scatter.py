"""The map of points: all are there, in order, within the picture, their words escaped."""

from __future__ import annotations

import re

from ms2l_tf.pages import document
from ms2l_tf.pages.scatter import Point, scatter
from tests.page_checks import check_page


def test_points_are_in_the_picture_by_groups() -> None:
    points = [
        Point(5, 1, "b & c", 1),
        Point(-3, 2, "<a>", 0, hollow=True),
        Point(1e3, -8, "z", -1),
    ]
    drawn = scatter("<Map>", points, {0: "<zero>", 1: "one", -1: "none"}, 4)
    check_page(document("x", [drawn]))
    marks = re.findall(r"<path id.*?</path>", drawn)
    words = [re.search("<title>(.*?)</title>", mark) for mark in marks]
    assert [one.group(1) for one in words if one] == ["&lt;a&gt;", "b &amp; c", "z"]
    assert [re.findall('id="(.*?)"', mark)[0] for mark in marks] == ["m4-0", "m4-1", "m4-2"]
    assert ["hollow" in mark for mark in marks] == [True, False, False]
    for mark in marks:
        ((x, y),) = re.findall(r"translate\((\S+) (\S+)\)", mark)
        assert 0 < float(x) < 700
        assert 0 < float(y) < 520
    assert "<zero>" not in drawn
    assert drawn.count("<option") == 4
    assert "<canvas" not in drawn


def test_who_all_lie_in_one_place_are_drawn() -> None:
    drawn = scatter("m", [Point(1, 1, "a", 0), Point(1, 1, "b", 40, clip=3)], {0: "x", 40: "y"}, 0)
    assert len(re.findall(r"translate\(24.0 24.0\)", drawn)) == 2
    assert 'data-clip="3"' in drawn
    assert "1 of 2 clips move here." in drawn
