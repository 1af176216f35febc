"""ms2l-evaluate: probes of a run's frozen features, beside the floors.

  ms2l-evaluate --workdir=runs/a --probes=knn,linear,svm
  ms2l-evaluate --workdir=runs/a --probes=none --save_features=F.npz

Prints one table, then writes result.json, per_class.csv and figures/ into the run folder. The
floors are the same probes on raw normalised coordinates and on the untrained encoder. For a run
with labels the classifier is read too, and probes and floors see the labels of the same clips as
the run did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

from ms2l_tf.cli import common, config_flags, evaluation_flags
from ms2l_tf.config import RunConfig

if TYPE_CHECKING:
    from ms2l_tf.evaluation.result import EvaluationResult

config_flags.define("probes", optional=True)
flags.adopt_module_key_flags(config_flags)
flags.adopt_module_key_flags(evaluation_flags)


def main() -> None:
    """Reads the flags and evaluates."""
    workdir, features_alone = evaluation_flags.workdir(), evaluation_flags.without_probes()
    common.quiet_tensorflow()
    from ms2l_tf.evaluation.evaluate import evaluate_run, features_only
    from ms2l_tf.evaluation.tables import format_notes, format_table
    from ms2l_tf.runs.folder import RunFolder

    folder = RunFolder(workdir)
    settings = evaluation_flags.settings(folder.config().to_json(), config_flags.read("probes"))
    config, choices = RunConfig.from_flat(settings), evaluation_flags.choices()
    if features_alone:
        evaluation_flags.show_saved(features_only(folder, config, choices.save_features))
        return

    def show(result: EvaluationResult) -> None:
        evaluation_flags.show_heading(result)
        print(format_table(result.metrics))
        if notes := format_notes(result.details):
            print(notes)
        print(flush=True)

    evaluate_run(folder, config, choices, show=show, progress=lambda line: print(f"  {line}"))


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
