"""One table over the seeds of a recipe: mean ± standard deviation of several runs' result.json.

    python -m tools.summarise --runs=runs/paper_0,runs/paper_1,runs/paper_2

The runs must agree in protocol, dataset, split and feature size and differ in the seed. Of MS-CLR
runs on several layouts, probes across layouts are a table of their own.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult, summarise
from ms2l_tf.evaluation.tables import format_table
from ms2l_tf.measures import write_measures
from msclr.cross_table import HEADING, cross_table

RUNS = flags.DEFINE_list("runs", None, "Run folders or result.json files, comma-separated.")
MEASURE = flags.DEFINE_enum(
    "measure", "top1", ["top1", "mean_per_class"], "Accuracy over clips, or its mean over classes."
)
JSON = flags.DEFINE_string("json", None, "Also write mean, sd and runs of each metric here.")


def main() -> None:
    """Reads the results and prints the table."""
    if not RUNS.value:
        raise InputError("--runs: name the run folders, comma-separated")
    paths = [Path(text) for text in RUNS.value]
    files = [path / "result.json" if path.is_dir() else path for path in paths]
    results = [EvaluationResult.load(file) for file in files]
    summary = summarise(results)
    first = results[0]
    print(f"{first.dataset}, split {first.split}, seeds {[result.seed for result in results]}")
    plain = {key: one for key, one in summary.items() if "cross/" not in key}
    print(format_table(plain, measure=MEASURE.value))
    if len(plain) < len(summary):  # of an MS-CLR run
        print(f"\n{HEADING}")
        print(cross_table(summary, first.details["layouts"], "linear"))
    if JSON.value:
        values = {
            key: {"mean": one.mean, "sd": one.sd if one.runs > 1 else None, "runs": one.runs}
            for key, one in summary.items()
        }
        write_measures(JSON.value, values)


if __name__ == "__main__":
    common.run(main)
