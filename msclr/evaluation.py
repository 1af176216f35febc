"""Evaluates an MS-CLR run: probes in every layout, ensembles, figures, result.json."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ms2l_tf.config import UNSUPERVISED
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.collapse import warn_if_constant
from ms2l_tf.evaluation.evaluate import (
    Choices,
    add_classifier,
    all_sides,
    clip_features,
    draw,
    keep_features,
    neighbours,
    protocol_details,
    result_name,
    save_sides,
    sides_of,
)
from ms2l_tf.evaluation.features import class_logits, encoder_features
from ms2l_tf.evaluation.outputs import Extras, write_result
from ms2l_tf.evaluation.probes import make_probes
from ms2l_tf.evaluation.raw_floor import RawFloor, raw_floor
from ms2l_tf.evaluation.report import FeatureEvaluation, evaluate_features
from ms2l_tf.evaluation.result import EvaluationResult, environment
from ms2l_tf.runs.data import RunData
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.weights import load_weights
from msclr.build import build_clr_model, build_recogniser
from msclr.config import ClrConfig
from msclr.data import ClrData
from msclr.initial import recorded_layouts, recorded_number
from msclr.stgcn import OneLayout

Progress = Callable[[str], None]
Sides = tuple[np.ndarray, np.ndarray]  # something of the training clips, and of the test clips


def common_rows(found: Sequence[LayoutFeatures]) -> list[np.ndarray]:
    """Of each layout, the rows of the test clips that all layouts have, in one order."""
    names = [np.asarray(one.test.names) for one in found]
    common = names[0][np.all([np.isin(names[0], other) for other in names], axis=0)]
    rows = []
    for mine in names:
        order = np.argsort(mine)
        rows.append(order[np.searchsorted(mine, common, sorter=order)])
    return rows


@dataclasses.dataclass(frozen=True)
class LayoutFeatures:
    """Features of the clips of one layout.

    Attributes:
        name: of the layout.
        train, test: of the trained encoder.
        raw: raw coordinates of the same clips.
        random: training and test features of the same clips by the untrained encoder.
        logits: [N, K] of the test clips by a run's own classifier, or None.
    """

    name: str
    train: ClipFeatures
    test: ClipFeatures
    raw: RawFloor
    random: Sides
    logits: np.ndarray | None = None


def check_run(folder: RunFolder[ClrConfig], data: ClrData, flag: str = "--workdir") -> None:
    """Refuses a run that is not finished, or was trained on other data; `flag` names it.

    Raises:
        InputError: it is.
    """
    if not folder.finished:
        raise InputError(f"{flag}: {folder.path} is not trained to its last epoch; train first")
    if data.fingerprint != folder.record()["fingerprint"]:
        raise InputError(
            f"--data: {data.dataset.path} is not the dataset {folder.path} was trained on "
            f"('{folder.record()['dataset']}'; the checksum of files, split or mappings differs)"
        )


def build_run_model(folder: RunFolder[ClrConfig], config: ClrConfig, data: ClrData) -> keras.Model:
    """The run's model, freshly initialised; its `encoder` takes layout numbers of `data`."""
    layouts = recorded_layouts(folder)
    if config.protocol.protocol == UNSUPERVISED:
        return build_clr_model(
            config,
            layouts,
            persons=data.persons,
            coords=data.coords,
            clips=folder.entry("trained_clips"),
        )
    return build_recogniser(
        config,
        layouts,
        recorded_number(folder, data.names[0]),
        persons=data.persons,
        coords=data.coords,
        classes=len(data.dataset.label_names),
    )


def layout_features(
    folder: RunFolder[ClrConfig],
    config: ClrConfig,
    data: ClrData,
    layouts: Sequence[str],
    test_on: str,
) -> list[LayoutFeatures]:
    """Features of both sides in some layouts, with their floors.

    Args:
        folder: the run.
        config: its settings.
        data: its clips in all its layouts.
        layouts: ids of those wanted.
        test_on: ``test`` or ``validation``.
    """
    model = build_run_model(folder, config, data)
    sides = {}
    for number in (data.index(name) for name in layouts):
        sides[number] = sides_of(
            folder, config, data.parts[number], train_on=config.data.train_on, test_on=test_on
        )
    random = _encoded(model, config, data, sides)
    load_weights(model, folder.weights)
    trained = _encoded(model, config, data, sides)
    results = []
    for number, (_, test) in sides.items():
        part, logits = data.parts[number], None
        if config.protocol.protocol != UNSUPERVISED:
            logits = class_logits(model, part.store, test, data.normalisers[number])
        raw = raw_floor(
            folder.path,
            part,
            sides[number],
            dataclasses.replace(config.normaliser, persons=data.persons),
            config.probes.raw_frames,
        )
        fitted_on, read_on = _with_labels(part, trained[number], sides[number])
        results.append(LayoutFeatures(part.layout, fitted_on, read_on, raw, random[number], logits))
    return results


