"""Evaluates the frozen encoder of a run: features, probes, floors, figures, result.json."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Literal

import keras
import numpy as np

from ms2l_tf.config import UNSUPERVISED, AnyRunConfig, RunConfig
from ms2l_tf.data.pipeline import with_poses
from ms2l_tf.errors import InputError, warn
from ms2l_tf.evaluation.arrays import ClipFeatures, check_features
from ms2l_tf.evaluation.feature_files import save_features
from ms2l_tf.evaluation.features import class_logits, encoder_features, raw_features
from ms2l_tf.evaluation.figures import (
    FEWEST,
    confusion_figure,
    embedding_figure,
    per_class_figure,
    training_figure,
)
from ms2l_tf.evaluation.metrics import per_class_table, score, write_per_class_csv
from ms2l_tf.evaluation.probes import make_probes
from ms2l_tf.evaluation.report import FeatureEvaluation, evaluate_features
from ms2l_tf.evaluation.result import EvaluationResult, environment
from ms2l_tf.runs.build import build_normaliser, build_run_model
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.labels import read_labelled
from ms2l_tf.runs.weights import load_weights


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
    data = _run_data(folder, config)
    sides = sides_of(folder, config, data, train_on=config.data.train_on, test_on=choices.test_on)
    probes = make_probes(
        choices.probes,
        k=neighbours(config, data.dataset.labels[sides[0]]),
        metric=choices.metric,
        linear_c=config.probes.linear_c,
        svm_c=config.probes.svm_c,
    )
    started = time.perf_counter()
    train, test, floors, logits = _features(folder, config, data, sides)
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
        missing_classes="count" if config.protocol.label_fraction < 1 else "error",
        progress=lambda key, seconds: progress(f"{key} ({seconds:.1f} s)"),
    )
    if logits is not None:
        add_classifier(evaluation, logits, test, len(data.dataset.label_names))
    result = _result(folder, config, data, choices, train, evaluation, extraction)
    result.save(folder.path / result_name(choices))
    if choices.figures:
        where = draw(folder, data.dataset.label_names, test, evaluation, choices.test_on)
        progress(f"figures in {where}")
    return result, evaluation


def _run_data(folder: RunFolder, config: RunConfig) -> RunData:
    if not folder.finished:
        raise InputError(f"--workdir: {folder.path} is not trained to its last epoch; train first")
    data = open_run_data(config.data)
    if data.fingerprint != folder.record()["fingerprint"]:
        raise InputError(
            f"--data: {data.dataset.path} is not the dataset this run was trained on "
            f"('{folder.record()['dataset']}'; the checksum of its files, split or mapping differs)"
        )
    return data


def features_only(folder: RunFolder, config: RunConfig, path: str) -> tuple[int, int]:
    """Writes the features of all clips of a finished run's split, without reading a label.

    Args:
        folder: the run.
        config: its settings, with the data folder and the pooling to use now.
        path: of the npz file, see `save_features`.

    Returns:
        Numbers of training and test clips; there may be none of the latter.

    Raises:
        InputError: see `evaluate_run`.
    """
    data = _run_data(folder, config)
    model = build_run_model(config, data)
    load_weights(model, folder.weights)
    sides = all_sides(data)
    save_sides(path, data, sides, [_encoded(model, config, data, side) for side in sides])
    return len(sides[0]), len(sides[1])


def all_sides(data: RunData) -> tuple[np.ndarray, np.ndarray]:
    """Training clips and those test clips that have poses: maybe none."""
    return data.train, data.test[data.store.lengths[data.test] > 0]


def save_sides(
    path: str,
    data: RunData,
    sides: tuple[np.ndarray, np.ndarray],
    features: Sequence[np.ndarray],
) -> None:
    """Writes features [N, D] of both sides with labels and names of their clips."""
    train, test = (
        clip_features(data, values, side, "features")
        for values, side in zip(features, sides, strict=True)
    )
    save_features(path, train, test, data.dataset.label_names)


def result_name(choices: Choices) -> str:
    """File of the result: validation readings never stand where test readings do."""
    return "result.json" if choices.test_on == "test" else "result_validation.json"


def neighbours(config: AnyRunConfig, labels: np.ndarray) -> list[int]:
    """Numbers of neighbours that a draw of few labels allows; 1 if it allows none of them."""
    if config.protocol.label_fraction == 1:
        return list(config.probes.k)
    return [k for k in config.probes.k if k <= (labels >= 0).sum()] or [1]


def sides_of(
    folder: RunFolder, config: AnyRunConfig, data: RunData, *, train_on: str, test_on: str
) -> tuple[np.ndarray, np.ndarray]:
    """Clips the probes are fitted and read on; with few labels, the clips the run had them of."""
    with_labels = config.protocol.protocol != UNSUPERVISED
    if test_on == "test":
        if not len(data.test):
            raise InputError(
                f"split '{data.split}' of {data.dataset.path} has no test clips: train on another "
                "--split, or write the features alone with --probes=none --save_features=F.npz"
            )
        fitted = read_labelled(folder, data) if with_labels else data.train
        return fitted, with_poses(data.store, data.test)
    if not len(data.validation):
        raise InputError("--test_on=validation: the run was trained with --validation=none")
    if not with_labels:
        return data.fit, data.validation
    if train_on != "fit":
        raise InputError(
            "--test_on=validation: this run read the labels of the validation clips; train it "
            "with --train_on=fit"
        )
    return read_labelled(folder, data), data.validation


def clip_features(
    data: RunData, features: np.ndarray, clips: np.ndarray, what: str
) -> ClipFeatures:
    """Features [N, D] with labels, names and subjects of their clips [N]; `what` is in errors."""
    dataset = data.dataset
    return ClipFeatures(
        features,
        dataset.labels[clips],
        names=dataset.names[clips],
        groups=dataset.subjects[clips],
        what=what,
    )


def _features(
    folder: RunFolder, config: RunConfig, data: RunData, sides: tuple[np.ndarray, np.ndarray]
) -> tuple[ClipFeatures, ClipFeatures, dict[str, tuple[np.ndarray, np.ndarray]], np.ndarray | None]:
    """Features of both sides, the floors (raw, untrained encoder), test logits of a classifier."""
    model = build_run_model(config, data)
    random = [_encoded(model, config, data, side) for side in sides]
    load_weights(model, folder.weights)
    trained = [_encoded(model, config, data, side) for side in sides]
    logits = None
    if config.protocol.protocol != UNSUPERVISED:
        logits = class_logits(
            model, data.store, sides[1], build_normaliser(config.normaliser, data.store)
        )
    normaliser = build_normaliser(config.normaliser, data.store, frames=config.probes.raw_frames)
    raw = [raw_features(data.store, side, normaliser) for side in sides]
    train, test = (
        clip_features(data, features, side, f"{what} features")
        for features, side, what in zip(trained, sides, ("training", "test"), strict=True)
    )
    return train, test, {"raw": (raw[0], raw[1]), "random": (random[0], random[1])}, logits


def add_classifier(
    evaluation: FeatureEvaluation, logits: np.ndarray, test: ClipFeatures, classes: int
) -> None:
    """Scores the trained classifier beside the probes of its encoder's features."""
    predicted = check_features(logits, "logits of the classifier").argmax(axis=1)
    scores = score(test.labels, predicted, classes)
    evaluation.scores["classifier"] = scores
    evaluation.predictions["classifier"] = predicted
    evaluation.metrics["classifier/top1"] = scores.top1
    evaluation.metrics["classifier/mean_per_class"] = scores.mean_per_class


