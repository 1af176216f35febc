"""Evaluates the frozen encoder of a run: features, probes, floors, figures, result.json."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures, check_features
from ms2l_tf.evaluation.choices import Choices, result_name
from ms2l_tf.evaluation.collapse import warn_if_constant
from ms2l_tf.evaluation.drawing import draw, draw_layouts
from ms2l_tf.evaluation.feature_files import save_features
from ms2l_tf.evaluation.few_label_readings import (
    FewLabels,
    check_few_labels,
    few_label_readings,
)
from ms2l_tf.evaluation.floors import (
    Floor,
    chosen_floors,
    floor_details,
    floor_sides,
    missing_floors,
)
from ms2l_tf.evaluation.layout_features import (
    LayoutFeatures,
    common_rows,
    encoded,
    layout_features,
    open_run,
    reading_folder,
    trained_learner,
)
from ms2l_tf.evaluation.neighbours import run_neighbours
from ms2l_tf.evaluation.outputs import Extras, write_result
from ms2l_tf.evaluation.predictions import predictions_name, write_predictions
from ms2l_tf.evaluation.probes import Probe, make_probes
from ms2l_tf.evaluation.raw_floor import LazyFloor
from ms2l_tf.evaluation.readings import Readings
from ms2l_tf.evaluation.report import FeatureEvaluation, evaluate_features, record
from ms2l_tf.evaluation.result import EvaluationResult, environment
from ms2l_tf.evaluation.showcase import headline, showcase_name, write_showcase
from ms2l_tf.evaluation.sides import all_sides, clip_features
from ms2l_tf.methods.registry import closed_form
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig

Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What an evaluation gives.

    Attributes:
        result: as it is written.
        evaluation: of the first layout, with everything in its metrics.
        features: in each layout.
        few_labels: readings with few labels in the first layout, where there are some.
    """

    result: EvaluationResult
    evaluation: FeatureEvaluation
    features: Sequence[LayoutFeatures]
    few_labels: FewLabels | None = None


def evaluate_run(
    folder: RunFolder,
    config: RunConfig,
    choices: Choices,
    *,
    adapted: Callable[[RunConfig], RunConfig] = lambda config: config,
    show: Callable[[Evaluated], None] = lambda _: None,
    progress: Progress = lambda _: None,
) -> Evaluated:
    """Evaluates a finished run and writes its result, tables and figures.

    Args:
        folder: the run.
        config: its settings, with the data folder and the probe settings to use now.
        choices: see `Choices`.
        adapted: puts the choices of this evaluation into the settings of another run.
        show: called with the result before it is written: a full disk takes no number away.
        progress: called with a line for each step done and each file written.

    Raises:
        InputError: the run is not finished, the dataset is not the one it was trained on, or the
            result or the features asked for cannot be written.
    """
    config, data = open_run(folder, config)
    readings = Readings(folder, config, data, choices.test_on, adapted)
    others = readings.check(choices)
    check_few_labels(config, choices)
    started = time.perf_counter()
    layouts = choices.layouts or data.names
    features = layout_features(folder, config, data, layouts, choices.test_on, progress)
    extraction = time.perf_counter() - started
    _tell(features, data, progress)
    for line in missing_floors(features, config, data, choices):
        progress(line)
    names, reference = data.dataset.label_names, features[0]
    unsaved = _keep_features(choices, reference.train, reference.test, names)
    evaluation, of_layouts = _evaluate_layouts(features, config, choices, names, progress)
    evaluation.metrics.update(readings.metrics(choices, features))
    few_labels = few_label_readings(folder, config, data, reference, choices)
    if few_labels is not None:
        evaluation.metrics.update(few_labels.metrics())
        others["few_labels"] = few_labels.to_json()
    details = {
        **evaluation.details,
        **({"by_layout": of_layouts} if of_layouts else {}),
        **_details(config, data, features, choices),
        **others,
    }
    timing = {**folder.timing(), "features": extraction, **evaluation.timing}
    result = _result(folder, config, data, reference, evaluation, timing, details)
    evaluated = Evaluated(result, evaluation, features, few_labels)
    show(evaluated)
    place = reading_folder(folder, data)
    path = place / result_name(choices)
    write_result(result, path, unsaved)
    progress(str(path))
    extras = Extras(place, lambda path: progress(str(path)))
    extras.add(
        predictions_name(choices.test_on),
        lambda path: write_predictions(path, reference.test, evaluation.predictions, names),
    )
    if choices.figures:
        history = None if closed_form(config) else folder.history
        draw(extras, history, names, reference.test, evaluation, choices.test_on)
        crossed = features if choices.cross else features[:1]
        draw_layouts(extras, crossed, names, choices.test_on)
    if choices.showcase:
        page = showcase_name(choices.test_on)
        extras.add(page, lambda path: write_showcase(path, result, reference, data))
        progress(headline(result))
    if unsaved is not None:
        raise unsaved
    return evaluated


