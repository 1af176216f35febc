"""Features of a run's clips for its page, of a sample where there are very many."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError, warn
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.layout_features import encoded, open_run, trained_learner
from ms2l_tf.evaluation.raw_floor import LazyFloor, raw_floor
from ms2l_tf.evaluation.run_report.reading import ReadRun
from ms2l_tf.evaluation.sides import clip_features, sides_of
from ms2l_tf.methods.registry import changed

MOST_TEST, MOST_TRAIN = 2000, 5000  # clips that are encoded


@dataclasses.dataclass(frozen=True, eq=False)
class RunFeatures:
    """Features of some of the clips of a run, in the layout whose numbers stand first.

    Attributes:
        train, test: of the trained encoder.
        raw: raw coordinates of the same clips, computed when read.
        data: the clips of the run.
        number: of the layout among those of the data.
        sampled: whether there are more clips than those.
    """

    train: ClipFeatures
    test: ClipFeatures
    raw: LazyFloor
    data: RunData
    number: int
    sampled: bool


def run_features(
    run: ReadRun, test_on: str, progress: Callable[[str], None]
) -> tuple[RunFeatures | None, str]:
    """Features of a run, or why there are none.

    Args:
        run: see `read_run`.
        test_on: ``test`` or ``validation``.
        progress: called with a line before the clips are encoded.

    Returns:
        The features or None, and a line for the page, which names no folder of this machine; empty
        if there are some.
    """
    if not run.folder.finished:
        return None, "the run is not trained to its last epoch"
    try:
        return _encode(run, test_on, progress), ""
    except InputError as error:
        warn(f"{run.folder.path}: no map and no skeletons: {error}")
        paths = [run.folder.path, *map(pathlib.Path, run.config.data.data.split(","))]
        told = str(error)
        for path in paths:
            told = told.replace(str(path), path.name)
        return None, f"{told}; --data=DIR tells where the dataset is"


def _encode(run: ReadRun, test_on: str, progress: Callable[[str], None]) -> RunFeatures:
    details = run.result.details if run.result else {}
    config = run.config
    if isinstance(details.get("pooling"), str):
        config = changed(config, pooling=details["pooling"])
    config, data = open_run(run.folder, config)
    layouts = details.get("layouts")
    number = data.index(layouts[0] if isinstance(layouts, list) and layouts else data.names[0])
    clips = data.parts[number]
    whole = sides_of(run.folder, config, clips, test_on)
    rows = (_sample(whole[0], MOST_TRAIN), _sample(whole[1], MOST_TEST))
    progress(f"{run.name}: features of {len(rows[0])} + {len(rows[1])} clips")
    learner = trained_learner(run.folder, config, data)
    features = encoded(run.folder, learner, config, data, {number: rows})[number]
    train, test = (
        clip_features(clips, values, side, f"{what} features")
        for values, side, what in zip(features, rows, ("training", "test"), strict=True)
    )
    sampled = sum(map(len, rows)) < sum(map(len, whole))
    normaliser = dataclasses.replace(config.normaliser, persons=data.persons)
    raw = raw_floor(run.folder.path, clips, rows, normaliser, config.probes.raw_frames)
    return RunFeatures(train, test, raw, data, number, sampled)


def _sample(rows: np.ndarray, most: int) -> np.ndarray:
    """Some of the rows in their order, by one seed: runs of one split get the same clips."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
