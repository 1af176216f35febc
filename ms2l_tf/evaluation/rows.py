"""Features too large to hold: rows that are computed block by block as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ms2l_tf.evaluation.arrays import (
    FloatArray,
    IntArray,
    StrArray,
    check_features,
    nearly_constant,
)

# Up to this many training clips every probe is fitted as one problem, held in memory; beyond it
# the streamed solvers take over and `details` has a note.
EXACT_CLIPS = 5_000
# Rows that are worked on at a time; whole batches of `evaluation_batches`.
BLOCK_ROWS = 8_192
# Lazy rows are kept once read if they take no more than this.
HELD_BYTES = 1 << 30


class LazyRows:
    """A feature array [N, D] that is computed as it is read.

    Up to `HELD_BYTES`, and always up to `EXACT_CLIPS` rows, it is kept from the first reading on,
    so that several probes read it once. Of a larger one only the block in use exists.

    Args:
        read: rows' positions [n] -> their features [n, D].
        count: N.
        dims: D.
        what: how error messages call the features.
        names: clip names [N] for error messages.
        keep: whether it may be kept.
    """

    def __init__(
        self,
        read: Callable[[IntArray], FloatArray],
        count: int,
        dims: int,
        *,
        what: str = "features",
        names: StrArray | None = None,
        keep: bool = True,
    ) -> None:
        self.shape = (count, dims)
        self._keep = keep and (count <= EXACT_CLIPS or 4 * count * dims <= HELD_BYTES)
        self._read = read
        self._what = what
        self._names = names
        self._held: FloatArray | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, rows: IntArray) -> FloatArray:
        """Features [n, D] of some rows, checked to be finite.

        Raises:
            InputError: they are not; the clip is named.
        """
        if self._keep:
            return self.held()[rows]
        return self._checked(rows)

    def held(self) -> FloatArray:
        """All rows as one array [N, D]; the caller knows that they fit."""
        if self._held is not None:
            return self._held
        array = np.empty(self.shape, np.float32)
        for start, stop in _spans(len(self), f"reading {self._what}"):
            array[start:stop] = self._checked(np.arange(start, stop))
        if self._keep:
            self._held = array
        return array

    def release(self) -> None:
        """Lets go of what is kept; it is read again if it is asked for again."""
        self._held = None

    def _checked(self, rows: IntArray) -> FloatArray:
        names = None if self._names is None else self._names[rows]
        return check_features(self._read(rows), self._what, names)


Features = FloatArray | LazyRows


def held(features: Features) -> FloatArray:
    """All rows as one array [N, D]."""
    return features.held() if isinstance(features, LazyRows) else features


def all_alike(features: Features, what: str) -> bool:
    """Whether all rows are the same but for rounding, read block by block.

    Args:
        features: [N, D].
        what: how error messages and a bar call them.
    """
    ends: list[FloatArray] = []
    for block in blocks(features, what):
        checked = check_features(block, what)
        ends += [checked.min(axis=0), checked.max(axis=0)]
    return nearly_constant(np.stack(ends)) if len(features) > 1 else False


def take(features: Features, rows: IntArray | npt.NDArray[np.bool_]) -> Features:
    """Some rows, by position or mask; of lazy rows that need not be held they stay lazy."""
    if not isinstance(features, LazyRows):
        return features[rows]
    if len(features) <= EXACT_CLIPS:
        return features.held()[rows]
    places = np.arange(len(features))[rows]
    if len(places) <= EXACT_CLIPS:
        return features.read(places)
    count, dims = len(places), features.shape[1]
    return LazyRows(lambda some: features.read(places[some]), count, dims, keep=False)


def blocks(features: Features, what: str) -> Iterator[FloatArray]:
    """The rows in order, at most `BLOCK_ROWS` at a time, with a bar if there are several blocks.

    Args:
        features: [N, D].
        what: stands beside the bar.
    """
    if len(features) <= BLOCK_ROWS:
        yield held(features)
        return
    for start, stop in _spans(len(features), what):
        if isinstance(features, LazyRows):
            yield features.read(np.arange(start, stop))
        else:
            yield features[start:stop]


def _spans(count: int, what: str) -> Iterator[tuple[int, int]]:
    """First and last + 1 row of each block, with a bar if there are several."""
    quiet = count <= BLOCK_ROWS
    with tqdm(total=count, desc=what, unit="clip", leave=False, disable=quiet) as bar:
        for start in range(0, count, BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, count)
            yield start, stop
            bar.update(stop - start)
