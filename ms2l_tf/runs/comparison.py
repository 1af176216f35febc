"""Two finished runs side by side: their weights, and what they logged."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from ms2l_tf.errors import InputError, one_line
from ms2l_tf.runs.folder import RunFolder

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far two runs are apart in one kind of numbers.

    Attributes:
        compared: arrays of weights, or epochs.
        differing: how many of them are not equal to the bit.
        largest: absolute difference; infinite if one is no number, or of another shape, or lacks.
        where: it is.
        first: that differs, in the order of the file.
    """

    compared: int
    differing: int = 0
    largest: float = 0.0
    where: str = ""
    first: str = ""

    @property
    def equal(self) -> bool:
        """Whether all are equal to the bit."""
        return not self.differing

    def to_json(self) -> dict[str, Any]:
        """As it is kept; JSON knows no infinity."""
        values = dataclasses.asdict(self)
        return {
            "equal": self.equal,
            **values,
            "largest": self.largest if np.isfinite(self.largest) else None,
        }


def compare_weights(one: RunFolder, other: RunFolder) -> Difference:
    """Weights (and the optimiser's state) of the last epoch, array by array.

    Raises:
        InputError: a file cannot be read.
    """
    return _compare(_weights(one.weights), _weights(other.weights))


def compare_histories(one: RunFolder, other: RunFolder) -> Difference:
    """What was logged, epoch by epoch."""
    return _compare(_epochs(one), _epochs(other))


def _compare(before: Arrays, now: Arrays) -> Difference:
    names = [*before, *(name for name in now if name not in before)]
    apart = {name: _apart(before.get(name), now.get(name)) for name in names}
    differing = {name: largest for name, largest in apart.items() if largest is not None}
    if not differing:
        return Difference(len(names))
    where = max(differing, key=lambda name: differing[name])
    first = next(iter(differing))
    return Difference(len(names), len(differing), differing[where], where, first)


def _apart(before: np.ndarray | None, now: np.ndarray | None) -> float | None:
    """The largest difference of two arrays; None if they are equal to the bit."""
    if before is None or now is None or before.shape != now.shape or before.dtype != now.dtype:
        return float("inf")
    if before.tobytes() == now.tobytes():
        return None
    with np.errstate(invalid="ignore"):
        largest = np.max(np.abs(before.astype(np.float64) - now.astype(np.float64)))
    return float(largest) if np.isfinite(largest) else float("inf")


def _weights(path: pathlib.Path) -> Arrays:
    found: Arrays = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub":
            found[name] = np.asarray(item[()])

    try:
        with h5py.File(path) as file:
            file.visititems(keep)
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)})") from None
    return found


def _epochs(folder: RunFolder) -> Arrays:
    rows = folder.read_history()
    names = sorted({name for row in rows for name in row} - {"epoch"})
    return {
        f"epoch {row['epoch']}": np.array([float(row.get(name) or "nan") for name in names])
        for row in rows
    }
