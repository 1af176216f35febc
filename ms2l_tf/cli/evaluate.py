"""ms2l-evaluate, msclr-evaluate: probes of a run's frozen features, beside the floors.

  ms2l-evaluate --workdir=runs/a --probes=knn,linear,ridge,svm
  ms2l-evaluate --workdir=runs/a --probes=none --save_features=F.npz
  msclr-evaluate --workdir=runs/c --layouts=kinect_v2_25,h36m_17 --single=runs/k,runs/h

Prints one table, then writes result.json, per_class.csv and figures/ into the run folder. The
floors are the same probes on raw normalised coordinates, on the untrained encoder and on kernels,
the closed-form encoder fitted on the same training clips. For a run
with labels the classifier is read too, and probes and floors see the labels of the same clips as
the run did. With several layouts: each one's probes, the ensemble of their linear heads, and the
cross-convention table (probe trained in one layout, tested in another), whose floor is the raw
coordinates of the joints both share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast

from absl import flags

from ms2l_tf.cli import common, config_flags
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import DEFAULT_PROBES
from ms2l_tf.evaluation.choices import FLOORS as ALL_FLOORS
from ms2l_tf.settings.config import ProbeConfig

if TYPE_CHECKING:
    from ms2l_tf.evaluation.choices import Choices
    from ms2l_tf.evaluation.evaluate import Evaluated
    from ms2l_tf.settings.config import RunConfig

NOTHING = ["none"]
PROBE_SETTINGS = {"probes": ProbeConfig}

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.")
DATA = flags.DEFINE_string(
    "data",
    None,
    "Dataset folder, if it is no longer where it was; of a run on several, the one to read (none: "
    "the first). What is read of the second goes to WORKDIR/data_2, and so on.",
)
PROBES = flags.DEFINE_list(
    "probes",
    list(DEFAULT_PROBES),
    "Out of knn, linear (logistic regression), linear_sgd (the same by SGD in Keras), "
    "linear_published (SGD as SkeletonCLR, AimCLR and MS-CLR publish it), ridge (ridge "
    "regression, penalty by leave-one-out), svm; or none: only write --save_features, which takes "
    "neither labels nor test clips.",
)
FLOORS = flags.DEFINE_list(
    "floors",
    list(ALL_FLOORS),
    "What the same probes are read on beside: raw (normalised coordinates), random (the untrained "
    "encoder), kernels (the closed-form encoder, fitted on the run's training clips: a minute, "
    "once a dataset, split and seed); or none.",
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
SHOWCASE = flags.DEFINE_bool(
    "showcase",
    False,
    "Write showcase.html into the run folder: clips that move beside their nearest neighbours, the "
    "map of the features, and a line that says what was learned.",
)
SAVE_FEATURES = flags.DEFINE_string(
    "save_features",
    "",
    "Also write the features, in the first of several layouts, to this .npz: train_features "
    "[N, D], train_labels, train_names, the same of test_..., label_names.",
)
LAYOUTS = flags.DEFINE_list(
    "layouts", [], "Layouts of the run to read, the main one first; none: all of the run."
)
CROSS = flags.DEFINE_bool("cross", True, "With several layouts: the cross-convention table.")
SINGLE = flags.DEFINE_list(
    "single",
    [],
    "Runs of one layout each, for the cross-convention table: their encoders read the other "
    "layouts bridged to their own (joints without counterpart interpolated).",
)
UNSEEN = flags.DEFINE_list(
    "unseen",
    [],
    "Layouts the run has not learnt: read by its encoder bridged to its reference layout, or as "
    "they are where it reads the semantic points (--joints=semantic).",
)
STREAMS = flags.DEFINE_list(
    "streams", [], "Runs of the other channels (joint, motion, bone) to fuse with this one."
)
FEW_LABELS = flags.DEFINE_list(
    "few_labels",
    [],
    "Fractions of the training clips, such as 0.01,0.1: for a run without labels, classifiers that "
    "read the labels of so many and the features of all (ridge, logistic, label spreading; of the "
    "encoder, of closed-form kernels, of both). A run with few labels is read with its own; none: "
    "it is not.",
)
DRAWS = flags.DEFINE_integer(
    "draws", 5, "How often the labelled clips of --few_labels are drawn, by seeds 0, 1, ..."
)
config_flags.define(PROBE_SETTINGS, defaults="Default: as the run was trained.")
flags.adopt_module_key_flags(config_flags)
flags.adopt_module_key_flags(common)


def main() -> None:
    """Reads the flags and evaluates."""
    if not WORKDIR.value:
        raise InputError("--workdir: name the folder of a trained run")
    features_alone = _without_probes()
    common.quiet_tensorflow()
    from ms2l_tf.evaluation.evaluate import evaluate_run, features_only
    from ms2l_tf.runs.folder import RunFolder

    folder, choices = RunFolder(WORKDIR.value), _choices()
    config = _adapted(folder.config())
    if features_alone:
        layout = LAYOUTS.value[0] if LAYOUTS.value else ""
        counts = features_only(folder, config, choices.save_features, layout=layout)
        print(f"features of {counts[0]} training and {counts[1]} test clips: {SAVE_FEATURES.value}")
        return
    evaluate_run(
        folder,
        config,
        choices,
        adapted=_adapted,
        show=_show,
        progress=lambda line: print(f"  {line}"),
    )


def _without_probes() -> bool:
    """Whether nothing but the features is wanted."""
    if PROBES.value != NOTHING:
        return False
    if not SAVE_FEATURES.value:
        raise InputError("--probes=none: name the file of the features, --save_features=F.npz")
    return True


def _choices() -> Choices:
    from ms2l_tf.evaluation.choices import Choices

    return Choices(
        probes=tuple(PROBES.value),
        floors=() if FLOORS.value == NOTHING else tuple(FLOORS.value),
        metric=cast(Literal["cosine", "euclidean"], METRIC.value),
        test_on=TEST_ON.value,
        figures=FIGURES.value,
        showcase=SHOWCASE.value,
        save_features=SAVE_FEATURES.value,
        layouts=tuple(LAYOUTS.value),
        cross=CROSS.value,
        single=tuple(SINGLE.value),
        unseen=tuple(UNSEEN.value),
        streams=tuple(STREAMS.value),
        few_labels=_few_labels(),
        draws=DRAWS.value,
    )


def _few_labels() -> tuple[float, ...] | None:
    if FEW_LABELS.value == NOTHING:
        return None
    try:
        return tuple(float(fraction) for fraction in FEW_LABELS.value)
    except ValueError as error:
        raise InputError(f"--few_labels: {error}; write fractions, such as 0.01,0.1") from None


def _adapted(trained: RunConfig) -> RunConfig:
    """A run's settings with what is chosen now: settings of the probes, where the data lies."""
    from ms2l_tf.methods.registry import changed

    chosen = config_flags.read(PROBE_SETTINGS)
    if DATA.value:
        chosen["data"] = DATA.value
    return changed(trained, **chosen)


