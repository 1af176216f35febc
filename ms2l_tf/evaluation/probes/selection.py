"""Choosing the regularisation of a probe by cross-validation on the training clips."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
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
    returned at once, without any cross-validation; so is the middle one when nothing can be held
    out.

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
    held_out = splits(labels, groups, folds, seed)
    if not held_out:  # nothing can be held out, as with one label a class or one class a subject
        middle = candidates[len(candidates) // 2]
        return middle, {"c": middle, "cross_validation": None}
    correct = np.sum([count_correct(fit, held) for fit, held in held_out], axis=0)
    accuracy = 100.0 * correct / sum(len(held) for _, held in held_out)
    best = candidates[int(accuracy.argmax())]
    return best, {
        "c": best,
        "cross_validation": {str(c): float(a) for c, a in zip(candidates, accuracy, strict=True)},
        "folds": len(held_out),
        "grouped": groups is not None and len(np.unique(groups)) > 1,
    }


def splits(
    labels: IntArray, groups: npt.NDArray[Any] | None, folds: int, seed: int
) -> list[tuple[IntArray, IntArray]]:
    """(fit rows, held-out rows) of each fold, see `choose`; none where nothing can be held out."""
    most = int(np.bincount(labels).max())
    if most < 2:
        return []
    num_groups = 0 if groups is None else len(np.unique(groups))
    if num_groups > 1:
        # Few labelled clips may leave a class with fewer clips than folds: scikit-learn needs
        # only one class that is large enough.
        count = min(folds, num_groups, most)
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    else:
        count = min(folds, most)
        splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # that some class has fewer clips than folds is expected
        warnings.simplefilter("ignore", UserWarning)
        found = list(splitter.split(labels, labels, groups if num_groups > 1 else None))
    # A fold of whole groups may hold out everything of all classes but one.
    return [(fit, held) for fit, held in found if len(held) and len(np.unique(labels[fit])) > 1]
