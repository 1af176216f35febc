"""Figure 4 of the runs there are, and how far their task losses rise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ms2l_tf.files import read_json, write_text
from tools.reproduce.all_labels import FINE_TUNED, MOVING
from tools.reproduce.runs import Plan, Run
from tools.reproduce.table import MS2L
from tools.results.compact import compact_json
from tools.results.store import FIGURE_4

PEAKS = "largest loss over that of pre-training"
Peaks = dict[str, dict[str, dict[str, float]]]  # by cell, seed<k> and task


def write_figure_4(plan: Plan) -> None:
    """Draws the first seed that has all three histories; keeps the peaks of all such seeds."""
    from tools.reproduce.figure4 import task_peaks, tasks_figure  # their imports take seconds

    path = plan.workdir / "figure4.png"
    peaks: Peaks = {}
    for seed in plan.seeds:
        runs = [Run(plan, cell, seed) for cell in (MS2L, FINE_TUNED, MOVING)]
        histories = [run.folder / "history.csv" for run in runs]
        if not all(run.trained for run in runs) or not all(
            history.is_file() for history in histories
        ):
            continue
        if not peaks:
            tasks_figure(path, *histories)
            print(f"figure: {path}")
        for cell, history in zip((FINE_TUNED, MOVING), histories[1:], strict=True):
            peaks.setdefault(cell.name, {})[f"seed{seed}"] = task_peaks(histories[0], history)
    if peaks:
        _write(path.with_suffix(".json"), peaks)
        if plan.kept_tables:  # histories are not kept there; other seeds' may lie elsewhere
            _write(plan.kept_tables / FIGURE_4, peaks)


def _write(path: Path, peaks: Peaks) -> None:
    """Adds peaks to those a file has."""
    before: Mapping[str, Mapping[str, dict[str, float]]]
    before = read_json(path)[PEAKS] if path.is_file() else {}
    together = {cell: {**before.get(cell, {}), **by_seed} for cell, by_seed in peaks.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, compact_json({PEAKS: together}) + "\n")
    print(f"how far its losses rise: {path}")