def _show(evaluated: Evaluated) -> None:
    """Prints the tables."""
    from ms2l_tf.evaluation.few_label_table import few_label_table
    from ms2l_tf.evaluation.tables import format_notes, format_table

    result, layouts = evaluated.result, [layout.name for layout in evaluated.features]
    print(f"\n{result.dataset}, split {result.split}, epoch {result.epoch}, seed {result.seed}")
    plain = {key: value for key, value in result.metrics.items() if "cross/" not in key}
    print(format_table(plain))
    if notes := format_notes(result.details):
        print(notes)
    if evaluated.few_labels is not None:
        print(f"\n{few_label_table(evaluated.few_labels, result.metrics)}")
    if len(layouts) > 1 and CROSS.value:
        _show_crossings(result.metrics, layouts)
    print(flush=True)


def _show_crossings(metrics: Mapping[str, float], layouts: list[str]) -> None:
    """Prints the cross-convention table."""
    from ms2l_tf.evaluation.cross_table import HEADING, cross_table, largest_loss

    if "linear" in PROBES.value:
        print(f"\n{HEADING}")
        print(cross_table(metrics, layouts, "linear"))
    if lost := largest_loss(metrics, layouts, "linear"):
        print("largest loss against a probe of the layout tested in: ", end="")
        print(f"{lost[0]:.1f} points, {lost[1]} -> {lost[2]}")
    print("Layouts mapped from one recording share its noise, timing and bone lengths.")


def entry() -> None:
    """Console script."""
    common.run(main)


if __name__ == "__main__":
    entry()
