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
from ms2l_tf.evaluation.collapse import warn_if_constant
from ms2l_tf.evaluation.feature_files import save_features
from ms2l_tf.evaluation.features import class_logits, encoder_features
from ms2l_tf.evaluation.figures import (
    confusion_figure,
    embedding_figure,
    per_class_figure,
    training_figure,
)
from ms2l_tf.evaluation.metrics import per_class_table, score, write_per_class_csv
from ms2l_tf.evaluation.neighbours import fitting_neighbours
from ms2l_tf.evaluation.outputs import Extras, write_result
from ms2l_tf.evaluation.probes import make_probes
from ms2l_tf.evaluation.raw_floor import raw_floor
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
    show: Callable[[EvaluationResult], None] = lambda _: None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[EvaluationResult, FeatureEvaluation]:
    """Evaluates a finished run and writes its result, tables and figures.

    Args:
        folder: the run.
        config: its settings, with the data folder and the probe settings to use now.
        choices: see `Choices`.
        show: called with the result before it is written: a full disk takes no number away.
        progress: called with a line for each step done and each file written.

    Raises:
        InputError: the run is not finished, the dataset is not the one it was trained on, or the
            result or the features asked for cannot be written.
    """
    data = _run_data(folder, config)
    sides = sides_of(folder, config, data, train_on=config.data.train_on, test_on=choices.test_on)
    probes = make_probes(
        choices.probes,
        k=neighbours(config, data.dataset.labels[sides[0]], choices.probes),
        metric=choices.metric,
        linear_c=config.probes.linear_c,
        svm_c=config.probes.svm_c,
    )
    started = time.perf_counter()
    train, test, random, logits = _features(folder, config, data, sides)
    raw = raw_floor(folder.path, data, sides, config.normaliser, config.probes.raw_frames)
    extraction = time.perf_counter() - started
    progress(f"features [{len(train)} + {len(test)}, {train.features.shape[1]}]")
    warn_if_constant((train, test), raw.sides)
    names = data.dataset.label_names
    unsaved = keep_features(choices, train, test, names)
    evaluation = evaluate_features(
        train,
        test,
        names,
        probes=probes,
        floors={"raw": raw.sides, "random": random},
        kept={"raw": raw.cache},
        missing_classes="count" if config.protocol.label_fraction < 1 else "error",
        progress=lambda key, seconds: progress(f"{key} ({seconds:.1f} s)"),
    )
    if logits is not None:
        add_classifier(evaluation, logits, test, len(names))
    result = _result(folder, config, data, choices, train, evaluation, extraction)
    show(result)
    path = folder.path / result_name(choices)
    write_result(result, path, unsaved)
    progress(str(path))
    if choices.figures:
        extras = Extras(folder.path, lambda path: progress(str(path)))
        draw(extras, folder.history, names, test, evaluation, choices.test_on)
    if unsaved is not None:
        raise unsaved
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


def keep_features(
    choices: Choices, train: ClipFeatures, test: ClipFeatures, label_names: Sequence[str]
) -> InputError | None:
    """Writes the features where they are asked for.

    Returns:
        Why they could not be written. That is to be raised at the end: the probes can do without.
    """
    if choices.save_features:
        try:
            save_features(choices.save_features, train, test, label_names)
        except InputError as error:
            return error
    return None


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


def neighbours(
    config: AnyRunConfig, labels: np.ndarray, probes: Sequence[str], where: str = ""
) -> tuple[int, ...]:
    """Numbers of neighbours that the labelled clips allow.

    Args:
        config: settings of the run.
        labels: of the training clips, [N]; -1 is unlabelled.
        probes: those asked for; without kNN nothing is said.
        where: see `fitting_neighbours`.

    Returns:
        1 if a draw of few labels allows none of them.
    """
    k, labelled = config.probes.k, int((labels >= 0).sum())
    if "knn" not in probes:
        return k
    if config.protocol.label_fraction < 1 and min(k) > labelled:
        warn(f"--k: 1 instead of {', '.join(map(str, k))}, for {labelled} labelled training clips")
        return (1,)
    return fitting_neighbours(k, labelled, where)


def sides_of(
    folder: RunFolder, config: AnyRunConfig, data: RunData, *, train_on: str, test_on: str
) -> tuple[np.ndarray, np.ndarray]:
    """Clips the probes are fitted and read on; with few labels, the clips the run had them of."""
    with_labels = config.protocol.protocol != UNSUPERVISED
    if test_on == "test":
        if not len(data.test):
            raise InputError(
                f"{data.dataset.split_file(data.split)}: names no test clip ('test' is empty); "
                "train on another --split, or write the features alone with --probes=none "
                "--save_features=F.npz"
            )
        fitted = read_labelled(folder, data) if with_labels else data.train
        return fitted, with_poses(
            data.store, data.test, f"test clips of {data.dataset.split_file(data.split)}"
        )
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
) -> tuple[ClipFeatures, ClipFeatures, tuple[np.ndarray, np.ndarray], np.ndarray | None]:
    """Features of both sides, those of the untrained encoder, test logits of a classifier."""
    model = build_run_model(config, data)
    random = [_encoded(model, config, data, side) for side in sides]
    load_weights(model, folder.weights)
    trained = [_encoded(model, config, data, side) for side in sides]
    logits = None
    if config.protocol.protocol != UNSUPERVISED:
        logits = class_logits(
            model, data.store, sides[1], build_normaliser(config.normaliser, data.store)
        )
    train, test = (
        clip_features(data, features, side, f"{what} features")
        for features, side, what in zip(trained, sides, ("training", "test"), strict=True)
    )
    return train, test, (random[0], random[1]), logits


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
    extras: Extras,
    history: pathlib.Path,
    label_names: Sequence[str],
    test: ClipFeatures,
    evaluation: FeatureEvaluation,
    test_on: str = "test",
) -> None:
    """Writes the per-class table and the figures of an evaluation.

    Args:
        extras: where they go; readings of the validation clips have files of their own.
        history: ``history.csv`` of the training; there may be none.
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
    if history.is_file():
        extras.add(training, lambda path: training_figure(path, history, title="Training"))
    else:
        extras.leave_out(training, f"there is no {history.name}")


def figures_name(test_on: str) -> str:
    """Subfolder of the figures: those of the validation clips never stand where others do."""
    return "figures" if test_on == "test" else f"figures_{test_on}"
