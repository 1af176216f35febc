"""Headings, notes, facts, tables: every word that is given is escaped, but for `Html`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(content: object) -> Html:
    """HTML that shows `content` as it stands; `Html` is passed on."""
    return content if isinstance(content, Html) else Html(html.escape(str(content)))


def element(tag: str, *content: object, **attributes: object) -> Html:
    """A tag with escaped content; underscores of attributes become dashes, None leaves one out."""
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{named}>{joined(content)}</{tag}>")


def joined(parts: Iterable[object]) -> Html:
    """The parts one after the other."""
    return Html("".join(map(escaped, parts)))


def anchor_of(heading: str) -> str:
    """The id of a section, for links to it."""
    return "s-" + re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def section(heading: str, *content: object) -> Html:
    """A section that screen readers name by its heading."""
    name = anchor_of(heading)
    title = element("h2", heading, id=name)
    return element("section", title, *content, aria_labelledby=name)


def contents(headings: Sequence[str]) -> Html:
    """Links to the sections."""
    links = [element("li", element("a", h, href=f"#{anchor_of(h)}")) for h in headings]
    return element("nav", element("ul", *links), aria_label="Contents")


def note(*content: object, alarm: bool = False) -> Html:
    """A paragraph that explains; with `alarm` one that nobody should miss."""
    return element("p", *content, class_="alarm" if alarm else "note")


def facts(pairs: Mapping[str, object]) -> Html:
    """Names and values."""
    return element("dl", *(joined((element("dt", k), element("dd", v))) for k, v in pairs.items()))


def beside(*content: object) -> Html:
    """Side by side where there is room."""
    return element("div", *(element("div", part) for part in content), class_="beside")


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Sequence[int] = (),
    bars: Sequence[int] = (),
) -> Html:
    """A table whose first column heads its rows; wider than the page it scrolls by itself.

    Args:
        caption: above it.
        head: of the columns.
        rows: of cells.
        numbers: columns that are set as numbers.
        bars: columns that hold bars, which screen readers pass over.
    """
    kinds = {**dict.fromkeys(numbers, "number"), **dict.fromkeys(bars, "bar")}
    heads = [
        element("td", class_="bar", aria_hidden="true")
        if kinds.get(column) == "bar"
        else element("th", words, scope="col", class_=kinds.get(column))
        for column, words in enumerate(head)
    ]
    body = [element("tr", *(_cell(column, cell, kinds) for column, cell in enumerate(row)))
            for row in rows]  # fmt: skip
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
    )
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(column: int, content: object, kinds: Mapping[int, str]) -> Html:
    if not column:
        return element("th", content, scope="row")
    hidden = "true" if kinds.get(column) == "bar" else None
    return element("td", content, class_=kinds.get(column), aria_hidden=hidden)
