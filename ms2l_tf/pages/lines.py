"""Curves: an SVG whose axes are HTML words, and the same numbers as a table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from ms2l_tf.pages.elements import Html, element, joined, table

MOST_POINTS = 160  # of a curve, and strips of a picture
_MOST_ROWS = 24  # of the table below
_DASHES = ("", "7 4", "2 3", "9 3 2 3")
COLOURS = 8  # `--c0` to `--c7` of the style

Curve = tuple[Sequence[float], Sequence[float]]  # x rising, y; both finite


def lines(caption: str, across: str, curves: Mapping[str, Curve]) -> Html:
    """Curves in one picture; the pointer tells numbers, and so does a table that opens.

    Args:
        caption: above it.
        across: what x is.
        curves: by name, in the order of their colours; each has one point or more.
    """
    thinned = {name: _thinned(curve) for name, curve in curves.items()}
    xs = sorted({x for curve in thinned.values() for x in curve[0]})
    if len(xs) == 1:
        return _one(caption, f"{across} {xs[0]:g}", thinned)
    ys = [y for curve in thinned.values() for y in curve[1]]
    low, high = min(ys), max(ys)
    left, right = xs[0], xs[-1]
    span = (right - left) or 1.0, (high - low) or 1.0

    def place(x: float, y: float) -> str:
        return f"{100 * (x - left) / span[0]:.2f} {100 - 100 * (y - low) / span[1]:.2f}"

    paths = [_path([place(*point) for point in zip(*curve, strict=True)], number)
             for number, curve in enumerate(thinned.values())]  # fmt: skip
    values = {name: dict(zip(*curve, strict=True)) for name, curve in thinned.items()}
    said = f"{caption}, by {across}: " + "; ".join(
        f"{name} from {_number(curve[1][0])} to {_number(curve[1][-1])}"
        for name, curve in thinned.items()
    )
    drawn = element(
        "svg", *paths, _strips(xs, across, values), class_="lines", viewBox="0 0 100 100",
        preserveAspectRatio="none", role="img", aria_label=said,
    )  # fmt: skip
    height = element("div", element("span", _number(high)), element("span", _number(low)),
                     class_="height", aria_hidden="true")  # fmt: skip
    width = element("div", element("span", f"{across} {left:g}"), element("span", f"{right:g}"),
                    class_="axis", aria_hidden="true")  # fmt: skip
    return element(
        "figure",
        element("figcaption", caption),
        element("div", height, drawn, class_="plot"),
        width,
        key(list(curves)),
        _numbers(caption, across, xs, values),
    )


def key(names: Sequence[str]) -> Html:
    """Which colour and dash is which curve."""
    entries = [
        element("li", _sample(number), name, style=f"--colour: {colour(number)}")
        for number, name in enumerate(names)
    ]
    return element("ul", *entries, class_="key")


def colour(number: int) -> str:
    """A colour of the style; after the last the first comes again."""
    return f"var(--c{number % COLOURS})"


def _sample(number: int) -> Html:
    stroke = element("path", d="M0 5H26", stroke_dasharray=_dash(number))
    return element("svg", stroke, viewBox="0 0 26 10", aria_hidden="true")


def _dash(number: int) -> str | None:
    """Neighbours differ in their dashes too, for who does not see the colours."""
    return _DASHES[number % len(_DASHES)] or None


def _one(caption: str, where: str, curves: Mapping[str, Curve]) -> Html:
    """In words what one column of dots would show."""
    told = ", ".join(
        _number(ys[0]) if name == caption else f"{name} {_number(ys[0])}"
        for name, (_, ys) in curves.items()
    )
    return element("p", element("strong", caption), f" at {where}: {told}")


def _path(places: Sequence[str], number: int) -> Html:
    alone = len(places) == 1
    if alone:
        places = [places[0], places[0]]  # round caps make it a dot
    return element(
        "path", d="M" + "L".join(places), stroke_dasharray=_dash(number),
        style=f"--colour: {colour(number)}", class_="dot" if alone else None,
    )  # fmt: skip


def _strips(xs: Sequence[float], across: str, values: Mapping[str, Mapping[float, float]]) -> Html:
    """Upright strips that nobody sees: the pointer tells the numbers above one x."""
    xs = [xs[i] for i in _evenly(len(xs), MOST_POINTS)]
    edges = [xs[0], *((a + b) / 2 for a, b in itertools.pairwise(xs)), xs[-1]]
    parts = []
    for x, low, high in zip(xs, edges, edges[1:], strict=False):
        there = [f"{name} {_number(of[x])}" for name, of in values.items() if x in of]
        words = f"{across} {x:g}: {', '.join(there)}"
        start, end = (100 * (edge - xs[0]) / (xs[-1] - xs[0]) for edge in (low, high))
        parts.append(
            element("rect", element("title", words), x=f"{start:.2f}", y=0,
                    width=f"{end - start:.2f}", height=100)
        )  # fmt: skip
    return joined(parts)


def _numbers(
    caption: str,
    across: str,
    xs: Sequence[float],
    values: Mapping[str, Mapping[float, float]],
) -> Html:
    shown = _evenly(len(xs), _MOST_ROWS)
    rows = [
        (f"{xs[i]:g}", *(_number(of[xs[i]]) if xs[i] in of else "" for of in values.values()))
        for i in shown
    ]
    columns = tuple(range(1, len(values) + 1))
    listed = table(f"{caption} in numbers", (across, *values), rows, numbers=columns)
    return element("details", element("summary", "Numbers"), listed)


def _thinned(curve: Curve) -> Curve:
    kept = _evenly(len(curve[0]), MOST_POINTS)
    return [curve[0][i] for i in kept], [curve[1][i] for i in kept]


def _evenly(count: int, most: int) -> list[int]:
    """At most so many places among the first `count`, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "-"