def features_only(
    folder: RunFolder, config: RunConfig, path: str, *, layout: str = ""
) -> tuple[int, int]:
    """Writes the features of all clips of a finished run's split, without reading a label.

    Args:
        folder: the run.
        config: its settings, with the data folder and the pooling to use now.
        path: of the npz file, see `save_features`.
        layout: id of one of its layouts; empty: the first.

    Returns:
        Numbers of training and test clips; there may be none of the latter.

    Raises:
        InputError: see `evaluate_run`.
    """
    config, data = open_run(folder, config)
    number = data.index(layout or data.names[0])
    clips = data.parts[number]
    rows = all_sides(clips)
    learner = trained_learner(folder, config, data)
    features = encoded(folder, learner, config, data, {number: rows})[number]
    train, test = (
        clip_features(clips, values, side, "features")
        for values, side in zip(features, rows, strict=True)
    )
    save_features(path, train, test, data.dataset.label_names)
    return len(rows[0]), len(rows[1])


def _tell(features: Sequence[LayoutFeatures], data: RunData, progress: Progress) -> None:
    """Says what was read."""
    train, test = features[0].train, features[0].test
    several = f" of {len(features)} layouts" if len(features) > 1 else ""
    progress(f"features{several} [{len(train)} + {len(test)}, {train.features.shape[1]}]")
    for layout in features:
        clips = data.parts[data.index(layout.name)]
        if lacking := clips.test_clips_without_poses:
            progress(
                f"{layout.name}: {lacking} of {len(clips.test)} test clips have no poses in it"
            )


