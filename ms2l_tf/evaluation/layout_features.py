"""Features of a run's clips in each of its layouts, with their floors."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.features import class_logits, encoder_features
from ms2l_tf.evaluation.kernel_floor import kernel_floor
from ms2l_tf.evaluation.raw_floor import LazyFloor, raw_floor
from ms2l_tf.evaluation.sides import Sides, clip_features, copies_among, sides_of
from ms2l_tf.methods.base import Learner
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.record import (
    read_alone,
    recorded_fingerprints,
    recorded_layouts,
    recorded_number,
)
from ms2l_tf.runs.weights import load_weights
from ms2l_tf.settings.config import RunConfig


@dataclasses.dataclass(frozen=True)
class LayoutFeatures:
    """Features of the clips of one layout.

    Attributes:
        name: of the layout.
        train, test: of the trained encoder.
        raw: raw coordinates of the same clips.
        random: training and test features of the same clips by the untrained encoder.
        kernels: features of the same clips by the closed-form encoder, or None.
        logits: [N, K] of the test clips by a run's own classifier, or None.
    """

    name: str
    train: ClipFeatures
    test: ClipFeatures
    raw: LazyFloor
    random: Sides
    kernels: LazyFloor | None = None
    logits: np.ndarray | None = None


def open_run(
    folder: RunFolder, config: RunConfig, flag: str = "--workdir"
) -> tuple[RunConfig, RunData]:
    """The clips that a run is read on, and its settings there; `flag` names the run.

    Of several data sets it is the one that the settings name, or the first.

    Raises:
        InputError: see `check_run` and `read_alone`.
    """
    config = read_alone(folder, config)
    data = open_data(config)
    check_run(folder, data, flag)
    return config, data


def check_run(folder: RunFolder, data: RunData, flag: str = "--workdir") -> None:
    """Refuses a run that is not finished, or was trained on other data; `flag` names it.

    Raises:
        InputError: it is.
    """
    if not folder.finished:
        raise InputError(f"{flag}: {folder.path} is not trained to its last epoch; train first")
    if data.fingerprint not in recorded_fingerprints(folder):
        raise InputError(
            f"--data: {data.dataset.path} is not the dataset {folder.path} was trained on "
            f"('{folder.record()['dataset']}'; the checksum of files, split or mappings differs)"
        )


def reading_folder(folder: RunFolder, data: RunData) -> pathlib.Path:
    """Where the readings go: of the second data set of a run into ``data_2``, and so on."""
    number = recorded_fingerprints(folder).index(data.fingerprint)
    return folder.path / f"data_{number + 1}" if number else folder.path


def untrained_learner(folder: RunFolder, config: RunConfig, data: RunData) -> Learner:
    """The run's learner, freshly initialised as it was before training."""
    record = folder.record()
    shape = run_shape(
        config,
        data,
        layouts=recorded_layouts(folder),
        layout=recorded_number(folder, data.names[0]) if config.reads_labels else 0,
        clips=record.get("trained_clips", 0),
    )
    return build_learner(config, shape)


def trained_learner(folder: RunFolder, config: RunConfig, data: RunData) -> Learner:
    """The run's learner with the weights of its last epoch."""
    learner = untrained_learner(folder, config, data)
    load_weights(learner, folder.weights)
    return learner


def layout_features(
    folder: RunFolder,
    config: RunConfig,
    data: RunData,
    layouts: Sequence[str],
    test_on: str,
    told: Callable[[str], None] = lambda _: None,
) -> list[LayoutFeatures]:
    """Features of both sides in some layouts, with their floors.

    Args:
        folder: the run.
        config: its settings.
        data: its clips in all its layouts.
        layouts: ids of those wanted.
        test_on: ``test`` or ``validation``.
        told: see `kernel_floor`.
    """
    learner = untrained_learner(folder, config, data)
    sides = {
        number: sides_of(folder, config, data.parts[number], test_on)
        for number in map(data.index, layouts)
    }
    random = encoded(folder, learner, config, data, sides)
    load_weights(learner, folder.weights)
    trained = encoded(folder, learner, config, data, sides)
    results = []
    for number, rows in sides.items():
        clips, logits = data.parts[number], None
        if config.reads_labels:
            logits = class_logits(learner, clips.store, rows[1], data.normalisers[number])
        normaliser = dataclasses.replace(config.normaliser, persons=data.persons)
        raw = raw_floor(folder.path, clips, rows, normaliser, config.probes.raw_frames)
        kernels = kernel_floor(folder, config, data, number, rows, told)
        copies = (None, copies_among(clips, rows[1], test_on))
        train, test = (
            clip_features(clips, values, side, f"{what} features in {clips.layout}", of_side)
            for values, side, what, of_side in zip(
                trained[number], rows, ("training", "test"), copies, strict=True
            )
        )
        floors = (raw, random[number], kernels)
        results.append(LayoutFeatures(clips.layout, train, test, *floors, logits))
    return results


def encoded(
    folder: RunFolder,
    learner: Learner,
    config: RunConfig,
    data: RunData,
    sides: Mapping[int, Sides],
) -> dict[int, Sides]:
    """Training and test features [N, D] by layout number, by the learner's present weights."""
    features: dict[int, Sides] = {}
    for number, rows in sides.items():
        train, test = (
            encoder_features(
                learner.reader,
                data.parts[number].store,
                side,
                data.normalisers[number],
                pooling=config.probes.pooling,
                layout=recorded_number(folder, data.names[number]),
            )
            for side in rows
        )
        features[number] = (train, test)
    return features


def common_rows(features: Sequence[LayoutFeatures]) -> list[np.ndarray]:
    """Of each layout, the rows of the test clips that all layouts have, in one order."""
    names = [np.asarray(layout.test.names) for layout in features]
    common = names[0][np.all([np.isin(names[0], others) for others in names], axis=0)]
    rows = []
    for of_layout in names:
        order = np.argsort(of_layout)
        rows.append(order[np.searchsorted(of_layout, common, sorter=order)])
    return rows
