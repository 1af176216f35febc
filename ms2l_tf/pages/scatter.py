"""A map of points that the pointer, a finger or the arrow keys go over (`scatter.js`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.pages.elements import Html, element, joined, note
from ms2l_tf.pages.lines import COLOURS, colour

_WIDTH, _HEIGHT, _MARGIN, _RADIUS = 700, 520, 24, 6
# Unit shapes; together with the colours they tell 32 groups apart.
_SHAPES = (
    "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0-1 0Z",
    "M-.9-.9H.9V.9H-.9Z",
    "M0-1.2L1.1.8H-1.1Z",
    "M0-1.3L1.1 0L0 1.3L-1.1 0Z",
)


@dataclasses.dataclass(frozen=True)
class Point:
    """One point.

    Attributes:
        x, y: anywhere; the map is fitted to the page.
        words: what is told when somebody comes to it.
        group: number of its colour and shape; -1: grey.
        hollow: whether it is drawn as an outline.
        clip: number of the clip of the page that moves beside the map; None: none does.
    """

    x: float
    y: float
    words: str
    group: int
    hollow: bool = False
    clip: int | None = None


def scatter(name: str, points: Sequence[Point], groups: Mapping[int, str], number: int) -> Html:
    """The map, a list to pick one group out, and a place for the clip that somebody points at.

    Args:
        name: that screen readers tell.
        points: one or more.
        groups: names of the groups that have points, by their numbers.
        number: of the map among those of the page.
    """
    places = _fitted(points)
    order = sorted(
        range(len(points)), key=lambda i: (points[i].group < 0, points[i].group, places[i, 0])
    )
    marks = [_mark(points[i], places[i], f"m{number}-{rank}") for rank, i in enumerate(order)]
    drawn = element(
        "svg", *marks, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="listbox", tabindex=0,
        aria_label=f"{name}: {len(points)} clips, arrow keys go from one to the next",
    )  # fmt: skip
    options = [element("option", words, value=group) for group, words in groups.items()]
    choice = element("label", "Show the class ",
                     element("select", element("option", "all", value=""), *options))  # fmt: skip
    moving = [point.clip for point in points if point.clip is not None]
    part = f" {len(moving)} of {len(points)} clips move here." if len(moving) < len(points) else ""
    words = f"Point at a clip, or go to the map and use the arrow keys.{part}"
    told = element("p", words, data_told="", role="status")
    stage = [
        element("canvas", data_clip=clip, role="img", class_="hidden",
                aria_label="Skeleton of the clip that is pointed at")
        for clip in moving[:1]
    ]  # fmt: skip
    return element(
        "div",
        element("div", choice, class_="choices"),
        element(
            "div",
            element("div", drawn, _titles(points, places, groups), class_="plane"),
            element("div", told, *stage, class_="told"),
            class_="pointed",
        ),
        _key(groups),
        class_="scatter",
    )


def _fitted(points: Sequence[Point]) -> np.ndarray:
    plane = np.array([(point.x, point.y) for point in points], np.float64)
    low, span = plane.min(axis=0), np.maximum(np.ptp(plane, axis=0), 1e-9)
    size = np.array([_WIDTH, _HEIGHT]) - 2 * _MARGIN
    fitted: np.ndarray = (plane - low) / span * size + _MARGIN
    return fitted


def _mark(point: Point, place: np.ndarray, name: str) -> Html:
    style = f"--colour: {colour(point.group)}" if point.group >= 0 else None
    return element(
        "path", element("title", point.words), id=name, role="option", d=_shape(point.group),
        transform=f"translate({place[0]:.1f} {place[1]:.1f}) scale({_RADIUS})",
        class_="hollow" if point.hollow else None, style=style, data_group=point.group,
        data_clip_number=point.clip,
    )  # fmt: skip


def _shape(group: int) -> str:
    return _SHAPES[max(group, 0) // COLOURS % len(_SHAPES)]


def _titles(points: Sequence[Point], places: np.ndarray, groups: Mapping[int, str]) -> Html:
    """Names of the groups where they lie, for who sees them; too many for a phone."""
    of_points = np.array([point.group for point in points])
    titles = []
    for group, words in groups.items():
        if group < 0:
            continue
        x, y = np.median(places[of_points == group], axis=0)
        style = f"left: {100 * x / _WIDTH:.1f}%; top: {100 * y / _HEIGHT:.1f}%"
        titles.append(element("span", words, style=f"{style}; --colour: {colour(group)}"))
    return element("div", *titles, class_="titles", aria_hidden="true")


def _key(groups: Mapping[int, str]) -> Html:
    entries = []
    for group, words in groups.items():
        style = f"--colour: {colour(group)}" if group >= 0 else None
        shape = element("svg", element("path", d=_shape(group)), viewBox="-1.4 -1.4 2.8 2.8",
                        aria_hidden="true")  # fmt: skip
        entries.append(element("li", shape, words, style=style))
    return joined((
        element("ul", *entries, class_="key"),
        note("Arrow keys go to the nearest clip that way, Home and End to the first and the last."),
    ))  # fmt: skip
