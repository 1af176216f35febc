"""Accuracies beside the floors, and those of several runs beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.evaluation.run_report.reading import ReadRun
from ms2l_tf.evaluation.tables import (
    FLOOR_TITLES,
    floor_names,
    format_notes,
    probe_keys,
    probe_title,
)
from ms2l_tf.pages.charts import bar
from ms2l_tf.pages.elements import Html, element, note, table


def accuracy_section(runs: Sequence[ReadRun]) -> list[Html]:
    """Tables of the runs that were evaluated."""
    results = {run.name: run.result for run in runs if run.result is not None}
    if not results:
        return [note("No run was evaluated yet.")]
    several = len(results) > 1
    parts = [_compared(results)] if several else []
    for name, result in results.items():
        parts.append(_beside_floors(f"{name}: " if several else "", result))
        parts += [note(line) for line in format_notes(result.details).splitlines()]
    return parts


def percent(value: float | None) -> str:
    """A percentage, or a dash."""
    return f"{value:.1f}" if value is not None and math.isfinite(value) else "-"


def points(value: float) -> Html:
    """A gain in points, as a sign, a number and a colour."""
    if not math.isfinite(value):
        return element("span", "-")
    kind = "same" if value > 0 else "other" if value < 0 else None
    return element("span", f"{value:+.1f}", class_=kind)


def _plain(metrics: Mapping[str, float]) -> dict[str, float]:
    """All but what is read across layouts, which has a table of its own in the terminal."""
    return {key: value for key, value in metrics.items() if "cross/" not in key}


def _beside_floors(prefix: str, result: EvaluationResult) -> Html:
    metrics = _plain(result.metrics)
    floors = floor_names(metrics)
    head = ["probe", "features", "by class"]
    for floor in floors:
        head += [FLOOR_TITLES.get(floor, floor), "gain"]
    rows = []
    for probe in probe_keys(metrics, "top1"):
        value = metrics[f"{probe}/top1"]
        row: list[object] = [probe_title(probe), percent(value)]
        row.append(percent(metrics.get(f"{probe}/mean_per_class")))
        for floor in floors:
            below = metrics.get(f"floor/{floor}/{probe}/top1", math.nan)
            row += [percent(below), points(value - below)]
        rows.append(row)
    caption = f"{prefix}Top-1 accuracy in percent, its mean over classes, and gains in points"
    return table(caption, head, rows, numbers=range(1, len(head)))


def _compared(results: Mapping[str, EvaluationResult]) -> Html:
    """A row a probe, a column a run; the best of a row is told in words and drawn as a bar."""
    metrics = {name: _plain(result.metrics) for name, result in results.items()}
    probes = dict.fromkeys(key for of_run in metrics.values() for key in probe_keys(of_run, "top1"))
    rows = []
    for probe in probes:
        values = {name: of_run.get(f"{probe}/top1", math.nan) for name, of_run in metrics.items()}
        there = {name: value for name, value in values.items() if math.isfinite(value)}
        best = max(there, key=lambda name: there[name], default="-")
        rows.append((
            probe_title(probe), *map(percent, values.values()), best,
            bar(there.get(best, 0.0), 100),
        ))  # fmt: skip
    count = len(metrics)
    return table(
        "Top-1 accuracy of the runs, percent", ("probe", *metrics, "best run", ""), rows,
        numbers=range(1, count + 1), bars=(count + 2,),
    )  # fmt: skip
