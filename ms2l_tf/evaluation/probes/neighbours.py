"""Exact nearest neighbours by cosine among many clips, in blocks of similarities."""

from __future__ import annotations

from typing import Self

import numpy as np

from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.rows import Features, blocks

# Similarities of a block of queries to all references, in numbers: 64 MB in single precision,
# and twice that for their order.
_BLOCK_VALUES = 1 << 24


class CosineNeighbours:
    """The interface of scikit-learn's `NearestNeighbors` that a probe needs.

    scikit-learn's own search normalises all references anew for every block of queries.

    Args:
        n_neighbors: of each query.
    """

    def __init__(self, n_neighbors: int) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, references: Features) -> Self:
        """Keeps the references [R, D], normalised, in single precision."""
        self.references_, start = np.empty(references.shape, np.float32), 0
        for block in blocks(references, "normalising"):
            self.references_[start : start + len(block)] = unit_rows(block)
            start += len(block)
        return self

    def kneighbors(self, queries: FloatArray) -> tuple[FloatArray, IntArray]:
        """Distances and positions [Q, k] of the nearest references, the nearest first.

        Args:
            queries: [Q, D].
        """
        rows = block_rows(len(self.references_))
        parts = [
            self._nearest(unit_rows(queries[start : start + rows]).astype(np.float32))
            for start in range(0, len(queries), rows)
        ]
        if not parts:
            nothing = np.zeros((0, self.n_neighbors))
            return nothing, nothing.astype(np.intp)
        return np.concatenate([d for d, _ in parts]), np.concatenate([n for _, n in parts])

    def _nearest(self, queries: FloatArray) -> tuple[FloatArray, IntArray]:
        distances = queries @ self.references_.T
        np.subtract(1.0, distances, out=distances)
        k = self.n_neighbors
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        unordered = np.take_along_axis(distances, nearest, axis=1)
        order = np.argsort(unordered, axis=1, kind="stable")
        ordered = np.take_along_axis(unordered, order, axis=1)
        return np.maximum(ordered, 0.0), np.take_along_axis(nearest, order, axis=1)


def block_rows(references: int) -> int:
    """Queries whose similarities to all references are held at a time."""
    return max(1, _BLOCK_VALUES // references)


def unit_rows(features: FloatArray) -> FloatArray:
    """Rows of length 1; rows of zeros stay, at distance 1 from all."""
    lengths = np.sqrt(np.einsum("nd,nd->n", features, features))[:, None]  # no copy of [N, D]
    unit: FloatArray = features / np.where(lengths > 0, lengths, 1.0).astype(features.dtype)
    return unit
