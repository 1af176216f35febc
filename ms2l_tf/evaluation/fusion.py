"""Late fusion: the logits of several classifiers of the same clips, summed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray

# The weights of the published three-stream results.
THREE_STREAM: Mapping[str, float] = {"joint": 0.6, "bone": 0.6, "motion": 0.4}


def fuse(
    logits: Mapping[str, FloatArray], weights: Mapping[str, float] | None = None
) -> FloatArray:
    """The weighted sum of logits, as the literature fuses streams: sum_s w_s logits_s.

    A class that one of the classifiers has never seen (logit -inf) stays impossible.

    Args:
        logits: by name, [N, K] of the same clips and classes in the same order.
        weights: by the same names; None is the mean.

    Returns:
        [N, K] float64.

    Raises:
        InputError: shapes or names differ, a logit is NaN or +infinity, or the weights are
            negative, infinite or all zero.
    """
    if not logits:
        raise InputError("fusion: there are no logits to fuse")
    arrays = {name: _checked(name, array) for name, array in logits.items()}
    first = next(iter(arrays))
    for name, array in arrays.items():
        if array.shape != arrays[first].shape:
            raise InputError(
                f"fusion: '{name}' has {_size(array)}, '{first}' has {_size(arrays[first])}; "
                "take them from runs on the same clips"
            )
    if weights is None:
        weights = dict.fromkeys(arrays, 1.0 / len(arrays))
    _check_weights(weights, arrays)
    # What weighs nothing is left out: 0 x -inf is not a number.
    return np.sum([weights[name] * arrays[name] for name in arrays if weights[name]], axis=0)


def _checked(name: str, logits: FloatArray) -> FloatArray:
    array = np.asarray(logits, np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(
            f"fusion: '{name}' has logits of shape {array.shape}; expected [clips, classes]"
        )
    bad = np.flatnonzero((np.isnan(array) | (array == np.inf)).any(axis=1))
    if bad.size:
        raise InputError(
            f"fusion: '{name}' has a logit that is NaN or +infinity in row {bad[0]}; "
            "check whether its training diverged"
        )
    return array


def _size(array: FloatArray) -> str:
    return f"{array.shape[0]} clips of {array.shape[1]} classes"


def _check_weights(weights: Mapping[str, float], logits: Mapping[str, FloatArray]) -> None:
    for name in logits:
        if name not in weights:
            raise InputError(
                f"fusion: '{name}' has no weight; there are weights for {', '.join(weights)}"
            )
    for name, weight in weights.items():
        if name not in logits:
            raise InputError(
                f"fusion: '{name}' has a weight but no logits; there are logits of "
                f"{', '.join(logits)}"
            )
        if not (np.isfinite(weight) and weight >= 0):
            raise InputError(f"fusion: the weight of '{name}' is {weight}; it must be 0 or more")
    if not any(weights.values()):
        raise InputError(f"fusion: all weights ({', '.join(weights)}) are 0; give one more than 0")
