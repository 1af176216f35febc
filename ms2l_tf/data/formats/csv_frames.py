"""The rows of one clip of a table as poses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.data.formats.csv_index import TableIndex
from ms2l_tf.data.formats.mocap import shorten
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError

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
    num_persons, joints = int(persons.max()) + 1, len(places)
    values = np.full((int(frames.max()) + 1, num_persons, joints, 4), np.nan)
    taken = np.zeros(values.shape[:3] if columns.long else values.shape[:2], bool)
    for number, (row, line) in enumerate(zip(rows, lines, strict=True)):
        where = f"{name}, line {line}"
        place: tuple[int, ...] = (int(frames[number]), int(persons[number]))
        if columns.long:
            joint = row[columns.roles["joint"]].strip()
            place += (places[joint],)
            values[place] = _numbers(row, columns.axes, where)
        else:
            for joint, axes in columns.joints.items():
                values[(*place, places[joint])] = _numbers(row, axes, where)
        if taken[place]:
            raise InputError(f"{where}: is about what a row before it says already")
        taken[place] = True
    coords = values[..., : 3 if "z" in columns.present else 2]
    missing = np.isnan(coords).any(axis=-1)
    confidence = None
    if "confidence" in columns.present:
        scores = np.where(missing | np.isnan(values[..., 3]), 0, values[..., 3])
        confidence = scores.astype(np.float32)
    return ClipPoses(coords.astype(np.float32), None, confidence), repairs


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
    cells = (row[place] for row in rows)
    numbers = [
        _number(cell, f"{name}, line {line}") for cell, line in zip(cells, lines, strict=True)
    ]
    times = np.array(numbers)
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


def _numbers(row: Sequence[str], axes: Mapping[str, int], where: str) -> list[float]:
    """x, y, z and confidence; NaN where there is none."""
    return [
        _number(row[axes[axis]], where) if axis in axes else math.nan
        for axis in ("x", "y", "z", "confidence")
    ]


def _number(cell: str, where: str) -> float:
    """A number, with a point or a comma; NaN where the cell says that it is missing."""
    try:
        if "_" in cell or not cell.isascii():  # Python reads 1_0 as ten
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
