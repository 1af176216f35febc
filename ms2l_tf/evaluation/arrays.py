"""Features of clips as plain arrays, checked once where they enter the evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
StrArray = npt.NDArray[np.str_]

UNLABELLED = -1
ROUNDING = 1e-6  # features that differ by less, relative to the largest, are the same in float32


def check_features(
    features: npt.ArrayLike, what: str, names: Sequence[str] | StrArray | None = None
) -> FloatArray:
    """Returns `features` as a float array that distances and variances can be computed of.

    Numbers so small that all their squares vanish are returned as zeros.

    Args:
        features: numbers of shape [N, D].
        what: how an error message calls them, for example "training features".
        names: clip names [N]; without them a message gives the row.

    Raises:
        InputError: features are not finite, or so large that their squares are not; it says which
            clip is at fault.
    """
    array = np.asarray(features)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"{what}: expected an array [clips, dimensions], got shape {array.shape}")
    if array.dtype.kind not in "fiu":
        raise InputError(f"{what}: expected numbers, got {array.dtype}")
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        array = array.astype(np.float32)
    largest = _largest(array)
    limit = math.sqrt(np.finfo(array.dtype).max / (4 * max(array.size, 1)))
    if not largest <= limit:  # NaN compares as false
        wrong = ~np.isfinite(array) if not np.isfinite(largest) else np.abs(array) > limit
        bad = np.flatnonzero(wrong.any(axis=1))
        clip = f"clip '{names[bad[0]]}'" if names is not None else f"row {bad[0]}"
        more = f" (and {bad.size - 1} more)" if bad.size > 1 else ""
        kind = "values too large to square" if np.isfinite(largest) else "NaN or infinite values"
        raise InputError(
            f"{what}: {kind} in {clip}{more}; "
            "check the poses of that clip and whether training diverged"
        )
    if largest < math.sqrt(np.finfo(array.dtype).tiny * max(array.size, 1)):
        return np.zeros_like(array)
    return array


def _largest(array: FloatArray) -> float:
    """The largest absolute value, 0 of an empty array; NaN if there is any."""
    return max(float(array.max(initial=0.0)), -float(array.min(initial=0.0)))


def nearly_constant(features: FloatArray) -> bool:
    """Whether rows [N, D], two or more, are all the same but for rounding."""
    if len(features) < 2:
        return False
    ranges = features.max(axis=0) - features.min(axis=0)
    return bool(ranges.max() <= ROUNDING * _largest(features))


def check_labels(labels: npt.ArrayLike, count: int, what: str) -> IntArray:
    """Returns `labels` as an int64 array [count]; below -1 (unlabelled) nothing is accepted."""
    array = np.asarray(labels)
    if array.shape != (count,):
        raise InputError(f"{what}: expected {count} labels, one a clip, got shape {array.shape}")
    if count and array.dtype.kind not in "iu":
        raise InputError(f"{what}: labels must be whole numbers, got {array.dtype}")
    array = array.astype(np.int64)
    if (array < UNLABELLED).any():
        row = int(np.flatnonzero(array < UNLABELLED)[0])
        raise InputError(f"{what}: label {array[row]} in row {row}; use -1 for unlabelled clips")
    return array


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """Features of N clips with what the probes need to know about each clip.

    Attributes:
        features: float array [N, D].
        labels: class indices [N]; -1 is unlabelled.
        names: clip names [N] (an array once checked); `row 0`, `row 1`, ... when not given.
        groups: subject or camera of each clip [N], for grouped cross-validation; optional.
        what: how error messages call this set.
        copies: of test clips, which of them are copies of training clips [N]; None: not known.
    """

    features: FloatArray
    labels: IntArray
    names: Sequence[str] | StrArray | None = None
    groups: npt.NDArray[Any] | None = None
    what: str = "features"
    copies: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        count = len(self.features)
        names = [f"row {i}" for i in range(count)] if self.names is None else self.names
        checked = np.asarray(names, dtype=np.str_)
        if checked.shape != (count,):
            raise InputError(f"{self.what}: {count} rows but {checked.size} clip names")
        object.__setattr__(self, "names", checked)
        object.__setattr__(self, "features", check_features(self.features, self.what, checked))
        object.__setattr__(self, "labels", check_labels(self.labels, count, self.what))
        if self.groups is not None and len(self.groups) != count:
            raise InputError(f"{self.what}: {count} rows but {len(self.groups)} groups")
        if self.copies is not None and self.copies.shape != (count,):
            raise InputError(f"{self.what}: {count} rows but copies of {self.copies.shape}")

    def __len__(self) -> int:
        return len(self.features)

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Which clips have a label, [N]."""
        return self.labels != UNLABELLED

    @property
    def others(self) -> npt.NDArray[np.bool_] | None:
        """Which labelled clips are no copies, [N].

        None: none is known to be a copy, or all are, so there are no others to tell apart.
        """
        if self.copies is None:
            return None
        others = self.labelled & ~self.copies
        return others if 0 < others.sum() < self.labelled.sum() else None
