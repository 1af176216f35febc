"""What every probe has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import (
    FloatArray,
    IntArray,
    check_features,
    check_labels,
    nearly_constant,
)
from ms2l_tf.evaluation.rows import Features, LazyRows


class Probe(Protocol):
    """The interface of a probe; scikit-learn's habits, with features [N, D] and labels [N].

    Attributes:
        name: the key of its results ("knn", "linear", "linear_sgd", ...).
    """

    name: str

    def fit(
        self,
        features: Features,
        labels: IntArray,
        groups: npt.NDArray[Any] | None = None,
    ) -> Self:
        """Fits on labelled training clips; `groups` (subject or camera) [N] shape the folds."""
        ...

    def predict(self, features: FloatArray) -> IntArray | Mapping[int, IntArray]:
        """Class indices [N]; a probe with several settings returns one array a setting."""
        ...

    def details(self) -> dict[str, Any]:
        """The settings and what fitting decided, as JSON values, for `result.json`."""
        ...


def check_training(features: Features, labels: IntArray) -> tuple[Features, IntArray]:
    """Checks what a probe is fitted on: finite features, every clip labelled, at least one.

    Features that are all the same but for rounding are returned all the same: standardised, the
    rounding, which goes by a clip's place in its batch, can tell classes apart. Lazy rows are
    checked to be finite as they are read.
    """
    checked = features
    if not isinstance(features, LazyRows):
        checked = check_features(features, "training features")
    if not len(checked):
        raise InputError("training features: no labelled clip to fit a probe on")
    truth = check_labels(labels, len(checked), "training labels")
    if (truth < 0).any():
        row = int(np.flatnonzero(truth < 0)[0])
        raise InputError(f"training labels: row {row} is unlabelled; leave such clips out")
    if not isinstance(checked, LazyRows) and nearly_constant(checked):
        checked = np.repeat(checked[:1], len(checked), axis=0)
    return checked, truth


def check_classes(labels: IntArray, probe: str) -> None:
    """Refuses training labels of a single class, which no classifier can be fitted on."""
    if len(np.unique(labels)) < 2:
        raise InputError(
            f"training labels: the {probe} probe needs at least two classes, "
            f"but every clip has label {labels[0]}; evaluate with --probes=knn"
        )


def check_query(features: FloatArray, dims: int) -> FloatArray:
    """Checks what a probe predicts for: finite features of the dimension it was fitted on."""
    checked = check_features(features, "test features")
    if checked.shape[1] != dims:
        raise InputError(
            f"test features: {checked.shape[1]} dimensions, "
            f"but the probe was fitted on {dims}; extract both with the same encoder"
        )
    return checked
