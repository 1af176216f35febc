"""Measured numbers as JSON: one that is not finite costs itself, never the file."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ms2l_tf.errors import warn
from ms2l_tf.files import write_json

_LISTED = 5  # values that a warning names


def write_measures(path: str | os.PathLike[str], values: Any) -> None:
    """Writes indented JSON, all or nothing; ``null`` stands for a number that is not finite.

    For what was measured, such as results and timings. What a program goes by, such as settings
    or a split, is written with `write_json`, which takes finite numbers only.

    Args:
        path: of the file.
        values: mappings, sequences, NumPy values; numbers that are not finite are named on stderr.

    Raises:
        InputError: the file cannot be written.
    """
    write_json(path, without_nan(values))
    names = [f"{name or 'value'} ({number})" for name, number in _not_finite(values)]
    if names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        warn(
            f"{os.fspath(path)}: no finite number, so null in the file: "
            f"{', '.join(names[:_LISTED])}{more}"
        )


def without_nan(values: Any) -> Any:
    """The same values as plain mappings and lists, None for each number that is not finite."""
    if isinstance(values, Mapping):
        return {key: without_nan(value) for key, value in values.items()}
    if isinstance(values, (list, tuple, np.ndarray)):
        return [without_nan(value) for value in values]
    return None if _is_not_finite(values) else values


def _not_finite(values: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Place, such as ``details/probes/svm/gamma``, and value of each number that is not finite."""
    if isinstance(values, Mapping):
        pairs: Any = values.items()
    elif isinstance(values, (list, tuple, np.ndarray)):
        pairs = enumerate(values)
    else:
        if _is_not_finite(values):
            yield place, float(values)
        return
    for key, value in pairs:
        yield from _not_finite(value, f"{place}/{key}" if place else str(key))


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and not math.isfinite(value)
