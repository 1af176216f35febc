"""`evaluate`: what ``ms2l-evaluate`` does, for Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ms2l_tf.api.loaded import globals_kept
from ms2l_tf.api.settings import typed_values
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import DEFAULT_PROBES, FLOORS, Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import ProbeConfig, RunConfig


def evaluate(
    run: str | os.PathLike[str],
    *,
    probes: Sequence[str] = DEFAULT_PROBES,
    data: str | os.PathLike[str] | None = None,
    floors: Sequence[str] = FLOORS,
    metric: Literal["cosine", "euclidean"] = "cosine",
    test_on: str = "test",
    layouts: Sequence[str] = (),
    cross: bool = True,
    single: Sequence[str] = (),
    unseen: Sequence[str] = (),
    streams: Sequence[str] = (),
    figures: bool = True,
    save_features: str | os.PathLike[str] = "",
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> EvaluationResult:
    """Probes of a finished run's frozen features, beside the floors, as ``ms2l-evaluate`` reads.

    Writes ``result.json``, tables and figures into the run's folder.

    Args:
        run: its folder.
        probes: out of ``knn``, ``linear``, ``linear_sgd``, ``linear_published``, ``ridge``,
            ``svm``.
        floors: out of ``raw``, ``random``, ``kernels``; those left out take no time.
        data: folder of its dataset, if that is no longer where it was.
        metric: distance of the kNN probe.
        test_on: ``test``, or ``validation`` to rank settings.
        layouts: of the run to read, the main one first; none: all.
        cross: with several layouts: the cross-convention table.
        single: runs of one layout each, for that table.
        unseen: layouts that the run has not learnt, read bridged (see `Choices`).
        streams: runs of other channels to fuse with this one.
        figures: draw figures, which takes a while.
        save_features: path of an .npz file for the features too.
        settings: of the probes by flag, such as ``{"pooling": "max", "k": (1, 5)}``; others stay
            as the run was trained.
        progress: called with a line for each step done and each file written.

    Returns:
        The result; ``result.metrics["linear/top1"]`` and ``["floor/raw/linear/top1"]`` are percent.

    Raises:
        InputError: the run is unfinished or of another dataset, or a choice does not fit it.
    """
    adapted = _adapting(settings or {}, data)
    _check_known("metric", metric, ("cosine", "euclidean"))
    _check_known("test_on", test_on, ("test", "validation"))
    choices = Choices(
        probes=tuple(probes),
        floors=tuple(floors),
        metric=metric,
        test_on=test_on,
        figures=figures,
        save_features=os.fspath(save_features),
        layouts=tuple(layouts),
        cross=cross,
        single=tuple(map(os.fspath, single)),
        unseen=tuple(unseen),
        streams=tuple(map(os.fspath, streams)),
    )
    folder = RunFolder(run)
    with globals_kept():
        config = adapted(folder.config())
        return evaluate_run(folder, config, choices, adapted=adapted, progress=progress).result


def _adapting(
    settings: Mapping[str, Any], data: str | os.PathLike[str] | None
) -> Callable[[RunConfig], RunConfig]:
    """Puts the settings of the probes, and the folder of the dataset, into those of a run."""
    known = ProbeConfig.__dataclass_fields__
    if foreign := sorted(set(settings) - set(known)):
        raise InputError(
            f"settings: '{foreign[0]}' is no setting of the probes; those are {', '.join(known)}"
        )
    chosen = {**settings, **({} if data is None else {"data": data})}
    return lambda trained: changed(trained, **typed_values(chosen))


def _check_known(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"{name}: '{value}' is not one of {', '.join(known)}")