def _encoder(model: keras.Model, config: ClrConfig, number: int) -> keras.Model:
    """The model's encoder of one layout; one with labels is of one layout already."""
    if config.protocol.protocol == UNSUPERVISED:
        return OneLayout(model.encoder, number)
    return model.encoder


def _encoded(
    model: keras.Model, config: ClrConfig, data: ClrData, sides: Mapping[int, Sides]
) -> dict[int, Sides]:
    """Training and test features [N, D] by layout number, by the model's present weights."""
    found = {}
    for number, (fitted_on, read_on) in sides.items():
        encoder = _encoder(model, config, number)
        store, normaliser = data.parts[number].store, data.normalisers[number]
        pooling = config.probes.pooling
        found[number] = (
            encoder_features(encoder, store, fitted_on, normaliser, pooling=pooling),
            encoder_features(encoder, store, read_on, normaliser, pooling=pooling),
        )
    return found


def features_only(
    folder: RunFolder[ClrConfig], config: ClrConfig, data: ClrData, layout: str, path: str
) -> tuple[int, int]:
    """Writes the features of all clips that have poses in a layout, without reading a label.

    Args:
        folder: a finished run.
        config: its settings.
        data: its clips.
        layout: id of one of its layouts.
        path: of the npz file, see `save_features`.

    Returns:
        Numbers of training and test clips; there may be none of the latter.

    Raises:
        InputError: see `evaluate_run`.
    """
    check_run(folder, data)
    model = build_run_model(folder, config, data)
    load_weights(model, folder.weights)
    number = data.index(layout)
    sides = all_sides(data.parts[number])
    features = _encoded(model, config, data, {number: sides})[number]
    save_sides(path, data.parts[number], sides, features)
    return len(sides[0]), len(sides[1])


def _with_labels(part: RunData, features: Sides, sides: Sides) -> tuple[ClipFeatures, ClipFeatures]:
    """The features of both sides with the labels, names and subjects of their clips."""
    fitted_on, read_on = (
        clip_features(part, values, side, f"{what} features in {part.layout}")
        for values, side, what in zip(features, sides, ("training", "test"), strict=True)
    )
    return fitted_on, read_on


def evaluate_layouts(
    found: Sequence[LayoutFeatures],
    config: ClrConfig,
    choices: Choices,
    label_names: Sequence[str],
    progress: Progress,
) -> tuple[FeatureEvaluation, dict[str, Any]]:
    """All probes in every layout; the first one's numbers stand under the plain keys.

    Returns:
        The evaluation of the first layout, its metrics joined by ``layout/<id>/...`` of the others
        and their floors, and what the probes of the others decided.
    """
    # A layout may lack all training clips of a class that another has; it gets the class wrong.
    known = np.unique(np.concatenate([one.train.labels for one in found]))
    first: FeatureEvaluation | None = None
    details: dict[str, Any] = {}
    for one in found:
        warn_if_constant((one.train, one.test), one.raw.sides)
        evaluation = evaluate_features(
            one.train,
            one.test,
            label_names,
            probes=make_probes(
                choices.probes,
                k=neighbours(config, one.train.labels, choices.probes, f" in {one.name}"),
                metric=choices.metric,
                linear_c=config.probes.linear_c,
                svm_c=config.probes.svm_c,
            ),
            floors={"raw": one.raw.sides, "random": one.random},
            kept={"raw": one.raw.cache},
            missing_classes=(
                "count"
                if config.protocol.label_fraction < 1
                or np.isin(one.test.labels[one.test.labelled], known).all()
                else "error"
            ),
            progress=lambda key, seconds, name=one.name: progress(  # type: ignore[misc]
                f"{name} {key} ({seconds:.1f} s)"
            ),
        )
        if one.logits is not None:
            add_classifier(evaluation, one.logits, one.test, len(label_names))
        if first is None:
            first = evaluation
            continue
        details[one.name] = evaluation.details
        first.metrics.update(
            {_of_layout(key, one.name): value for key, value in evaluation.metrics.items()}
        )
    assert first is not None, "at least one layout"
    return first, details


