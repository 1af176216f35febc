"""What the runs gave: read, kept, and written as the paper's tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult, summarise
from ms2l_tf.files import write_text
from ms2l_tf.measures import write_measures
from tools.reproduce.rendering import CellResults, as_json, as_markdown
from tools.reproduce.runs import Run
from tools.reproduce.table import Table
from tools.results.adding import finished_result
from tools.results.store import AS_IT_IS, RecipeResults, Variant


def collect(runs: Sequence[Run]) -> dict[str, CellResults]:
    """The results there are, by cell; a cell without any is left out."""
    results: dict[str, list[EvaluationResult]] = {}
    for run in runs:
        if (result := run.result) is not None:
            results.setdefault(run.cell.name, []).append(result)
    collected = {}
    for name, by_seed in results.items():
        try:
            collected[name] = CellResults(
                summarise(by_seed), tuple(result.seed for result in by_seed), by_seed[0].split
            )
        except InputError as error:
            raise InputError(f"cell {name}: {error}") from None
    return collected


def keep_results(runs: Sequence[Run]) -> int:
    """Puts finished runs' results, with the settings they depend on, among the kept ones.

    Returns:
        How many of these runs' results are kept.

    Raises:
        InputError: a cell's kept results are of another dataset, split or length.
    """
    for run in runs:
        if run.kept_file is not None and run.finished:
            _keep(run, run.kept_file)
    return sum(run.kept_result is not None for run in runs)


def _keep(run: Run, path: Path) -> None:
    cell, result = RecipeResults.load_or_new(path), finished_result(run.folder)
    variant = cell.variants.setdefault(AS_IT_IS, Variant())
    if variant.has(result):
        return
    try:
        variant.put(result, date.today().isoformat(), replace=True)
    except InputError as error:
        raise InputError(f"cell {run.name}: {path}: {error}") from None
    cell.save()


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
        f" Split: {', '.join(sorted({cell.split for cell in results.values()}))}."
        + (f" Clips: {source}." if source else ""),
    ]
    text = "\n\n".join([*heads, *(as_markdown(table, dataset, results) for table in tables)])
    write_text(f"{path}/tables.md", text + "\n")
    write_measures(
        f"{path}/tables.json",
        {
            "dataset": dataset,
            "command": command,
            "source": source,
            "date": date.today().isoformat(),
            "tables": [as_json(table, dataset, results) for table in tables],
        },
    )
    return text
