"""ms2l-evaluate: probes of a run's frozen features, beside the floors.

  ms2l-evaluate --workdir=runs/a --probes=knn,linear,svm

Prints one table, writes result.json, per_class.csv and figures/ into the run folder. The floors are
the same probes on raw normalised coordinates and on the untrained encoder. For a run with labels
the classifier is read too, and probes and floors see the labels of the same clips as the run did.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, cast

from absl import flags

from ms2l_tf.cli import common, config_flags
from ms2l_tf.config import RunConfig
from ms2l_tf.errors import InputError

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.")
DATA = flags.DEFINE_string("data", None, "Dataset folder, if it is no longer where it was.")
PROBES = flags.DEFINE_list(
    "probes",
    ["knn", "linear", "svm"],
    "Out of knn, linear (logistic regression), linear_sgd (the same by SGD in Keras), "
    "linear_published (SGD as SkeletonCLR, AimCLR and MS-CLR publish it), svm.",
)
METRIC = flags.DEFINE_enum(
    "metric", "cosine", ["cosine", "euclidean"], "Distance of the kNN probe."
)
TEST_ON = flags.DEFINE_enum(
    "test_on",
    "test",
    ["test", "validation"],
    "Clips to read the probes on; validation: probes are fitted on the fit clips only.",
)
FIGURES = flags.DEFINE_bool("figures", True, "Draw confusion matrix, t-SNE, training curves.")
SAVE_FEATURES = flags.DEFINE_string("save_features", "", "Also write the features to this .npz.")
config_flags.define("probes", optional=True)
flags.adopt_module_key_flags(config_flags)
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and evaluates."""
    if not WORKDIR.value:
        raise InputError("--workdir: name the folder of a trained run")
    common.quiet_tensorflow()
    from ms2l_tf.evaluation.evaluate import Choices, evaluate_run, result_name
    from ms2l_tf.evaluation.tables import format_table
    from ms2l_tf.runs.folder import RunFolder

    folder = RunFolder(WORKDIR.value)
    settings = {**folder.config().to_json(), **config_flags.read("probes")}
    if DATA.value:
        settings["data"] = DATA.value
    choices = Choices(
        probes=tuple(PROBES.value),
        metric=cast(Literal["cosine", "euclidean"], METRIC.value),
        test_on=TEST_ON.value,
        figures=FIGURES.value,
        save_features=SAVE_FEATURES.value,
    )
    result, _ = evaluate_run(
        folder, RunConfig.from_flat(settings), choices, progress=lambda line: print(f"  {line}")
    )
    shown = dataclasses.asdict(result)["metrics"]
    print(f"\n{result.dataset}, split {result.split}, epoch {result.epoch}, seed {result.seed}")
    print(format_table(shown))
    print(f"\n{folder.path / result_name(choices)}")
    figures = folder.path / ("figures" if TEST_ON.value == "test" else "figures_validation")
    for figure in sorted(figures.glob("*.png")):
        print(figure)


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
