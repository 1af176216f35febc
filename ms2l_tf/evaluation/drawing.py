"""The figures and tables of an evaluation."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.figures import (
    alignment_figure,
    confusion_figure,
    embedding_figure,
    per_class_figure,
    training_figure,
)
from ms2l_tf.evaluation.layout_features import LayoutFeatures, common_rows
from ms2l_tf.evaluation.metrics import per_class_table, write_per_class_csv
from ms2l_tf.evaluation.outputs import Extras
from ms2l_tf.evaluation.report import FeatureEvaluation


def figures_name(test_on: str) -> str:
    """Subfolder of the figures: those of the validation clips never stand where others do."""
    return "figures" if test_on == "test" else f"figures_{test_on}"


def draw(
    extras: Extras,
    history: pathlib.Path | None,
    label_names: Sequence[str],
    test: ClipFeatures,
    evaluation: FeatureEvaluation,
    test_on: str = "test",
) -> None:
    """Writes the per-class table and the figures of an evaluation.

    Args:
        extras: where they go; readings of the validation clips have files of their own.
        history: ``history.csv`` of the training, which may be missing; None: there were no steps
            whose curves could be drawn.
        label_names: names of the K classes.
        test: features of the clips that were read.
        evaluation: of them.
        test_on: ``test`` or ``validation``.
    """
    suffix, figures = "" if test_on == "test" else f"_{test_on}", figures_name(test_on)
    probe = "linear" if "linear" in evaluation.scores else next(iter(evaluation.scores))
    shown = "classifier" if "classifier" in evaluation.scores else probe
    tables = {
        title: per_class_table(evaluation.scores[key].confusion, label_names)
        for title, key in (
            (shown if shown == "classifier" else f"features ({shown})", shown),
            (f"raw coordinates ({probe})", f"floor/raw/{probe}"),
            (f"random encoder ({probe})", f"floor/random/{probe}"),
            (f"kernels ({probe})", f"floor/kernels/{probe}"),
        )
        if key in evaluation.scores  # not every probe has every floor
    }
    extras.add(
        f"per_class{suffix}.csv",
        lambda path: write_per_class_csv(path, next(iter(tables.values()))),
    )
    extras.add(
        f"{figures}/confusion.png",
        lambda path: confusion_figure(
            path,
            evaluation.scores[shown].confusion,
            label_names,
            title=f"{shown} on the {test_on} clips",
        ),
    )
    extras.add(
        f"{figures}/per_class.png",
        lambda path: per_class_figure(path, tables, title="Accuracy by class"),
    )
    extras.add(
        f"{figures}/embedding.png",
        lambda path: embedding_figure(
            path, test.features, test.labels, label_names, title=f"Features of the {test_on} clips"
        ),
    )
    training = f"{figures}/training.png"
    if history is None:
        extras.forget(training)
    elif history.is_file():
        extras.add(training, lambda path: training_figure(path, history, title="Training"))
    else:
        extras.leave_out(training, f"there is no {history.name}")


def draw_layouts(
    extras: Extras, features: Sequence[LayoutFeatures], label_names: Sequence[str], test_on: str
) -> None:
    """Draws the clips of several layouts in one plane."""
    name = f"{figures_name(test_on)}/alignment.png"
    if len(features) < 2:
        extras.forget(name)
        return
    rows = common_rows(features)
    points = {
        layout.name: layout.test.features[chosen]
        for layout, chosen in zip(features, rows, strict=True)
    }
    labels = features[0].test.labels[rows[0]]
    title = "The same clips in several layouts"
    extras.add(name, lambda path: alignment_figure(path, points, labels, label_names, title=title))
