"""The paper's tables of a set, from the results of their cells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ms2l_tf.files import read_json
from tools.markdown import markdown_table
from tools.reproduce.peaks import PEAKS
from tools.reproduce.rendering import CellResults, as_markdown
from tools.reproduce.table import Table
from tools.reproduce.tables import DATASETS, table
from tools.results.store import AS_IT_IS, FIGURE_4, TABLES, recipe_files

_NUMBERS = range(1, 9)


def paper_tables(folder: Path) -> Iterator[str]:
    """The tables of which there are cells, in Markdown, and Figure 4's numbers.

    Args:
        folder: of the set.
    """
    cells = {
        cell.path.stem: CellResults(variant.summary(), tuple(variant.results), variant.first.split)
        for cell in recipe_files(folder / TABLES)
        for name, variant in cell.variants.items()
        if name == AS_IT_IS
    }
    if folder.name in DATASETS and cells:
        yield f"### The tables of the MS²L paper\n\nSplit: {_splits(cells)}."
        tables = (table(number, folder.name) for number in _NUMBERS)
        for paper_table in tables:
            if paper_table is not None and _has_numbers(paper_table, cells):
                yield as_markdown(paper_table, folder.name, cells, "####")
    peaks = folder / TABLES / FIGURE_4
    if peaks.is_file():
        yield _peaks(peaks)


def _splits(cells: dict[str, CellResults]) -> str:
    return ", ".join(sorted({f"`{cell.split}`" for cell in cells.values()}))


def _has_numbers(paper_table: Table, cells: dict[str, CellResults]) -> bool:
    readings = [reading for row in paper_table.rows for reading in row.readings if reading]
    return any(cell in cells for cell, _ in readings)


def _peaks(path: Path) -> str:
    """How far the task losses rise when the labels come in, by cell and task."""
    by_cell = read_json(path)[PEAKS]
    tasks = list(
        dict.fromkeys(
            t for seeds in by_cell.values() for by_task in seeds.values() for t in by_task
        )
    )
    rows = [
        [
            f"`{cell}`",
            *(", ".join(f"{by_task[task]:.2f}" for by_task in seeds.values()) for task in tasks),
        ]
        for cell, seeds in by_cell.items()
    ]
    head = f"#### Figure 4: task losses, {PEAKS}, by seed"
    return f"{head}\n\n{markdown_table(['', *tasks], rows)}"
