"""The tables as Markdown and JSON: our numbers, over seeds, beside the published ones."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ms2l_tf.evaluation.result import Summary
from tools.markdown import markdown_table
from tools.reproduce.table import Row, Table

_ROUNDING = 1e-6  # percent


@dataclasses.dataclass(frozen=True)
class CellResults:
    """What the seeds of a cell gave, and on which split."""

    metrics: dict[str, Summary]
    seeds: tuple[int, ...]
    split: str


def as_json(table: Table, dataset: str, results: dict[str, CellResults]) -> dict[str, Any]:
    """A table's numbers: for each row what is published and, by column, mean, sd and seeds."""
    rows = []
    for row in table.rows:
        values = [
            None if value is None else _json_value(*value) for value in _values(table, row, results)
        ]
        rows.append(
            {
                "title": row.title,
                "published": row.published.get(dataset),
                "values": dict(zip(table.columns, values, strict=True)),
            }
        )
    return {"number": table.number, "title": table.title, "note": table.note, "rows": rows}


def as_markdown(
    table: Table, dataset: str, results: dict[str, CellResults], heading: str = "##"
) -> str:
    """A table in Markdown; '-' where there is no number (yet)."""
    rows = []
    for row in table.rows:
        values = _values(table, row, results)
        published = row.published.get(dataset)
        seeds = {len(value[1]) for value in values if value is not None}
        cells = ["-" if value is None else as_text(value[0]) for value in values]
        many = "-" if not seeds else "/".join(str(count) for count in sorted(seeds))
        rows.append([row.title, "-" if published is None else f"{published:.2f}", *cells, many])
    lines = [f"{heading} Table {table.number}: {table.title}", ""]
    lines.append(markdown_table(["", "published", *table.columns, "seeds"], rows))
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def _values(
    table: Table, row: Row, results: dict[str, CellResults]
) -> list[tuple[Summary, tuple[int, ...]] | None]:
    """One entry a column: what the row reads there, or None."""
    readings = row.readings or (None,) * len(table.columns)
    values: list[tuple[Summary, tuple[int, ...]] | None] = []
    for reading in readings:
        cell = results.get(reading[0]) if reading else None
        summary = cell.metrics.get(reading[1]) if cell and reading else None
        values.append((summary, cell.seeds) if cell and summary else None)
    return values


def _json_value(summary: Summary, seeds: tuple[int, ...]) -> dict[str, Any]:
    sd = None if math.isnan(summary.sd) else summary.sd
    return {"mean": summary.mean, "sd": sd, "seeds": list(seeds)}


def as_text(summary: Summary) -> str:
    """Mean ± standard deviation; the mean alone of what every seed has alike."""
    return f"{summary.mean:.2f}" if is_constant(summary) else str(summary)


def is_constant(summary: Summary) -> bool:
    """Whether every seed has the same, but for rounding."""
    return summary.sd < _ROUNDING