def _of_layout(key: str, layout: str) -> str:
    """``linear/top1`` -> ``layout/<id>/linear/top1``; floors keep their prefix in front."""
    parts = key.split("/")
    start = 2 if parts[0] == "floor" else 0
    return "/".join([*parts[:start], "layout", layout, *parts[start:]])


def evaluate_run(
    folder: RunFolder[ClrConfig],
    config: ClrConfig,
    data: ClrData,
    choices: Choices,
    *,
    layouts: Sequence[str] = (),
    more_metrics: Callable[[Sequence[LayoutFeatures]], Mapping[str, float]] = lambda _: {},
    more_details: Mapping[str, Any] | None = None,
    more_figures: Callable[[Extras, Sequence[LayoutFeatures]], None] = lambda *_: None,
    show: Callable[[EvaluationResult, Sequence[LayoutFeatures]], None] = lambda *_: None,
    progress: Progress = lambda _: None,
) -> tuple[EvaluationResult, Sequence[LayoutFeatures]]:
    """Evaluates a finished run and writes its result, tables and figures.

    Args:
        folder: the run.
        config: its settings, with the data folder and the probe settings to use now.
        data: its clips.
        choices: probes, test or validation clips, figures.
        layouts: ids of the layouts to read, the one whose numbers stand under the plain keys
            first; none: all of the run.
        more_metrics: further readings of the features, such as ensembles and cross tables.
        more_details: what those were read from, for ``result.json``.
        more_figures: draws what those are seen in.
        show: called with the result before it is written: a full disk takes no number away.
        progress: called with a line for each step done and each file written.

    Raises:
        InputError: the run is not finished, the dataset is not the one it was trained on, or the
            result or the features asked for cannot be written.
    """
    check_run(folder, data)
    started = time.perf_counter()
    found = layout_features(folder, config, data, layouts or data.names, choices.test_on)
    extraction = time.perf_counter() - started
    reference = found[0]
    progress(f"features of {len(found)} layouts [{reference.train.features.shape[1]}]")
    for one in found:
        part = data.parts[data.index(one.name)]
        if lacking := _without_poses(part):
            progress(f"{one.name}: {lacking} of {len(part.test)} test clips have no poses in it")
    names = data.dataset.label_names
    unsaved = keep_features(choices, reference.train, reference.test, names)
    evaluation, of_layouts = evaluate_layouts(found, config, choices, names, progress)
    evaluation.metrics.update(more_metrics(found))
    result = EvaluationResult(
        protocol=folder.record()["protocol"],
        dataset=data.dataset.name,
        split=data.parts[0].split,
        seed=config.training.seed,
        epoch=config.training.epochs,
        feature_dim=int(reference.train.features.shape[1]),
        metrics=evaluation.metrics,
        timing={**folder.timing(), "features": extraction, **evaluation.timing},
        environment=environment(),
        details={
            **evaluation.details,
            "by_layout": of_layouts,
            **_details(config, data, found, choices.test_on),
            **(more_details or {}),
        },
    )
    show(result, found)
    path = folder.path / result_name(choices)
    write_result(result, path, unsaved)
    progress(str(path))
    if choices.figures:
        extras = Extras(folder.path, lambda path: progress(str(path)))
        draw(extras, folder.history, names, reference.test, evaluation, choices.test_on)
        more_figures(extras, found)
    if unsaved is not None:
        raise unsaved
    return result, found


def _without_poses(part: RunData) -> int:
    return int((part.store.lengths[part.test] == 0).sum())


def _details(
    config: ClrConfig, data: ClrData, found: Sequence[LayoutFeatures], test_on: str
) -> dict[str, Any]:
    """What was read, for ``result.json``."""
    return {
        "evaluated_on": test_on,
        "train_on": config.data.train_on,  # all: validation readings saw their clips unlabelled
        "layouts": [one.name for one in found],
        "stream": config.network.stream,
        # By layout: a clip may lack some of them.
        "test_clips_without_poses": {
            one.name: _without_poses(data.parts[data.index(one.name)]) for one in found
        },
        "test_clips_in_all_layouts": len(common_rows(found)[0]),
        "derived_layouts": "where layouts were mapped from one recording they share its noise, "
        "timing and bone lengths; numbers across them are kinder than between two sensors",
        **protocol_details(config),
        "raw_floor": f"{config.probes.raw_frames} frames of normalised coordinates, flattened",
        "random_floor": "the same encoder before training, same seed; its batch normalisation as "
        "made, with means of 0 and variances of 1",
    }