def _encoded(model: keras.Model, config: RunConfig, data: RunData, clips: np.ndarray) -> np.ndarray:
    normaliser = build_normaliser(config.normaliser, data.store)
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
            "train_on": config.data.train_on,  # all: validation readings saw their clips unlabelled
            # A clip may lack this layout; it cannot be encoded, but it is not forgotten.
            "test_clips_without_poses": int((data.store.lengths[data.test] == 0).sum()),
            "pooling": config.probes.pooling,
            **protocol_details(config),
            "raw_floor": f"{config.probes.raw_frames} frames of normalised coordinates, flattened",
            "random_floor": "the same encoder before training, same seed, same pooling",
        },
    )


def protocol_details(config: AnyRunConfig) -> dict[str, str | float]:
    """What a result keeps of a protocol with labels."""
    if config.protocol.protocol == UNSUPERVISED:
        return {}
    settings = config.protocol
    names = ("train", "label_fraction", "label_sampling", "schedule")
    # The folder's name alone: where it lies on this machine is nobody's business.
    init = pathlib.Path(settings.init).name
    return {"init": init, **{name: getattr(settings, name) for name in names}}


def draw(
    folder: RunFolder,
    label_names: Sequence[str],
    test: ClipFeatures,
    evaluation: FeatureEvaluation,
    test_on: str = "test",
) -> pathlib.Path:
    """Writes the per-class table and the figures of an evaluation into the run's folder.

    Returns:
        The folder of the figures. Readings of the validation clips have files of their own.
    """
    suffix = "" if test_on == "test" else f"_{test_on}"
    figures = folder.path / f"figures{suffix}"
    figures.mkdir(exist_ok=True)
    probe = "linear" if "linear" in evaluation.scores else next(iter(evaluation.scores))
    shown = "classifier" if "classifier" in evaluation.scores else probe
    tables = {
        title: per_class_table(evaluation.scores[key].confusion, label_names)
        for title, key in (
            (shown if shown == "classifier" else f"features ({shown})", shown),
            (f"raw coordinates ({probe})", f"floor/raw/{probe}"),
            (f"random encoder ({probe})", f"floor/random/{probe}"),
        )
        if key in evaluation.scores  # not every probe has every floor
    }
    write_per_class_csv(folder.path / f"per_class{suffix}.csv", next(iter(tables.values())))
    confusion_figure(
        figures / "confusion.png",
        evaluation.scores[shown].confusion,
        label_names,
        title=f"{shown} on the {test_on} clips",
    )
    per_class_figure(figures / "per_class.png", tables, title="Accuracy by class")
    if len(test) < FEWEST:
        print(f"  {len(test)} clips are too few for a map of the features: no embedding.png")
    else:
        embedding_figure(
            figures / "embedding.png",
            test.features,
            test.labels,
            label_names,
            title=f"Features of the {test_on} clips",
        )
    _draw_training(folder, figures / "training.png")
    return figures


def _draw_training(folder: RunFolder, figure: pathlib.Path) -> None:
    """Draws the history; if that cannot be read, says so and leaves no figure of earlier."""
    try:
        training_figure(figure, folder.history, title="Training")
    except InputError as error:
        figure.unlink(missing_ok=True)
        warn(f"{error}; {figure.name} is not drawn")
