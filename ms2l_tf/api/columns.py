"""What a caller has beside arrays of clips: labels, names, subjects, the sides of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from ms2l_tf.data.checks import is_list, shown, tag_text, whole_number
from ms2l_tf.data.label_table import sorted_classes
from ms2l_tf.errors import InputError, warn


def class_labels(labels: Any, what: str, count: int) -> tuple[tuple[str, ...], list[int]]:
    """Names of the classes, and the label of each clip; -1 where there is none.

    Args:
        labels: see `text_column`.
        what: how messages call them.
        count: N.
    """
    texts = text_column(labels, what, count)
    classes = sorted_classes(texts)
    if str(-1) in classes:
        warn(f"{what}: -1 is a class as any other; unlabelled clips are None or NaN")
    numbers = {text: number for number, text in enumerate(classes)}
    return classes, [numbers.get(text, -1) for text in texts]


def text_column(values: Any, what: str, count: int) -> list[str]:
    """A text a clip; empty where there is none.

    Args:
        values: [N] texts, whole numbers, truth values; None, NaN: there is none. None: nowhere.
        what: how messages call them.
        count: N.

    Raises:
        InputError: there are more or fewer, or others.
    """
    if values is None:
        return [""] * count
    if not isinstance(values, np.ndarray) and hasattr(values, "__array__"):
        values = np.asarray(values)  # a column of a table, a tensor
    shape = getattr(values, "shape", None)
    if not _is_sequence(values) or (shape is not None and len(shape) != 1):
        told = shown(values) if shape is None else f"shape {shape}"
        raise InputError(f"{what}: {told}; expected a text or number for each of {count} clips")
    given = list(values)
    if len(given) != count:
        raise InputError(f"{what}: are {len(given)}; there are {count} clips")
    return [_text(value, f"{what}: entry {number}") for number, value in enumerate(given)]


def split_sides(splits: Any, names: Sequence[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Names of the training and the test clips by the name of a split.

    Args:
        splits: indices of both by the name of a split.
        names: [N] of all clips.

    Raises:
        InputError: it is no such thing, or an index is of no clip.
    """
    if not isinstance(splits, Mapping):
        raise InputError(f"splits: {shown(splits)}; expected {{name: (training, test)}}")
    found = {}
    for split, sides in splits.items():
        where = f"splits: {shown(split)}"
        pair = list(sides) if _is_sequence(sides) else []
        if len(pair) != 2:
            raise InputError(f"{where}: {shown(sides)}; expected indices of (training, test) clips")
        train, test = (_named(indices, names, where) for indices in pair)
        found[split] = train, test
    return found


def _named(indices: Any, names: Sequence[str], where: str) -> list[str]:
    if not _is_sequence(indices):
        raise InputError(f"{where}: {shown(indices)}; expected indices of clips")
    rows = list(indices)
    if any(isinstance(row, (bool, np.bool_)) for row in rows):
        raise InputError(f"{where}: a mask; expected indices of clips, as np.flatnonzero(mask)")
    numbers = [whole_number(row, f"{where}: an index of a clip") for row in rows]
    for number in numbers:
        if not 0 <= number < len(names):
            raise InputError(f"{where}: there is no clip {number}; they are 0 to {len(names) - 1}")
    return [names[number] for number in numbers]


def _is_sequence(values: Any) -> bool:
    """Whether there are entries in an order."""
    return is_list(values) and not isinstance(values, (Mapping, Set))


def _text(value: Any, what: str) -> str:
    return str(bool(value)) if isinstance(value, (bool, np.bool_)) else tag_text(value, what)
