"""The tables as Markdown and JSON: our numbers, over seeds, beside the published ones."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from ms2l_tf.config import RunConfig
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult, Summary, summarise
from ms2l_tf.files import read_json, write_text
from ms2l_tf.measures import write_measures
from tools.reproduce_cells import Run, begun_from
from tools.reproduce_protocols import Row, Table

_PLACES = ("data", "init")


@dataclasses.dataclass(frozen=True)
class CellResults:
    """What the seeds of a cell gave, and on which split."""

    metrics: dict[str, Summary]
    seeds: tuple[int, ...]
    split: str


def collect(runs: Sequence[Run]) -> dict[str, CellResults]:
    """The results there are, by cell; a cell without any is left out."""
    results: dict[str, list[EvaluationResult]] = {}
    for run in runs:
        if run.result is not None:
            results.setdefault(run.cell.name, []).append(EvaluationResult.load(run.result))
    collected = {}
    for name, found in results.items():
        try:
            collected[name] = CellResults(
                summarise(found), tuple(one.seed for one in found), found[0].split
            )
        except InputError as error:
            raise InputError(f"cell {name}: {error}") from None
    return collected


def keep_results(runs: Sequence[Run]) -> int:
    """Copies finished runs' results, with the settings they depend on, to the results folder.

    Returns:
        How many results the folder holds of these runs.
    """
    kept = 0
    for run in runs:
        target = run.kept_result
        source = run.folder / "result.json"
        if target is None:
            return 0
        if source.is_file():
            result = EvaluationResult.load(source)
            details = {**result.details, "settings": _chosen_settings(run)}
            target.parent.mkdir(parents=True, exist_ok=True)
            dataclasses.replace(result, details=details).save(target)
        kept += target.is_file()
    return kept


def _chosen_settings(run: Run) -> dict[str, Any]:
    """The run's settings that are not the defaults; no folders of this machine."""
    default = RunConfig().to_json()
    settings = read_json(run.folder / "flags.json")["settings"]
    chosen = {
        name: value
        for name, value in settings.items()
        if name not in _PLACES and value != default.get(name)
    }
    return {**chosen, "init": begun_from(settings["init"])} if run.start else chosen


def as_json(table: Table, dataset: str, results: dict[str, CellResults]) -> dict[str, Any]:
    """A table's numbers: for each row what is published and, by column, mean, sd and seeds."""
    rows = []
    for row in table.rows:
        values = [
            None if one is None else _json_value(*one) for one in _values(table, row, results)
        ]
        rows.append(
            {
                "title": row.title,
                "published": row.published.get(dataset),
                "values": dict(zip(table.columns, values, strict=True)),
            }
        )
    return {"number": table.number, "title": table.title, "note": table.note, "rows": rows}


def as_markdown(table: Table, dataset: str, results: dict[str, CellResults]) -> str:
    """A table in Markdown; '-' where there is no number (yet)."""
    header = ["", "published", *table.columns, "seeds"]
    lines = [f"## Table {table.number}: {table.title}", ""]
    lines += [_line(header), _line(["---"] * len(header))]
    for row in table.rows:
        found = _values(table, row, results)
        published = row.published.get(dataset)
        seeds = {len(one[1]) for one in found if one is not None}
        cells = ["-" if one is None else str(one[0]) for one in found]
        many = "-" if not seeds else "/".join(str(count) for count in sorted(seeds))
        lines.append(
            _line([row.title, "-" if published is None else f"{published:.2f}", *cells, many])
        )
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def write_tables(
    path: str,
    tables: Sequence[Table],
    dataset: str,
    results: dict[str, CellResults],
    command: str,
    source: str = "",
) -> str:
    """Writes tables.md and tables.json into a folder; returns the Markdown.

    Args:
        path: the folder.
        tables: in order.
        dataset: whose published numbers stand beside ours.
        results: by cell.
        command: that made them.
        source: where the clips come from, by their own record; synthetic ones stand in for many.
    """
    heads = [
        f"# The tables of MS2L on {dataset}, ours beside the paper's",
        f"`{command}`, {date.today().isoformat()}. Percent, top-1 unless said otherwise; mean ± "
        "standard deviation over seeds; last epoch, test clips."
        f" Split: {', '.join(sorted({one.split for one in results.values()}))}."
        + (f" Clips: {source}." if source else ""),
    ]
    text = "\n\n".join([*heads, *(as_markdown(one, dataset, results) for one in tables)])
    write_text(f"{path}/tables.md", text + "\n")
    write_measures(
        f"{path}/tables.json",
        {
            "dataset": dataset,
            "command": command,
            "source": source,
            "date": date.today().isoformat(),
            "tables": [as_json(one, dataset, results) for one in tables],
        },
    )
    return text


def _values(
    table: Table, row: Row, results: dict[str, CellResults]
) -> list[tuple[Summary, tuple[int, ...]] | None]:
    """One entry a column: what the row reads there, or None."""
    readings = row.readings or (None,) * len(table.columns)
    found: list[tuple[Summary, tuple[int, ...]] | None] = []
    for reading in readings:
        cell = results.get(reading[0]) if reading else None
        summary = cell.metrics.get(reading[1]) if cell and reading else None
        found.append((summary, cell.seeds) if cell and summary else None)
    return found


def _json_value(summary: Summary, seeds: tuple[int, ...]) -> dict[str, Any]:
    sd = None if math.isnan(summary.sd) else summary.sd
    return {"mean": summary.mean, "sd": sd, "seeds": list(seeds)}


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
