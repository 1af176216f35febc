"""Flags that ms2l-evaluate and msclr-evaluate share, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError

if TYPE_CHECKING:
    from ms2l_tf.evaluation.evaluate import Choices
    from ms2l_tf.evaluation.result import EvaluationResult

NO_PROBES = ["none"]

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.")
DATA = flags.DEFINE_string("data", None, "Dataset folder, if it is no longer where it was.")
PROBES = flags.DEFINE_list(
    "probes",
    ["knn", "linear", "svm"],
    "Out of knn, linear (logistic regression), linear_sgd (the same by SGD in Keras), "
    "linear_published (SGD as SkeletonCLR, AimCLR and MS-CLR publish it), svm; or none: only write "
    "--save_features, which takes neither labels nor test clips.",
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
FIGURES = flags.DEFINE_bool(
    "figures", True, "Draw confusion matrix, t-SNE (UMAP if installed), training curves."
)
SAVE_FEATURES = flags.DEFINE_string(
    "save_features",
    "",
    "Also write the features, in the first of several layouts, to this .npz: train_features "
    "[N, D], train_labels, train_names, the same of test_..., label_names.",
)
flags.adopt_module_key_flags(common)


def workdir() -> str:
    """The run's folder, which has to be named."""
    if not WORKDIR.value:
        raise InputError("--workdir: name the folder of a trained run")
    return str(WORKDIR.value)


def settings(trained: dict[str, Any], probes: dict[str, Any]) -> dict[str, Any]:
    """A run's settings with what is chosen now: settings of the probes, where the data lies."""
    found = {**trained, **probes}
    if DATA.value:
        found["data"] = DATA.value
    return found


def choices() -> Choices:
    """What the flags say."""
    from ms2l_tf.evaluation.evaluate import Choices

    return Choices(
        probes=tuple(PROBES.value),
        metric=cast(Literal["cosine", "euclidean"], METRIC.value),
        test_on=TEST_ON.value,
        figures=FIGURES.value,
        save_features=SAVE_FEATURES.value,
    )


def without_probes() -> bool:
    """Whether nothing but the features is wanted."""
    if PROBES.value != NO_PROBES:
        return False
    if not SAVE_FEATURES.value:
        raise InputError("--probes=none: name the file of the features, --save_features=F.npz")
    return True


def show_saved(counts: Sequence[int]) -> None:
    """Says where the features are."""
    print(f"features of {counts[0]} training and {counts[1]} test clips: {SAVE_FEATURES.value}")


def show_heading(result: EvaluationResult) -> None:
    """Says of which run the table is."""
    print(f"\n{result.dataset}, split {result.split}, epoch {result.epoch}, seed {result.seed}")
