"""What a run's folder holds, as far as it is there and whole."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ms2l_tf.errors import InputError, warn
from ms2l_tf.evaluation.predictions import Predictions, predictions_name, read_predictions
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.evaluation.tables import format_notes
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.history_rows import Row, history_rows
from ms2l_tf.settings.config import RunConfig

_Read = TypeVar("_Read")
_APART = 0.01  # percent by which a result and its predictions may differ for rounding


@dataclasses.dataclass(frozen=True)
class ReadRun:
    """A run, and what was found of it.

    Attributes:
        name: by which the page calls it, another for each run of a page.
        folder: of the run.
        config: its settings, with the place of its data as it was told.
        record: of ``flags.json``.
        history: rows of ``history.csv``, those before a damaged one.
        result: of its evaluation, or None.
        predictions: of the same evaluation, or None.
        timing: seconds by key, of its training and its evaluation.
        flaws: lines on what is missing or damaged, and how to get it.
    """

    name: str
    folder: RunFolder
    config: RunConfig
    record: Mapping[str, Any]
    history: Sequence[Row]
    result: EvaluationResult | None
    predictions: Predictions | None
    timing: Mapping[str, float]
    flaws: Sequence[str]


def run_names(paths: Sequence[pathlib.Path]) -> list[str]:
    """The folders' own names, with as many of those above as tell all of them apart.

    Raises:
        InputError: a folder is named twice.
    """
    whole = [pathlib.Path(os.path.realpath(path)) for path in paths]  # of a loop of links too
    for number, path in enumerate(whole):
        if path in whole[:number]:
            raise InputError(f"--workdir: {paths[number]} is named twice")
    for depth in range(1, max(len(path.parts) for path in whole) + 1):
        names = ["/".join(path.parts[-depth:]) for path in whole]
        if len(set(names)) == len(names):
            break
    return names


def read_run(
    folder: RunFolder, name: str, test_on: str, adapted: Callable[[RunConfig], RunConfig]
) -> ReadRun:
    """Reads what there is; damaged files are left out, with a line here and one for the page.

    Args:
        folder: of the run.
        name: by which the page calls it.
        test_on: ``test`` or ``validation``, the clips whose evaluation is shown.
        adapted: puts in where the data lies now.

    Raises:
        InputError: the folder holds no run, or its ``flags.json`` is damaged.
    """
    record, config = folder.record(), adapted(folder.config())
    flaws: list[str] = []
    history, flaw = history_rows(folder.history)
    if flaw:
        flaws.append(f"{folder.history.name}: {flaw}; {len(history)} epochs before that are shown")
    result = _result(folder, test_on, flaws)
    predictions = None
    if result is not None:
        path = folder.path / predictions_name(test_on)
        predictions = _held(lambda: read_predictions(path), path, flaws, "evaluate again")
        if predictions is not None and not _of_result(predictions, result):
            flaws.append(f"{path.name}: is not of the result beside it; evaluate again")
            predictions = None
    if not folder.finished:
        flaws.append(f"trained to epoch {_last_epoch(history)} of {config.training.epochs} so far")
    timing = {**_timing(folder, flaws), **(result.timing if result else {})}
    for line in flaws:
        warn(f"{folder.path}: {line}")
    return ReadRun(name, folder, config, record, history, result, predictions, timing, flaws)


def _result(folder: RunFolder, test_on: str, flaws: list[str]) -> EvaluationResult | None:
    path = folder.result if test_on == "test" else folder.path / "result_validation.json"
    how = f"ms2l-evaluate --workdir={folder.path.name}"
    how += "" if test_on == "test" else f" --test_on={test_on}"
    if not path.exists():
        if folder.finished:
            flaws.append(f"not evaluated on the {test_on} clips yet: {how} brings the rest")
        return None
    result = _held(lambda: EvaluationResult.load(path), path, flaws, "evaluate again")
    if result is not None and not _whole(result):
        flaws.append(f"{path.name}: an entry is damaged; evaluate again")
        return None
    return result


def _whole(result: EvaluationResult) -> bool:
    """Whether what the page reads of its nested entries can be read."""
    if not isinstance(result.details, Mapping) or not isinstance(result.environment, Mapping):
        return False
    try:
        format_notes(result.details)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return True


def _held(
    read: Callable[[], _Read], path: pathlib.Path, flaws: list[str], remedy: str
) -> _Read | None:
    """What is read, or None and a line, which names the file without its folder."""
    try:
        return read()
    except InputError as error:
        said = str(error).replace(str(path), path.name)
        flaws.append(said if remedy in said else f"{said}; {remedy}")
        return None


def _of_result(predictions: Predictions, result: EvaluationResult) -> bool:
    """Whether both were written by one evaluation, as far as their accuracies tell."""
    return all(
        abs(predictions.top1(probe) - result.metrics.get(f"{probe}/top1", float("inf"))) <= _APART
        for probe in predictions.predicted
    )


def _timing(folder: RunFolder, flaws: list[str]) -> dict[str, float]:
    if not folder.timing_file.is_file():
        return {}
    timing = folder.timing()
    if not timing:
        flaws.append(f"{folder.timing_file.name}: is damaged; there is no training time")
    return timing


def _last_epoch(history: Sequence[Row]) -> int:
    return int(history[-1]["epoch"]) if history else 0
