"""Bars of a table, columns of a histogram: SVG shapes, and HTML words that phones can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ms2l_tf.pages.elements import Html, element, table

MOST_ROWS = 150  # of a table of counts; the rest is summed up


def counted(caption: str, head: str, counts: Mapping[str, int], what: str = "clips") -> Html:
    """A table of names, counts and bars; beyond `MOST_ROWS` the last row sums up the others."""
    rows = list(counts.items())
    if len(rows) > MOST_ROWS:
        rest = rows[MOST_ROWS - 1 :]
        rows = rows[: MOST_ROWS - 1]
        others = f"({len(rest):,} more, together)"
        rows.append((others, sum(count for _, count in rest)))
    most = max((count for _, count in rows), default=0)
    body = [(name or "(unknown)", f"{count:,}", bar(count, most)) for name, count in rows]
    return table(caption, (head, what, ""), body, numbers=(1,), bars=(2,))


def bar(value: float, most: float) -> Html:
    """A bar as long as the value's part of the most."""
    width = 100 * value / most if most else 0
    inner = element("rect", width=f"{width:.2f}", height=10)
    return element(
        "svg", inner, class_="bar", viewBox="0 0 100 10", preserveAspectRatio="none",
        aria_hidden="true",
    )  # fmt: skip


def histogram(caption: str, edges: Sequence[float], counts: Sequence[int], unit: str) -> Html:
    """Columns of counts between edges (one more than counts), their ends written below.

    Args:
        caption: above it; screen readers hear it with the range and the highest column.
        edges: [n + 1], rising.
        counts: [n].
        unit: of the edges, in the plural.
    """
    most = max(counts, default=0) or 1
    wide = 100 / max(len(counts), 1)
    columns = [
        element(
            "rect",
            element("title", f"{low:g} to {high:g} {unit}: {count}"),
            x=f"{wide * place + 0.1 * wide:.2f}",
            y=f"{100 - 100 * count / most:.2f}",
            width=f"{0.8 * wide:.2f}",
            height=f"{100 * count / most:.2f}",
        )
        for place, (low, high, count) in enumerate(zip(edges, edges[1:], counts, strict=False))
    ]
    said = f"{caption}: from {edges[0]:g} to {edges[-1]:g} {unit}, at most {most} in a column"
    drawn = element(
        "svg", *columns, class_="columns", viewBox="0 0 100 100", preserveAspectRatio="none",
        role="img", aria_label=said,
    )  # fmt: skip
    middle = (edges[len(counts) // 2] + edges[(len(counts) + 1) // 2]) / 2
    marks = (edges[0], middle, edges[-1])
    axis = element("div", *(element("span", f"{mark:g}") for mark in marks), class_="axis")
    title = element("figcaption", f"{caption} (tallest column: {most:,})")
    return element("figure", title, drawn, axis)
