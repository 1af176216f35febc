"""The frames of one clip, whatever its length: read piece by piece, missing joints filled."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from ms2l_tf.data.pose_store import PoseStore, release

PIECE = 4096  # frames in memory at a time


class ClipFrames:
    """Rule 2 of `Normaliser` for one clip, in memory that does not grow with its length.

    Numbers are those of `ms2l_tf.data.missing_joints.fill_missing`, to the bit.

    Args:
        store: poses of one layout.
        index: the clip, of at least one frame.
    """

    def __init__(self, store: PoseStore, index: int) -> None:
        self._store = store
        self._first = int(store.offsets[index])
        self.length = int(store.lengths[index])
        frames = slice(self._first, self._first + self.length)
        self._present = np.asarray(store.present[frames])
        self.seen = np.asarray(self._present.any(axis=0))
        self._complete = all(self._is_complete(first) for first in self._firsts())
        if not self._complete:
            self.seen = np.asarray((self._valid_by_piece[0] >= 0).any(axis=(0, 2)))

    @functools.cached_property
    def order(self) -> np.ndarray:
        """Persons, those never seen behind the others: int [M]."""
        return np.argsort(~self.seen, kind="stable")

    @property
    def present(self) -> np.ndarray:
        """Which persons are there, in order: bool [F, M]."""
        return self._present[:, self.order]

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """First frame and coords [n, M, J, C] of each piece: filled, persons in order."""
        in_order = bool((np.diff(self.order) > 0).all())
        for first in self._firsts():
            coords = self._unseen_zeroed(first) if self._complete else self._filled(first)
            yield first, coords if in_order else coords[:, self.order]
            self._release()

    def _firsts(self) -> range:
        return range(0, self.length, PIECE)

    def _release(self) -> None:
        if self.length > PIECE:  # else the pages are few, and soon wanted again
            release(self._store.coords)

    def _raw(self, frames: slice | np.ndarray) -> np.ndarray:
        if isinstance(frames, slice):
            return self._store.coords[self._first + frames.start : self._first + frames.stop]
        return self._store.coords[self._first + frames]

    def _piece(self, first: int) -> slice:
        return slice(first, min(first + PIECE, self.length))

    def _is_complete(self, first: int) -> bool:
        """Whether nothing is missing of the persons who are seen anywhere in the clip."""
        frames = self._piece(first)
        if not (self._present[frames] == self.seen).all():
            return False
        coords = self._raw(frames)
        total = coords.sum() if self.seen.all() else coords[:, self.seen].sum()
        self._release()
        return bool(np.isfinite(total))

    def _unseen_zeroed(self, first: int) -> np.ndarray:
        coords = self._raw(self._piece(first))
        if self.seen.all():
            return coords
        return np.where(self.seen[:, None, None], coords, np.float32(0))

    def _valid(self, frames: slice | np.ndarray, coords: np.ndarray) -> np.ndarray:
        """Which joints were seen: bool [n, M, J]."""
        return np.isfinite(coords).all(axis=-1) & self._present[frames][..., None]

    @functools.cached_property
    def _valid_by_piece(self) -> tuple[np.ndarray, np.ndarray]:
        """Last and first frame of each piece in which a joint was seen: int [pieces, M, J] each.

        -1 and F, where it was seen in none.
        """
        last, earliest = [], []
        for first in self._firsts():
            frames = self._piece(first)
            valid = self._valid(frames, self._raw(frames))
            times = np.arange(frames.start, frames.stop)[:, None, None]
            last.append(np.where(valid, times, -1).max(axis=0))
            earliest.append(np.where(valid, times, self.length).min(axis=0))
            self._release()
        return np.stack(last), np.stack(earliest)

    def _filled(self, first: int) -> np.ndarray:
        """A piece with its gaps filled from its own frames and the nearest ones outside."""
        last, earliest = self._valid_by_piece
        piece, number = self._piece(first), first // PIECE
        before = np.unique(last[:number].max(axis=0, initial=-1))
        after = np.unique(earliest[number + 1 :].min(axis=0, initial=self.length))
        before, after = before[before >= 0], after[after < self.length]
        times = np.concatenate([before, np.arange(piece.start, piece.stop), after])
        parts = [self._raw(before), self._raw(piece), self._raw(after)]
        coords = np.concatenate([part for part in parts if len(part)])
        filled = interpolated(coords, self._valid(times, coords), times)
        return filled[len(before) : len(filled) - len(after)]


def interpolated(coords: np.ndarray, valid: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Linear in time between valid frames, constant beyond them; joints never seen: their middle.

    Args:
        coords: [n, M, J, C] float32.
        valid: [n, M, J] bool; for each joint the nearest valid frames of the clip are among the n.
        times: [n] rising numbers of the frames.
    """
    place = np.arange(len(times))[:, None, None]
    start = np.maximum.accumulate(np.where(valid, place, -1))
    end = np.minimum.accumulate(np.where(valid, place, len(times))[::-1])[::-1]
    start, end = np.where(start < 0, end, start), np.where(end >= len(times), start, end)
    known = np.asarray(valid.any(axis=0))
    filled = np.where(valid[..., None], coords, np.float32(0))
    frame, person, joint = np.nonzero(~valid & known)
    first, last = start[frame, person, joint], end[frame, person, joint]
    span = np.maximum(times[last] - times[first], 1).astype(np.float32)
    passed = np.maximum(times[frame] - times[first], 0).astype(np.float32)
    mix = np.clip(passed / span, np.float32(0), np.float32(1))[:, None]
    filled[frame, person, joint] = (
        filled[first, person, joint] * (1 - mix) + filled[last, person, joint] * mix
    )
    if known.all():
        return filled
    count = np.maximum(known.sum(axis=-1), 1).astype(np.float32)[:, None, None]
    middle = np.add.reduce(filled, axis=2, keepdims=True) / count
    return np.where(known[..., None], filled, middle)
