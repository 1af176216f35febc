"""The log of a set: when its test clips were read, and what for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.files import write_text

LOG = "log.md"
_HEAD = """# Every reading of the test clips

| date | what | linear | kNN-1 | SVM | used for |
| --- | --- | --- | --- | --- | --- |
"""
_PROBES = ("linear/top1", "knn/1/top1", "svm/top1")


def add_to_log(folder: Path, recipe: str, result: EvaluationResult, *, replaced: bool) -> None:
    """Adds a line at the end of a set's log, which ends with its table.

    Args:
        folder: of the set.
        recipe: what was read.
        result: of a seed.
        replaced: it took the place of an earlier reading of its seed.
    """
    path = folder / LOG
    text = path.read_text(encoding="utf-8") if path.is_file() else _HEAD
    numbers = [f"{result.metrics[p]:.2f}" if p in result.metrics else "-" for p in _PROBES]
    again = ", in place of an earlier reading" if replaced else ""
    what = f"{recipe}, seed {result.seed}{again}"
    cells = [date.today().isoformat(), what, *numbers, "the table"]
    write_text(path, f"{text.rstrip()}\n| {' | '.join(cells)} |\n")
