"""Evaluates the frozen encoder of a run: features, probes, floors, figures, result.json."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from ms2l_tf.config import RunConfig
from ms2l_tf.data.pipeline import with_poses
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.feature_files import save_features
from ms2l_tf.evaluation.features import encoder_features, raw_features
from ms2l_tf.evaluation.figures import (
    confusion_figure,
    embedding_figure,
    per_class_figure,
    training_figure,
)
from ms2l_tf.evaluation.metrics import per_class_table, write_per_class_csv
from ms2l_tf.evaluation.probes import make_probes
from ms2l_tf.evaluation.report import FeatureEvaluation, evaluate_features
from ms2l_tf.evaluation.result import EvaluationResult, environment
from ms2l_tf.model import MS2L
from ms2l_tf.runs.build import build_normaliser, build_run_model
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.runs.folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Choices:
    """What is chosen at evaluation rather than at training.

    Attributes:
        probes: names of the probes.
        metric: distance of the kNN probe, ``cosine`` or ``euclidean``.
        test_on: ``test``, or ``validation``: the probes are fitted on the fit clips and read on the
            validation clips, for ranking settings.
        figures: draw figures.
        save_features: path of an npz file for the features, or empty.
    """

    probes: tuple[str, ...] = ("knn", "linear", "svm")
    metric: Literal["cosine", "euclidean"] = "cosine"
    test_on: str = "test"
    figures: bool = True
    save_features: str = ""


def evaluate_run(
    folder: RunFolder,
    config: RunConfig,
    choices: Choices,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[EvaluationResult, FeatureEvaluation]:
    """Evaluates a finished run and writes its result, tables and figures.

    Args:
        folder: the run.
        config: its settings, with the data folder and the probe settings to use now.
        choices: see `Choices`.
        progress: called with a line for each step done.

    Raises:
        InputError: the run is not finished, or the dataset is not the one it was trained on.
    """
    if not folder.finished:
        raise InputError(f"--workdir: {folder.path} is not trained to its last epoch; train first")
    data = open_run_data(config)
    if data.dataset.fingerprint != folder.record()["fingerprint"]:
        raise InputError(
            f"--data: {data.dataset.path} is not the dataset this run was trained on "
            f"('{folder.record()['dataset']}'; its checksum differs)"
        )
    probes = make_probes(
        choices.probes,
        k=config.probes.k,
        metric=choices.metric,
        linear_c=config.probes.linear_c,
        svm_c=config.probes.svm_c,
    )
    started = time.perf_counter()
    train, test, floors = _features(folder, config, data, choices.test_on)
    extraction = time.perf_counter() - started
    progress(f"features [{len(train)} + {len(test)}, {train.features.shape[1]}]")
    if choices.save_features:
        save_features(choices.save_features, train, test, data.dataset.label_names)
    evaluation = evaluate_features(
        train,
        test,
        data.dataset.label_names,
        probes=probes,
        floors=floors,
        progress=lambda key, seconds: progress(f"{key} ({seconds:.1f} s)"),
    )
    result = _result(folder, config, data, choices, train, evaluation, extraction)
    result.save(folder.path / result_name(choices))
    if choices.figures:
        draw(folder, data.dataset.label_names, test, evaluation)
        progress(f"figures in {folder.figures}")
    return result, evaluation


def result_name(choices: Choices) -> str:
    """File of the result: validation readings never stand where test readings do."""
    return "result.json" if choices.test_on == "test" else "result_validation.json"


def _sides(data: RunData, test_on: str) -> tuple[np.ndarray, np.ndarray]:
    if test_on == "test":
        return data.train, with_poses(data.store, data.test)
    if not len(data.validation):
        raise InputError("--test_on=validation: the run was trained with --validation=none")
    return data.fit, data.validation


def _features(
    folder: RunFolder, config: RunConfig, data: RunData, test_on: str
) -> tuple[ClipFeatures, ClipFeatures, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Features of both sides, and the floors: raw coordinates and the untrained encoder."""
    sides = _sides(data, test_on)
    model = build_run_model(config, data)
    random = [_encoded(model, config, data, side) for side in sides]
    _load(model, folder)
    trained = [_encoded(model, config, data, side) for side in sides]
    normaliser = build_normaliser(config, data.store, frames=config.probes.raw_frames)
    raw = [raw_features(data.store, side, normaliser) for side in sides]
    train, test = (
        ClipFeatures(
            features,
            data.dataset.labels[side],
            names=data.dataset.names[side],
            groups=data.dataset.subjects[side],
            what=f"{what} features",
        )
        for features, side, what in zip(trained, sides, ("training", "test"), strict=True)
    )
    return train, test, {"raw": (raw[0], raw[1]), "random": (random[0], random[1])}


def _load(model: MS2L, folder: RunFolder) -> None:
    try:
        model.load_weights(folder.weights)
    except (OSError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{folder.weights}: cannot be read ({reason}); delete it and train again"
        ) from error


def _encoded(model: MS2L, config: RunConfig, data: RunData, clips: np.ndarray) -> np.ndarray:
    normaliser = build_normaliser(config, data.store)
    return encoder_features(
        model.encoder, data.store, clips, normaliser, pooling=config.probes.pooling
    )


def _result(
    folder: RunFolder,
    config: RunConfig,
    data: RunData,
    choices: Choices,
    train: ClipFeatures,
    evaluation: FeatureEvaluation,
    extraction: float,
) -> EvaluationResult:
    return EvaluationResult(
        protocol=folder.record()["protocol"],
        dataset=data.dataset.name,
        split=data.split,
        seed=config.training.seed,
        epoch=config.training.epochs,
        feature_dim=int(train.features.shape[1]),
        metrics=evaluation.metrics,
        timing={**folder.timing(), "features": extraction, **evaluation.timing},
        environment=environment(),
        details={
            **evaluation.details,
            "evaluated_on": choices.test_on,
            # A clip may lack this layout; it cannot be encoded, but it is not forgotten.
            "test_clips_without_poses": int((data.store.lengths[data.test] == 0).sum()),
            "pooling": config.probes.pooling,
            "raw_floor": f"{config.probes.raw_frames} frames of normalised coordinates, flattened",
            "random_floor": "the same encoder before training, same seed, same pooling",
        },
    )


def draw(
    folder: RunFolder,
    label_names: Sequence[str],
    test: ClipFeatures,
    evaluation: FeatureEvaluation,
) -> None:
    """Writes the per-class table and the figures of an evaluation into the run's folder."""
    folder.figures.mkdir(exist_ok=True)
    shown = "linear" if "linear" in evaluation.scores else next(iter(evaluation.scores))
    tables = {
        title: per_class_table(evaluation.scores[key].confusion, label_names)
        for title, key in (
            (f"features ({shown})", shown),
            ("raw coordinates", f"floor/raw/{shown}"),
            ("random encoder", f"floor/random/{shown}"),
        )
    }
    write_per_class_csv(folder.path / "per_class.csv", next(iter(tables.values())))
    confusion_figure(
        folder.figures / "confusion.png",
        evaluation.scores[shown].confusion,
        label_names,
        title=f"{shown} probe on the test clips",
    )
    per_class_figure(folder.figures / "per_class.png", tables, title="Accuracy by class")
    embedding_figure(
        folder.figures / "embedding.png",
        test.features,
        test.labels,
        label_names,
        title="Features of the test clips",
    )
    if folder.history.is_file():
        training_figure(folder.figures / "training.png", folder.history, title="Training")
