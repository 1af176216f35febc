"""`cut`: pieces of clips, by windows, around points, or by annotated intervals."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence

from ms2l_tf.data.label_table import sorted_classes
from ms2l_tf.data.operations.stream import ClipStream, few
from ms2l_tf.data.operations.user_tables import check_columns, frame_number, known, read_table
from ms2l_tf.data.records import Clip, ClipPoses
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError

USAGE = "windows:LENGTH[:STRIDE], points:FILE:BEFORE:AFTER or intervals:FILE"
_LEAST = 0.5  # of a window that the end of its clip shortens
_MOST_TIMES = 1000  # that the frame rate of a layout is that of another


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Frames `start` to `end` (not included) of clip `index`; None: the clip's own label."""

    index: int
    start: int
    end: int
    label: str | None = None


def cut(stream: ClipStream, how: str) -> ClipStream:
    """Pieces of clips, called like these with a number: `walk_000`, `walk_001`.

    `windows:LENGTH[:STRIDE]` are windows that begin every STRIDE frames (LENGTH, if not given); at
    the end of a clip one may be shorter, down to half a LENGTH (others are left out and counted),
    and a clip that is shorter stays whole. `points:FILE:BEFORE:AFTER` are the frames around those
    in a table with the columns clip, frame and maybe label, cut at the ends of the clip.
    `intervals:FILE` are those of a table with clip, start, end (not included) and maybe label.

    Frames are counted from 0, at the highest frame rate of a layout; others are cut at the same
    times.
    Pieces stay on their clip's side of a split. Their `source` is the clip, `start` and `end` are
    its frames.

    Raises:
        InputError: `how` cannot be read, or a table names a clip or frames that there are not.
    """
    kind, _, rest = how.partition(":")
    where = f"--cut={how}"
    numbers = re.fullmatch(r"(\d+)(?::(\d+))?", rest)
    if kind == "windows" and numbers:
        pieces, rests = _windows(stream, int(numbers[1]), int(numbers[2] or numbers[1]), where)
        if rests:
            text = f"{rests} windows shorter than half of {numbers[1]} frames, left out"
            stream = stream.noting(f"{where}: {text}")
    elif kind == "points" and (given := re.fullmatch(r"(.+):(\d+):(\d+)", rest)):
        pieces = list(_points(stream, given[1], int(given[2]), int(given[3]), where))
    elif kind == "intervals" and rest:
        pieces = list(_intervals(stream, rest))
    else:
        raise InputError(f"{where}: use {USAGE}")
    return _cut(stream, pieces, where)


def _windows(stream: ClipStream, length: int, stride: int, where: str) -> tuple[list[_Piece], int]:
    """The windows, and how many were too short at the ends of their clips."""
    if not length or not stride:
        raise InputError(f"{where}: windows have a frame at least")
    pieces, rests = [], 0
    for index in range(len(stream.clips)):
        frames = _length(stream, index)
        for start in range(0, frames, stride):
            end = min(start + length, frames)
            if start == 0 or end - start >= _LEAST * length:
                pieces.append(_Piece(index, start, end))
            else:
                rests += 1
    return pieces, rests


def _points(stream: ClipStream, path: str, before: int, after: int, where: str) -> Iterator[_Piece]:
    if not before + after:
        raise InputError(f"{where}: needs a frame before or after the point")
    for index, frames, line, row in _rows(stream, path, ("clip", "frame"), "--cut=points:"):
        frame = frame_number(row["frame"], line)
        start, end = max(frame - before, 0), min(frame + after, frames)
        if frame >= frames or start >= end:
            raise InputError(f"{line}: frame {frame} of a clip of {frames} frames")
        yield _Piece(index, start, end, row.get("label"))


def _intervals(stream: ClipStream, path: str) -> Iterator[_Piece]:
    columns = ("clip", "start", "end")
    for index, frames, line, row in _rows(stream, path, columns, "--cut=intervals:"):
        start, end = (frame_number(row[column], line) for column in columns[1:])
        if not start < end <= frames:
            raise InputError(f"{line}: frames {start} to {end} of a clip of {frames} frames")
        yield _Piece(index, start, end, row.get("label"))