def _keep_features(
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


def _probes(
    config: RunConfig, choices: Choices, layout: LayoutFeatures, where: str
) -> Sequence[Probe]:
    return make_probes(
        choices.probes,
        k=run_neighbours(config, layout.train.labels, choices.probes, where),
        metric=choices.metric,
        linear_c=config.probes.linear_c,
        svm_c=config.probes.svm_c,
    )


def _evaluate_layouts(
    features: Sequence[LayoutFeatures],
    config: RunConfig,
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
    known = np.unique(np.concatenate([layout.train.labels for layout in features]))
    evaluations = []
    for layout in features:
        name = layout.name if len(features) > 1 else ""
        probes = _probes(config, choices, layout, f" in {name}" if name else "")
        told = _of(progress, name)
        floors = chosen_floors(layout, choices)
        evaluations.append(
            _evaluate_layout(layout, known, config, probes, floors, label_names, told)
        )
    first, details = evaluations[0], {}
    for layout, evaluation in zip(features[1:], evaluations[1:], strict=True):
        details[layout.name] = evaluation.details
        first.metrics.update(
            {_of_layout(key, layout.name): value for key, value in evaluation.metrics.items()}
        )
    return first, details


def _of(progress: Progress, layout: str) -> Callable[[str, float], None]:
    prefix = f"{layout} " if layout else ""
    return lambda key, seconds: progress(f"{prefix}{key} ({seconds:.1f} s)")


def _evaluate_layout(
    layout: LayoutFeatures,
    known: np.ndarray,
    config: RunConfig,
    probes: Sequence[Probe],
    floors: Mapping[str, Floor],
    label_names: Sequence[str],
    progress: Callable[[str, float], None],
) -> FeatureEvaluation:
    warn_if_constant((layout.train, layout.test), layout.raw.sides)
    few_labels = config.protocol.label_fraction < 1
    elsewhere = (
        len(known) > len(np.unique(layout.train.labels))
        and np.isin(layout.test.labels[layout.test.labelled], known).all()
    )
    evaluation = evaluate_features(
        layout.train,
        layout.test,
        label_names,
        probes=probes,
        floors={name: floor_sides(floor) for name, floor in floors.items()},
        kept={name: floor.cache for name, floor in floors.items() if isinstance(floor, LazyFloor)},
        missing_classes="count" if few_labels or elsewhere else "error",
        progress=progress,
    )
    if layout.logits is not None:
        _add_classifier(evaluation, layout.logits, layout.test, len(label_names))
    return evaluation


def _of_layout(key: str, layout: str) -> str:
    """``linear/top1`` -> ``layout/<id>/linear/top1``; floors keep their prefix in front."""
    parts = key.split("/")
    start = 2 if parts[0] == "floor" else 0
    return "/".join([*parts[:start], "layout", layout, *parts[start:]])


def _add_classifier(
    evaluation: FeatureEvaluation, logits: np.ndarray, test: ClipFeatures, classes: int
) -> None:
    """Scores the trained classifier beside the probes of its encoder's features."""
    predicted = check_features(logits, "logits of the classifier").argmax(axis=1)
    record(evaluation, "classifier", predicted, test, classes)


def _result(
    folder: RunFolder,
    config: RunConfig,
    data: RunData,
    reference: LayoutFeatures,
    evaluation: FeatureEvaluation,
    timing: dict[str, float],
    details: dict[str, Any],
) -> EvaluationResult:
    return EvaluationResult(
        protocol=folder.record()["protocol"],
        dataset=data.dataset.name,
        split=data.reference.split,
        seed=config.training.seed,
        epoch=config.training.epochs,
        feature_dim=int(reference.train.features.shape[1]),
        metrics=evaluation.metrics,
        timing=timing,
        environment=environment(),
        details=details,
    )


def _details(
    config: RunConfig, data: RunData, features: Sequence[LayoutFeatures], choices: Choices
) -> dict[str, Any]:
    """What was read, for ``result.json``."""
    details = {
        "method": config.model.method,
        "network": config.model.network,
        "inputs": list(config.model.inputs),
        "evaluated_on": choices.test_on,
        "train_on": config.data.train_on,  # all: validation readings saw their clips unlabelled
        "layouts": [layout.name for layout in features],
        "pooling": config.probes.pooling,
        # A clip may lack a layout; it cannot be encoded, but it is not forgotten.
        "test_clips_without_poses": {
            layout.name: data.parts[data.index(layout.name)].test_clips_without_poses
            for layout in features
        },
        **_protocol_details(config),
        **floor_details(config, data, features, choices),
    }
    if len(features) > 1:
        details |= {
            "test_clips_in_all_layouts": len(common_rows(features)[0]),
            "derived_layouts": "where layouts were mapped from one recording they share its noise, "
            "timing and bone lengths; numbers across them are kinder than between two sensors",
        }
    return details


def _protocol_details(config: RunConfig) -> dict[str, str | float]:
    """What a result keeps of a protocol with labels."""
    if not config.reads_labels:
        return {}
    settings = config.protocol
    names = ("train", "label_fraction", "label_sampling", "schedule")
    # The folder's name alone: where it lies on this machine is nobody's business.
    init = pathlib.Path(settings.init).name
    return {"init": init, **{name: getattr(settings, name) for name in names}}
