"""Features too large to hold: rows that are computed block by block as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ms2l_tf.evaluation.arrays import FloatArray, IntArray, StrArray, check_features

# Up to this many training clips every probe is fitted as one problem, held in memory; beyond it
# the streamed solvers take over and `details` has a note.
EXACT_CLIPS = 5_000
# Rows that are worked on at a time; whole batches of `evaluation_batches`.
BLOCK_ROWS = 8_192


class LazyRows:
    """A feature array [N, D] of which only the block in use exists.

    Up to `EXACT_CLIPS` rows are kept once they have been read, so that several probes read them
    once.

    Args:
        read: rows' positions [n] -> their features [n, D].
        count: N.
        dims: D.
        what: how error messages call the features.
        names: clip names [N] for error messages.
    """

    def __init__(
        self,
        read: Callable[[IntArray], FloatArray],
        count: int,
        dims: int,
        *,
        what: str = "features",
        names: StrArray | None = None,
    ) -> None:
        self.shape = (count, dims)
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
        names = None if self._names is None else self._names[rows]
        return check_features(self._read(rows), self._what, names)

    def held(self) -> FloatArray:
        """All rows as one array [N, D]; the caller knows that they fit."""
        if self._held is not None:
            return self._held
        array = self.read(np.arange(len(self)))
        if len(self) <= EXACT_CLIPS:
            self._held = array
        return array


Features = FloatArray | LazyRows


def held(features: Features) -> FloatArray:
    """All rows as one array [N, D]."""
    return features.held() if isinstance(features, LazyRows) else features


def take(features: Features, rows: IntArray | npt.NDArray[np.bool_]) -> Features:
    """Some rows, by position or mask; of lazy rows that need not be held they stay lazy."""
    if not isinstance(features, LazyRows):
        return features[rows]
    if len(features) <= EXACT_CLIPS:
        return features.held()[rows]
    places = np.arange(len(features))[rows]
    if len(places) <= EXACT_CLIPS:
        return features.read(places)
    return LazyRows(lambda some: features.read(places[some]), len(places), features.shape[1])


def blocks(features: Features, what: str) -> Iterator[FloatArray]:
    """The rows in order, at most `BLOCK_ROWS` at a time, with a bar if there are several blocks.

    Args:
        features: [N, D].
        what: stands beside the bar.
    """
    if len(features) <= BLOCK_ROWS:
        yield held(features)
        return
    with tqdm(total=len(features), desc=what, unit="clip", leave=False) as bar:
        for start in range(0, len(features), BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, len(features))
            if isinstance(features, LazyRows):
                yield features.read(np.arange(start, stop))
            else:
                yield features[start:stop]
            bar.update(stop - start)