def _rows(
    stream: ClipStream, path: str, needed: Sequence[str], flag: str
) -> Iterator[tuple[int, int, str, Mapping[str, str]]]:
    """Number and length of a clip, place and cells of each row."""
    columns, rows = read_table(path, flag)
    check_columns(columns, needed, ("label",), f"{flag}{path}")
    index = {clip.name: number for number, clip in enumerate(stream.clips)}
    for line, row in rows:
        place = f"{flag}{path}, line {line}"
        number = index[known(row["clip"], index, "clip", place)]
        yield number, _length(stream, number), place, row


def _length(stream: ClipStream, index: int) -> int:
    """Frames of a clip at the highest rate, by its layout that comes nearest; 0 without poses."""
    rates = _rates(stream)
    lengths = {rates[name]: len(poses.coords) for name, poses in stream.read(index).items()}
    if not lengths:
        return 0
    rate = max(lengths)
    return round(lengths[rate] * max(rates.values()) / rate)


def _rates(stream: ClipStream) -> dict[str, float]:
    rates = {poses.layout: poses.frame_rate for poses in stream.header.poses}
    if max(rates.values()) > _MOST_TIMES * min(rates.values()):
        told = ", ".join(f"{name}: {rate:g}" for name, rate in rates.items())
        raise InputError(f"--cut: the frame rates of the layouts cannot all be right ({told})")
    return rates


def _cut(stream: ClipStream, pieces: Sequence[_Piece], where: str) -> ClipStream:
    names = _label_names(stream, pieces)
    rates = _rates(stream)
    parts: dict[str, list[str]] = {}
    clips = []
    for piece in pieces:
        whole = stream.clips[piece.index]
        of_clip = parts.setdefault(whole.name, [])
        of_clip.append(f"{whole.name}_{len(of_clip):03}")
        clips.append(_row(whole, piece, of_clip[-1], names))

    whole_of = functools.lru_cache(maxsize=1)(stream.read)  # its pieces follow one another

    def read(number: int) -> dict[str, ClipPoses]:
        piece = pieces[number]
        highest = max(rates.values())
        return {
            layout: _slice(poses, piece, rates[layout] / highest)
            for layout, poses in whole_of(piece.index).items()
        }

    lines = [f"{where}: {len(pieces)} pieces of {len(parts)} clips"]
    without = [clip.name for clip in stream.clips if clip.name not in parts]
    if without:
        lines.append(f"{where}: {len(without)} clips have no piece, left out: {few(without)}")
    header = dataclasses.replace(stream.header, label_names=names)
    splits = tuple(_of_pieces(split, parts) for split in stream.splits)
    splits = tuple(split for split in splits if split.train or split.test)
    return ClipStream(header, tuple(clips), read, splits, stream.done).noting(*lines)


def _label_names(stream: ClipStream, pieces: Sequence[_Piece]) -> tuple[str, ...]:
    """The classes there are, and after them those that only pieces have."""
    old = stream.header.label_names
    return (*old, *sorted_classes({piece.label for piece in pieces if piece.label} - {*old}))


def _row(whole: Clip, piece: _Piece, name: str, names: Sequence[str]) -> Clip:
    label = whole.label
    if piece.label is not None:
        label = names.index(piece.label) if piece.label else -1
    return dataclasses.replace(
        whole, name=name, label=label, source=whole.name, start=piece.start, end=piece.end
    )


def _slice(poses: ClipPoses, piece: _Piece, scale: float) -> ClipPoses:
    """The frames of a piece, at another frame rate too; one at least."""
    start = min(round(piece.start * scale), len(poses.coords) - 1)
    frames = slice(start, max(round(piece.end * scale), start + 1))
    optional = (None if own is None else own[frames] for own in (poses.present, poses.confidence))
    return ClipPoses(poses.coords[frames], *optional)


def _of_pieces(split: SplitNames, parts: Mapping[str, Sequence[str]]) -> SplitNames:
    train, test = (
        tuple(part for name in side for part in parts.get(name, ()))
        for side in (split.train, split.test)
    )
    return dataclasses.replace(split, train=train, test=test)
