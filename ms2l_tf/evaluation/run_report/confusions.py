"""The confusion matrix as a table, and the worst pairs as skeletons that move."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ms2l_tf.evaluation.run_report.classes import Guesses, accuracies, heading, mistakes
from ms2l_tf.evaluation.run_report.pictures import Pictures
from ms2l_tf.evaluation.tables import probe_title
from ms2l_tf.pages.elements import Html, element, joined, note

_MOST_CELLS = 8000  # of all matrices of a page
_DARKEST = 60  # percent of the colour in a full cell: words on it can still be read
WORST = 6  # pairs that are shown


def confusions_section(guesses: Sequence[Guesses], pictures: Pictures) -> list[Html]:
    """Of each run its matrix and its worst pairs."""
    if not guesses:
        return [note("There are no predictions to count.")]
    most = math.isqrt(_MOST_CELLS // len(guesses))
    parts, several = [], len(guesses) > 1
    for one in guesses:
        parts += [heading(one)] if several else []
        parts += [_matrix(one, most), _worst(one, pictures, "h4" if several else "h3")]
    return parts


def _matrix(guesses: Guesses, most: int) -> Html:
    """Rows: classes; columns: what their clips are taken for; a darker cell is a larger share."""
    clips = {label: number for label, (number, _) in accuracies(guesses).items()}
    counts = guesses.counts
    names, left_out = _kept(guesses, most)
    rows = [
        element("tr", element("th", f"{row} ({clips.get(row, 0):,})", scope="row"),
                *(_cell(row, column, counts[row, column], clips.get(row, 0)) for column in names))
        for row in names
    ]  # fmt: skip
    heads = (element("th", element("span", name), scope="col") for name in names)
    words = (
        f"Clips of a class (rows) and what {probe_title(guesses.probe)} takes them for (columns)"
    )
    whole = element(
        "table",
        element("caption", words),
        element("thead", element("tr", element("td", "class (clips)"), *heads)),
        element("tbody", *rows),
        class_="matrix",
    )
    label = f"Confusion matrix of {guesses.run}"
    drawn = element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=label)
    if not left_out:
        return drawn
    told = f"The {len(names)} classes with most mistakes; {left_out} more are in predictions.csv."
    return joined((drawn, note(told)))


def _kept(guesses: Guesses, most: int) -> tuple[list[str], int]:
    names = sorted({name for pair in guesses.counts for name in pair})
    if len(names) <= most:
        return names, 0
    wrong = dict.fromkeys(names, 0)
    for label, guess, count in mistakes(guesses):
        wrong[label] += count
        wrong[guess] += count
    kept = sorted(names, key=lambda name: -wrong[name])[:most]
    return sorted(kept), len(names) - most


def _cell(row: str, column: str, count: int, clips: int) -> Html:
    if not count:
        return element("td", class_="none")
    share = math.sqrt(count / clips)  # rare confusions are what one looks for
    said = f"{row} taken for {column}: {count} of {clips}"
    return element(
        "td", f"{count:,}", class_="right" if row == column else "wrong", title=said,
        style=f"--share: {_DARKEST * share:.0f}%",
    )  # fmt: skip


def _worst(guesses: Guesses, pictures: Pictures, level: str) -> Html:
    """For each pair a clip that is mistaken, and clips of both classes that are not."""
    clips = {label: number for label, (number, _) in accuracies(guesses).items()}
    rows = []
    for label, guess, count in mistakes(guesses)[:WORST]:
        shown = (
            (label, guess, f"{label}, taken for {guess}", "other"),
            (label, label, f"{label}, right", "same"),
            (guess, guess, f"{guess}, right", "same"),
        )
        tiles = [
            pictures.tile(guesses.run, found, words, mark)
            for one, other, words, mark in shown
            if (found := _first(guesses, one, other)) is not None
        ]
        title = element(level, f"{label} taken for {guess}: {count:,} of {clips[label]:,} clips")
        rows.append(element("div", title, element("div", *tiles, class_="tiles")))
    if not rows:
        return note("No clip is taken for another class.")
    return element("div", *rows, class_="pairs")


def _first(guesses: Guesses, label: str, guess: str) -> str | None:
    return next((clip for clip, pair in guesses.pairs.items() if pair == (label, guess)), None)
