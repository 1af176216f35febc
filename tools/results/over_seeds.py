"""A table over the seeds of a few runs, whether or not they are among the measured results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ms2l_tf.evaluation.cross_table import HEADING, cross_table
from ms2l_tf.evaluation.result import EvaluationResult, Summary, summarise
from ms2l_tf.evaluation.tables import format_table


def load_runs(runs: Sequence[Path]) -> list[EvaluationResult]:
    """Results of run folders, or of result.json files."""
    return [EvaluationResult.load(run / "result.json" if run.is_dir() else run) for run in runs]


def table_over_seeds(results: Sequence[EvaluationResult], measure: str) -> str:
    """Mean ± standard deviation; probes across layouts in a table of their own.

    Args:
        results: of one setting, a seed each.
        measure: "top1" or "mean_per_class".

    Raises:
        InputError: they do not belong together.
    """
    summary = summarise(results)
    first = results[0]
    plain = {name: reading for name, reading in summary.items() if "cross/" not in name}
    seeds = [result.seed for result in results]
    parts = [f"{first.dataset}, split {first.split}, seeds {seeds}"]
    parts.append(format_table(plain, measure=measure))
    if len(plain) < len(summary):
        parts += ["", HEADING, cross_table(summary, first.details["layouts"], "linear")]
    return "\n".join(parts)


def as_json(summary: Mapping[str, Summary]) -> dict[str, dict[str, Any]]:
    """Mean, standard deviation and number of runs of every metric."""
    return {
        name: {
            "mean": reading.mean,
            "sd": reading.sd if reading.runs > 1 else None,
            "runs": reading.runs,
        }
        for name, reading in summary.items()
    }
