"""kNN accuracy of a feature file: features in, table out.

    python tools/knn_eval.py --features=F.npz --k=1,5,20

The file holds `train_features` [N, D], `train_labels` [N], `train_names` [N], the same for `test_`,
and `label_names`, without pickles; `ms2l-evaluate --save_features` writes one.
"""

from __future__ import annotations

from typing import Literal, cast

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.collapse import warn_if_constant
from ms2l_tf.evaluation.feature_files import load_features
from ms2l_tf.evaluation.neighbours import fitting_neighbours
from ms2l_tf.evaluation.probes import KNNProbe
from ms2l_tf.evaluation.report import evaluate_features
from ms2l_tf.evaluation.tables import aligned, format_notes
from ms2l_tf.measures import write_measures

FEATURES = flags.DEFINE_string("features", None, "Feature file (.npz) to read.", required=True)
K = flags.DEFINE_list("k", ["1", "5", "20"], "Numbers of neighbours, comma-separated.")
METRIC = flags.DEFINE_enum(
    "metric", "cosine", ["cosine", "euclidean"], "Distance between features."
)
WEIGHTS = flags.DEFINE_enum(
    "weights", "uniform", ["uniform", "distance"], "Votes: equal, or 1/distance."
)
JSON = flags.DEFINE_string("json", None, "Also write the numbers to this JSON file.")


def _neighbours(texts: list[str]) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in texts)
    except ValueError:
        raise InputError(f"--k: '{','.join(texts)}' is not a list of whole numbers") from None


def main() -> None:
    """Reads the flags, evaluates and prints the table."""
    file = load_features(FEATURES.value)
    probe = KNNProbe(
        k=fitting_neighbours(_neighbours(K.value), int(file.train.labelled.sum())),
        metric=cast(Literal["cosine", "euclidean"], METRIC.value),
        weights=cast(Literal["uniform", "distance"], WEIGHTS.value),
    )
    warn_if_constant((file.train, file.test))
    result = evaluate_features(file.train, file.test, file.label_names, probes=[probe])
    rows = [
        [str(k), f"{scores.top1:.2f}", f"{scores.mean_per_class:.2f}"]
        for k, scores in ((k, result.scores[f"knn/{k}"]) for k in probe.k)
    ]
    details = result.details
    print(
        f"{details['train_clips']} training and {details['test_clips']} test clips, "
        f"{file.train.features.shape[1]} dimensions, {METRIC.value} distance"
    )
    unlabelled = details["train_unlabelled"] + details["test_unlabelled"]
    if unlabelled:
        print(f"{unlabelled} unlabelled clips left out")
    print(aligned(["k", "top-1 %", "mean per class %"], rows))
    if notes := format_notes(details):
        print(notes)
    if JSON.value:
        write_measures(
            JSON.value,
            {"metrics": result.metrics, "timing": result.timing, "details": result.details},
        )


def entry() -> None:
    """Runs the command line."""
    common.run(main)


if __name__ == "__main__":
    entry()
