"""`result.json`: the numbers of one run, with what is needed to read and repeat them."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.files import check_version, read_json
from ms2l_tf.measures import write_measures
from ms2l_tf.version import library_versions

FORMAT_VERSION = 1  # of the file; one without is of the same


@dataclass(frozen=True)
class EvaluationResult:
    """One evaluation of one run.

    Attributes:
        protocol: "unsupervised", "semi", "supervised" or "transfer".
        dataset: name of the dataset.
        split: name of the split.
        seed: of the run.
        epoch: the epoch whose weights were evaluated, the last one by rule.
        feature_dim: D of the features.
        metrics: percent, by key (`linear/top1`, `floor/raw/knn/1/top1`, ...); NaN if unknown.
        timing: seconds, by key.
        environment: versions and machine, see `environment()`.
        details: what the probes decided, clip counts and anything else worth keeping.
    """

    protocol: str
    dataset: str
    split: str
    seed: int
    epoch: int
    feature_dim: int
    metrics: Mapping[str, float]
    timing: Mapping[str, float]
    environment: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes JSON, complete or not at all; ``null`` for a number that is not finite."""
        values = {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in ((f.name, getattr(self, f.name)) for f in fields(self))
        }
        write_measures(path, {"format_version": FORMAT_VERSION, **values})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a `result.json`, or says in one line what is wrong with it."""
        values = {"format_version": FORMAT_VERSION, **read_json(path)}
        check_version(values, FORMAT_VERSION, path, "evaluate the run again")
        known = {f.name for f in fields(cls)}
        missing = sorted(known - set(values) - {"details"})
        if missing:
            raise InputError(f"{path}: '{missing[0]}' is missing; is this a result.json?")
        for name in ("metrics", "timing"):
            values[name] = _numbers(values[name], f"{path}: {name}")
        values["details"] = values.get("details") or {}
        return cls(**{name: values[name] for name in known if name in values})


def _numbers(values: Any, where: str) -> dict[str, float]:
    """Numbers by name as a file holds them, NaN for ``null``."""
    if not isinstance(values, Mapping):
        raise InputError(f"{where}: must be an object of numbers; is this a result.json?")
    for name, value in values.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise InputError(f"{where}: '{name}' is {value!r}, which is no number")
    return {name: math.nan if value is None else value for name, value in values.items()}


def environment() -> dict[str, Any]:
    """Versions and machine, without paths, host or user names. Imports nothing heavy."""
    versions: dict[str, Any] = {"python": platform.python_version(), **library_versions()}
    versions["platform"] = f"{platform.system()} {platform.machine()}"
    # The cores this process may use; not every platform can tell.
    affinity = getattr(os, "sched_getaffinity", None)
    versions["cores"] = len(affinity(0)) if affinity else os.cpu_count()
    return versions


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation of one metric over runs; `sd` of one run is NaN.

    The mean is NaN, and shown as ``-``, where the metric of some run is.
    """

    mean: float
    sd: float
    runs: int

    def __str__(self) -> str:
        if not math.isfinite(self.mean):
            return "-"
        return f"{self.mean:.2f}" if self.runs < 2 else f"{self.mean:.2f} ± {self.sd:.2f}"


def summarise(results: Sequence[EvaluationResult]) -> dict[str, Summary]:
    """Mean and standard deviation of every metric over runs that differ in the seed only."""
    if not results:
        raise InputError("no result.json to summarise")
    first = results[0]
    for other in results[1:]:
        for name in ("protocol", "dataset", "split", "feature_dim"):
            value, differing = getattr(first, name), getattr(other, name)
            if value != differing:
                raise InputError(
                    f"results cannot be averaged: {name} is {value!r} and {differing!r}"
                )
        if set(first.metrics) != set(other.metrics):
            key = sorted(set(first.metrics) ^ set(other.metrics))[0]
            raise InputError(f"results cannot be averaged: '{key}' is in some of them only")
    seeds = [result.seed for result in results]
    if len(set(seeds)) < len(seeds):
        raise InputError(f"results cannot be averaged: the same seed twice in {seeds}")
    return {key: summary_of([result.metrics[key] for result in results]) for key in first.metrics}


def summary_of(values: Sequence[float]) -> Summary:
    """Mean and sample standard deviation of some numbers, one or more."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Summary(float(np.mean(values)), sd, len(values))
