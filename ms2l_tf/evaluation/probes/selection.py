"""Choosing the regularisation of a probe by cross-validation on the training clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import IntArray

# (fit rows, held-out rows) -> right predictions on the held-out rows, one number a candidate.
CountCorrect = Callable[[IntArray, IntArray], Sequence[int]]


def check_candidates(c: Sequence[float], folds: int) -> tuple[float, ...]:
    """Checks the `c` and `folds` arguments of a probe and returns the candidates in order."""
    if not c or min(c) <= 0:
        raise InputError(f"probe: c must be positive numbers, got {list(c)}")
    if folds < 2:
        raise InputError(f"probe: cross-validation needs at least 2 folds, got {folds}")
    return tuple(sorted(set(c)))


def choose(
    candidates: Sequence[float],
    count_correct: CountCorrect,
    *,
    labels: IntArray,
    groups: npt.NDArray[Any] | None,
    folds: int,
    seed: int,
) -> tuple[float, dict[str, Any]]:
    """Returns the candidate with the most right predictions over all folds, and a record.

    Equal candidates: the smallest, that is, the strongest regularisation. A single candidate is
    returned at once, without any cross-validation; so is the middle one when every class has one
    clip only.

    Args:
        candidates: values to choose from, ascending.
        count_correct: fits every candidate on some rows and counts right predictions on others.
        labels: training labels [N].
        groups: subject or camera of every training clip [N]; a group is never split over folds.
        folds: number of folds, fewer if there are fewer groups or clips of a class.
        seed: of the shuffling.
    """
    if len(candidates) == 1:
        return candidates[0], {"c": candidates[0]}
    if np.bincount(labels).max() < 2:  # nothing to hold out, as with one label a class
        middle = candidates[len(candidates) // 2]
        return middle, {"c": middle, "cross_validation": None}
    correct = np.zeros(len(candidates), dtype=np.int64)
    splits = list(_splits(labels, groups, folds, seed))
    for fit, held in splits:
        correct += np.asarray(count_correct(fit, held))
    accuracy = 100.0 * correct / len(labels)
    best = candidates[int(accuracy.argmax())]
    return best, {
        "c": best,
        "cross_validation": {str(c): float(a) for c, a in zip(candidates, accuracy, strict=True)},
        "folds": len(splits),
        "grouped": groups is not None and len(np.unique(groups)) > 1,
    }


def _splits(
    labels: IntArray, groups: npt.NDArray[Any] | None, folds: int, seed: int
) -> Iterator[tuple[IntArray, IntArray]]:
    num_groups = 0 if groups is None else len(np.unique(groups))
    if num_groups > 1:
        # Few labelled clips may leave a class with fewer clips than folds: scikit-learn needs
        # only one class that is large enough.
        count = min(folds, num_groups, int(np.bincount(labels).max()))
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    else:
        count = min(folds, int(np.bincount(labels).max()))
        splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    for fit, held in splitter.split(labels, labels, groups if num_groups > 1 else None):
        # A fold of whole groups may hold out everything of all classes but one.
        if len(held) and len(np.unique(labels[fit])) > 1:
            yield fit, held
