"""Training curves: panels of one run, or each measure with a curve a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ms2l_tf.evaluation.figures.curves import as_drawn, panels_of
from ms2l_tf.evaluation.run_report.reading import ReadRun
from ms2l_tf.methods.registry import closed_form
from ms2l_tf.pages.elements import Html, element, note
from ms2l_tf.pages.lines import Curve, lines

Columns = dict[str, np.ndarray]


def curves_section(runs: Sequence[ReadRun]) -> list[Html]:
    """The curves of all runs that were trained by steps, and lines on the others."""
    notes = [note(f"{run.name}: {_without(run)}") for run in runs if not _drawn(run)]
    drawn = {run.name: _columns(run) for run in runs if _drawn(run)}
    if len(runs) == 1:
        charts = [
            _panel(title, series, columns)
            for columns in drawn.values()
            for title, series in panels_of(columns)
        ]
    else:
        charts = _compared(drawn)
    return [*notes, element("div", *charts, class_="beside")]


def _drawn(run: ReadRun) -> bool:
    return closed_form(run.config) is None and bool(run.history)


def _without(run: ReadRun) -> str:
    if closed_form(run.config) is None:
        return "there is no history of its training."
    told = ", ".join(f"{name} {value}" for name, value in (run.history or [{}])[-1].items()
                     if name != "epoch" and value)  # fmt: skip
    return f"fitted in closed form, without steps that could be drawn{told and '; '}{told}."


def _columns(run: ReadRun) -> Columns:
    names = list(dict.fromkeys(name for row in run.history for name in row))
    return {
        name: np.array([float(row.get(name) or "nan") for row in run.history]) for name in names
    }


def _curve(name: str, columns: Columns) -> Curve:
    there = np.isfinite(columns[name])  # a monitor that runs every few epochs leaves gaps
    return columns["epoch"][there].tolist(), as_drawn(name, columns[name][there]).tolist()


def _panel(title: str, series: Sequence[str], columns: Columns) -> Html:
    return lines(title, "epoch", {name: _curve(name, columns) for name in series})


def _compared(drawn: dict[str, Columns]) -> list[Html]:
    """One chart a measure, in the order of the panels."""
    by_measure: dict[str, dict[str, Curve]] = {}
    for run, columns in drawn.items():
        for _, series in panels_of(columns):
            for name in series:
                by_measure.setdefault(name, {})[run] = _curve(name, columns)
    return [lines(name, "epoch", curves) for name, curves in by_measure.items()]
