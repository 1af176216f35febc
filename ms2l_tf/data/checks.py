"""What a dataset can hold: one set of checks for its writer and for its reader."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from ms2l_tf.data.records import Axes, Clip
from ms2l_tf.errors import InputError

_TAGS = ("subject", "camera", "setup", "group", "source")
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")
_LONGEST_TEXT = 4096  # far below the longest field that a table is read with
_SHOWN = 40  # characters of a refused value that an error message repeats
_LARGEST = 2**63
_LONGEST_COUNT = 9
MIN_RATE, MAX_RATE = 0.001, 100_000.0  # frames a second; times are compared across layouts


def checked_clip(clip: Any, num_labels: int, where: str = "") -> Clip:
    """The row of the clip table with plain numbers and texts.

    Whole numbers may come as NumPy integers or floats, as a table column with a gap has them. A
    label that is None or NaN is unlabelled (-1), such a start or end is unknown (-1), such a
    subject, camera, setup, group or source is empty. Numbers serve as subject, camera, setup and
    group: 3 and 3.0 are "3".

    Args:
        clip: the row as it was given.
        num_labels: K, the number of classes.
        where: file and line, for the error; the clip's name without it.

    Raises:
        InputError: a value that the clip table can't hold.
    """
    if not isinstance(clip, Clip):
        raise InputError(f"{where or 'clip'}: is {shown(clip)}; expected a Clip")
    where = where or f"clip {shown(clip.name)}"
    name = clip.name
    if not isinstance(name, str) or not name or name != name.strip():
        raise InputError(
            f"{where}: a name is a text of printable characters, not empty, without outer blanks"
        )
    label = _number_or_missing(clip.label, f"{where}: label")
    if not -1 <= label < num_labels:
        raise InputError(
            f"{where}: label {label} is out of range; there are {num_labels} classes, counted "
            "from 0, and -1 for unlabelled"
        )
    return Clip(
        name=table_text(name, f"{where}: name"),
        label=label,
        **{tag: tag_text(getattr(clip, tag), f"{where}: {tag}") for tag in _TAGS},
        start=_number_or_missing(clip.start, f"{where}: start"),
        end=_number_or_missing(clip.end, f"{where}: end"),
    )


def is_list(value: Any) -> bool:
    """Whether there are entries to go through: no text, and no array of a single value."""
    single = isinstance(value, (str, bytes)) or (isinstance(value, np.ndarray) and not value.ndim)
    return hasattr(value, "__iter__") and not single


def is_missing(value: Any) -> bool:
    """None, NaN, a masked value, or the mark of a gap in a pandas column."""
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def whole_number(value: Any, what: str) -> int:
    """An int from an int or a float without a fraction, Python's or NumPy's; no bool."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    real = isinstance(value, (float, np.floating)) and bool(np.isfinite(value))
    whole = isinstance(value, (int, np.integer)) or (real and value == int(value))
    number = int(value) if whole and not isinstance(value, bool) else None
    if number is None or not -_LARGEST <= number < _LARGEST:
        raise InputError(f"{what} is {shown(value)}; expected a whole number")
    return number


def is_count(text: str) -> bool:
    """Whether a text is a whole number from 0 as programs write it, of at most nine digits.

    `str.isdecimal` takes digits of any alphabet and numbers so long that `int` refuses them.
    """
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_COUNT


def checked_rate(value: Any, where: str) -> float:
    """A frame rate: a positive number within reason."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    try:
        rate = float(value) if real else np.nan
    except OverflowError:
        rate = np.inf
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(
            f"{where}: frame rate is {shown(value)}; expected a positive number, "
            f"{MIN_RATE:g} to {MAX_RATE:g}"
        )
    return rate


def table_text(value: Any, what: str) -> str:
    """A text of printable characters, of a length that a table is read back with."""
    if not isinstance(value, str):
        raise InputError(f"{what} is {shown(value)}; expected a text")
    if not value.isprintable() or len(value) > _LONGEST_TEXT:
        raise InputError(
            f"{what} {shown(value)} needs printable characters, at most {_LONGEST_TEXT}"
        )
    return str(value)


def tag_text(value: Any, what: str) -> str:
    """A text of the clip table; of a number that is whole its digits, of a gap none."""
    if isinstance(value, str):  # as a rule, and a reader of many clips waits for it
        return table_text(value, what)
    if is_missing(value):
        return ""
    if isinstance(value, os.PathLike):
        return table_text(os.fspath(value), what)
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return str(whole_number(value, f"{what}, given as a number,"))
    return table_text(value, what)


def free_text(value: Any, what: str) -> str:
    """A text of any length that UTF-8 can hold."""
    if not isinstance(value, str):
        raise InputError(f"{what} is {shown(value)}; expected a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"{what} {shown(value)} holds a broken character") from None
    return str(value)


def checked_label_names(values: Any, where: str) -> tuple[str, ...]:
    """The class names in label order; numbers become texts."""
    if not is_list(values):
        raise InputError(f"{where}: label_names is {shown(values)}; expected a list of class names")
    names: list[str] = []
    for value in values:
        what = f"{where}: class name {len(names)}"
        if is_missing(value):
            raise InputError(f"{what} is {shown(value)}; expected a text")
        names.append(tag_text(value, what))
    if len(set(names)) != len(names):
        raise InputError(f"{where}: two classes have the same name")
    return tuple(names)


def check_file_name(kind: str, name: Any) -> None:
    """Refuses what can't be the name of a file everywhere."""
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
        raise InputError(
            f"{kind} {shown(name)}: names a file; use letters, digits, '_', '-' and '.', "
            "at most 100"
        )


def check_axes(axes: Axes | None, num_coords: int, where: str) -> None:
    """3-D poses have axes, 2-D poses have none."""
    if num_coords not in (2, 3):
        raise InputError(f"{where}: needs 2 or 3 coordinates; got {num_coords}")
    if (axes is None) != (num_coords == 2):
        raise InputError(f"{where}: 3-D poses have axes, 2-D poses have none")


def real_array(value: Any, what: str) -> np.ndarray:
    """A float32 copy of real numbers; masked ones become NaN, those beyond float32 infinite."""
    array = _array(value, what)
    if array.dtype.kind not in "iuf":
        raise InputError(
            f"{what} are of type {array.dtype}; expected real numbers (a missing one is NaN)"
        )
    with np.errstate(over="ignore"):
        numbers = np.array(array, np.float32)
    if isinstance(value, np.ma.MaskedArray):
        numbers[np.ma.getmaskarray(value)] = np.nan
    return numbers


def truth_array(value: Any, what: str) -> np.ndarray:
    """A bool copy of truth values or of numbers that are 0 or 1."""
    array = _array(value, what)
    if array.dtype.kind != "b" and (
        array.dtype.kind not in "iuf" or not np.isin(array, (0, 1)).all()
    ):
        raise InputError(f"{what} holds values of type {array.dtype} that are not True or False")
    return np.array(array, np.bool_)


def shown(value: Any) -> str:
    """A refused value on one short line."""
    if isinstance(value, np.generic):
        value = value.item()
    try:
        text = " ".join(repr(value).split())
    except (ValueError, RecursionError):  # a number of thousands of digits, lists without end
        text = f"a value of type {type(value).__name__}, too long to be shown"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _array(value: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are no array ({' '.join(str(error).split())})") from None


def _number_or_missing(value: Any, what: str) -> int:
    return -1 if is_missing(value) else whole_number(value, what)
