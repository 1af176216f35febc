"""The rows of one clip of a table as poses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.data.formats.csv_index import TableIndex
from ms2l_tf.data.formats.listed import MOST_PERSONS
from ms2l_tf.data.formats.mocap import shorten
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError

AXES = ("x", "y", "z", "confidence")
_MISSING = ("", "nan", "na", "n/a", "none", "null")
_MAX_GAPS = 10  # times as many frames left out as there are is no numbering of frames


def poses_of(
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    table: TableIndex,
    places: Mapping[str, int],
    name: str,
) -> tuple[ClipPoses, tuple[str, ...]]:
    """Poses [T, M, J, C] of a clip, and what had to be repaired.

    Args:
        rows: cells of the clip's rows.
        lines: their numbers.
        table: they are from.
        places: of the joints in the layout, by their names in the table.
        name: of the file, for errors.

    Raises:
        InputError: a cell is no number, or two rows are about the same.
    """
    columns = table.columns
    frames, repairs = _frames(rows, lines, columns.roles.get("frame"), columns.long, name)
    persons = _persons(rows, columns.roles.get("person"))
    num_persons = int(persons.max()) + 1
    if num_persons > MOST_PERSONS:
        raise InputError(
            f"{name}, line {lines[0]}: the clip that begins here has {num_persons} persons; at "
            f"most {MOST_PERSONS} are read"
        )
    values = np.full((int(frames.max()) + 1, num_persons, len(places), 4), np.nan)
    if columns.long:
        joint = columns.roles["joint"]
        joints = np.array([places[row[joint].strip()] for row in rows])
        _check_once((frames, persons, joints), lines, name)
        for axis, place in columns.axes.items():
            values[frames, persons, joints, AXES.index(axis)] = _numbers(rows, lines, place, name)
    else:
        _check_once((frames, persons), lines, name)
        for joint_name, axes in columns.joints.items():
            for axis, place in axes.items():
                numbers = _numbers(rows, lines, place, name)
                values[frames, persons, places[joint_name], AXES.index(axis)] = numbers
    coords = values[..., : 3 if "z" in columns.present else 2]
    confidence = None
    if "confidence" in columns.present:
        missing = np.isnan(coords).any(axis=-1) | np.isnan(values[..., 3])
        confidence = np.where(missing, 0, values[..., 3]).astype(np.float32)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which is refused
        return ClipPoses(coords.astype(np.float32), None, confidence), repairs


def _check_once(places: Sequence[np.ndarray], lines: Sequence[int], name: str) -> None:
    """Refuses two rows about the same frame, person and joint."""
    flat = np.ravel_multi_index(tuple(places), [int(place.max()) + 1 for place in places])
    _, first, which = np.unique(flat, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[which] != np.arange(len(lines)))
    if len(again):
        raise InputError(
            f"{name}, line {lines[int(again[0])]}: is about what a row before it says already"
        )


def _frames(
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    place: int | None,
    long: bool,
    name: str,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The frame of each row, counted from 0, and a line on those that are left out."""
    if place is None:
        if long:
            raise InputError(f"{name}: has no column 'frame', which a row a joint needs")
        return np.arange(len(rows)), ()
    times = _numbers(rows, lines, place, name)
    if not np.isfinite(times).all():
        line = lines[int(np.flatnonzero(~np.isfinite(times))[0])]
        raise InputError(f"{name}, line {line}: has no number of a frame")
    known, order = np.unique(times, return_inverse=True)
    if (known != np.round(known)).any() or abs(known).max() > 2**53:  # times, not numbers
        return order, ()
    step = math.gcd(*(int(gap) for gap in np.diff(known))) or 1
    frames = ((times - known[0]) / step).astype(np.int64)
    left_out = int(frames.max()) + 1 - len(known)
    if left_out > _MAX_GAPS * len(known):
        raise InputError(
            f"{name}, line {lines[0]}: the clip's frames are numbered from {known[0]:g} to "
            f"{known[-1]:g}, and only {len(known)} are there"
        )
    return frames, (f"{left_out} frames are left out: without anybody",) if left_out else ()


def _persons(rows: Sequence[Sequence[str]], place: int | None) -> np.ndarray:
    """The person of each row, in the order they come in."""
    if place is None:
        return np.zeros(len(rows), np.int64)
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(row[place].strip(), len(numbers)) for row in rows])


def _numbers(
    rows: Sequence[Sequence[str]], lines: Sequence[int], place: int, name: str
) -> np.ndarray:
    """The numbers of a column, NaN where there is none."""
    cells = [row[place] for row in rows]
    try:
        if "_" in (text := "".join(cells)) or not text.isascii():  # Python reads 1_0 as ten
            raise ValueError
        return np.array(list(map(float, cells)))
    except ValueError:
        pairs = zip(cells, lines, strict=True)
        return np.array([_number(cell, f"{name}, line {line}") for cell, line in pairs])


def _number(cell: str, where: str) -> float:
    """A number, with a point or a comma; NaN where the cell says that it is missing."""
    try:
        if "_" in cell or not cell.isascii():
            raise ValueError
        return float(cell)
    except ValueError:
        text = cell.strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        if text.count(",") != 1 or "." in text or "_" in text or not text.isascii():
            raise ValueError
        return float(text.replace(",", "."))
    except ValueError:
        raise InputError(f"{where}: {shorten(text)} is not a number") from None
