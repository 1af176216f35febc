"""The readings with few labels of a finished run: which clips, which features, what is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf.data.run_data import LayoutClips, RunData
from ms2l_tf.data.splits import label_fraction
from ms2l_tf.errors import InputError, warn
from ms2l_tf.evaluation.arrays import IntArray
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.few_labels import few_label_scores, joined, only_labelled, unit_features
from ms2l_tf.evaluation.kernel_floor import kernel_features
from ms2l_tf.evaluation.layout_features import (
    LayoutFeatures,
    encoded,
    trained_learner,
    untrained_learner,
)
from ms2l_tf.evaluation.result import Summary, summary_of
from ms2l_tf.evaluation.sides import Sides, sides_of
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.registry import method_of
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import open_initial_run
from ms2l_tf.runs.labels import read_labelled
from ms2l_tf.settings.config import RANDOM_INIT, RunConfig

OF_RUN = "run"  # stands where the fraction stands, for the labels that the run itself had


@dataclasses.dataclass(frozen=True)
class FewLabels:
    """Readings with few labels.

    Attributes:
        scores: percent by fraction (``0.01``, or `OF_RUN`), then by
            ``<features>/<classifier>/top1`` (``.../others_top1`` without copies): one number a
            draw.
        labelled: how many clips are labelled, by fraction; of the first draw.
        encoder: whose features stand under ``encoder``: ``run``, or ``init``, the run it began
            from.
    """

    scores: Mapping[str, Mapping[str, list[float]]]
    labelled: Mapping[str, int]
    encoder: str

    def summary(self) -> dict[str, Summary]:
        """Mean and deviation over draws: ``few_labels/0.01/encoder/ridge/top1``, ...

        Those with the labels of the run itself name no fraction: ``few_labels/kernels/...``.
        """
        return {
            self.key(fraction, name): summary_of(values)
            for fraction, scores in self.scores.items()
            for name, values in scores.items()
        }

    @staticmethod
    def key(fraction: str, name: str) -> str:
        """Under which a score stands among the metrics of a result."""
        return f"few_labels/{name}" if fraction == OF_RUN else f"few_labels/{fraction}/{name}"

    def metrics(self) -> dict[str, float]:
        """Means over draws, as ``result.json`` has them."""
        return {key: reading.mean for key, reading in self.summary().items()}

    def to_json(self) -> dict[str, Any]:
        """For the details of ``result.json``: what was read, and the number of every draw."""
        return {
            "encoder": self.encoder,
            "labelled": dict(self.labelled),
            "draws": {fraction: dict(scores) for fraction, scores in self.scores.items()},
        }


def check_few_labels(config: RunConfig, choices: Choices) -> None:
    """Refuses fractions of labels for an encoder that knows others, or that are none.

    Raises:
        InputError: it does, or they are.
    """
    for fraction in choices.few_labels or ():
        if not 0 < fraction <= 1:
            raise InputError(f"--few_labels: {fraction:g} is no fraction above 0, up to 1")
    if choices.draws < 1:
        raise InputError(f"--draws={choices.draws}: at least 1")
    if choices.few_labels and config.reads_labels:
        raise InputError(
            f"--few_labels: the run (--protocol={config.protocol.protocol}) has read labels of its "
            "own, with which it is read; name a run without labels"
        )


def few_label_readings(
    folder: RunFolder, config: RunConfig, data: RunData, layout: LayoutFeatures, choices: Choices
) -> FewLabels | None:
    """Reads the classifiers of few labels, in one layout; None where nothing asks for it.

    Args:
        folder: the run.
        config: its settings.
        data: its clips.
        layout: features of the layout to read.
        choices: see `Choices`; checked by `check_few_labels`.
    """
    few = config.reads_labels and config.protocol.label_fraction < 1
    if choices.few_labels is None or not (few or choices.few_labels):
        return None
    number = data.index(layout.name)
    clips = data.parts[number]
    pool = clips.train if choices.test_on == "test" else clips.fit
    sides = (pool, sides_of(folder, config, clips, choices.test_on)[1])
    encoder = "run"
    features = (layout.train.features, layout.test.features)
    if few:
        learner, encoder = _before_tuning(folder, config, data)
        features = encoded(folder, learner, config, data, {number: sides})[number]
    sets = {"encoder": unit_features(features)}
    if "kernels" in choices.floors:
        sets |= _of_kernels(folder, config, data, number, sides, sets["encoder"])
    draws = _drawn(choices, clips, pool)
    if few:
        labelled = read_labelled(folder, clips.dataset)
        draws = {OF_RUN: [np.flatnonzero(np.isin(pool, labelled))]}
    scores = {key: _scores(sets, rows, clips, pool, layout) for key, rows in draws.items()}
    counts = {key: len(rows[0]) for key, rows in draws.items()}
    return FewLabels({key: of for key, of in scores.items() if of}, counts, encoder)


def _drawn(choices: Choices, clips: LayoutClips, pool: np.ndarray) -> dict[str, list[IntArray]]:
    """Rows of the pool that are labelled, by fraction, for each draw: as runs of these seeds do."""
    labels = clips.dataset.labels[pool]
    return {
        f"{fraction:g}": [
            label_fraction(labels, fraction, seed=seed) for seed in range(choices.draws)
        ]
        for fraction in choices.few_labels or ()
    }


def _scores(
    sets: Mapping[str, Sides],
    draws: list[IntArray],
    clips: LayoutClips,
    pool: np.ndarray,
    layout: LayoutFeatures,
) -> dict[str, list[float]]:
    """Scores of every draw by ``<features>/<classifier>/top1``; none where one class is known."""
    labels, classes = clips.dataset.labels[pool], len(clips.dataset.label_names)
    if any(len(np.unique(labels[rows])) < 2 for rows in draws):
        warn("few labels: the labelled clips are of one class, which nothing can be learnt from")
        return {}
    each = [
        few_label_scores(sets, only_labelled(labels, rows), layout.test, classes) for rows in draws
    ]
    return {key: [scores[key] for scores in each] for key in each[0]}


def _before_tuning(folder: RunFolder, config: RunConfig, data: RunData) -> tuple[Learner, str]:
    """The run's learner with the encoder it began from, if that is a run; else as trained."""
    if config.protocol.init == RANDOM_INIT:
        return trained_learner(folder, config, data), "run"
    try:
        initial = open_initial_run(config, data)
        assert initial is not None, "it is named"
        known = folder.record().get("init", {}).get("weights_sha256")
        if known != initial.record()["weights_sha256"]:
            raise InputError(f"--init: {initial.folder.path} has other weights than it had then")
        learner = untrained_learner(folder, config, data)
        initial.load_into(learner)
    except InputError as error:
        warn(f"{error}; features of the encoder as tuned are read with few labels instead")
        return trained_learner(folder, config, data), "run"
    return learner, "init"


def _of_kernels(
    folder: RunFolder, config: RunConfig, data: RunData, number: int, sides: Sides, own: Sides
) -> dict[str, Sides]:
    """Unit features of the closed-form encoder, and joined with the run's own; maybe none."""
    if method_of(config).fit is not None:  # the run's own are they
        return {}
    try:
        kernels = unit_features(kernel_features(folder, config, data, number, sides))
    except InputError as error:
        warn(f"kernels are left out of the readings with few labels: {error}")
        return {}
    return {"kernels": kernels, "joined": joined([own, kernels])}
