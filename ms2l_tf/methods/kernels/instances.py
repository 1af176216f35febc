"""Instance discrimination in closed form: a linear map under which views of a clip stay together.

For unit variance among the views of a clip, the directions in which clips differ most: linear
discriminant analysis with every clip a class of its own. It is the aim of contrastive learning,
reached exactly for a linear map.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.linalg  # type: ignore[import-untyped]

FloatArray = npt.NDArray[np.floating]

DIRECTIONS = 1500  # most principal components that the map is sought among
_RANK = 1e-7  # of the largest variance; what is below is rounding
_CONSTANT = 1e-6


class Basis(NamedTuple):
    """Principal components of standardised numbers.

    Attributes:
        mean: [F].
        directions: [F, P]; the components of numbers x are ``(x - mean) @ directions``.
    """

    mean: FloatArray
    directions: FloatArray


def principal_basis(numbers: FloatArray) -> Basis:
    """The basis of some clips' numbers [N, F], by the eigenvectors of their N x N products."""
    mean = numbers.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = deviations(numbers)
    standard = (numbers - mean) / deviation
    variances, vectors = np.linalg.eigh((standard @ standard.T).astype(np.float64))
    most = variances[-1]
    kept = np.flatnonzero(variances > max(most, 0.0) * _RANK)[::-1]
    kept = kept[: min(DIRECTIONS, max(len(numbers) - 1, 0))]
    directions = standard.T @ (vectors[:, kept] / np.sqrt(variances[kept])).astype(np.float32)
    return Basis(mean, directions / deviation[:, None])


def deviations(numbers: FloatArray) -> FloatArray:
    """Standard deviations [F] of numbers [N, F]; 1 where they are constant."""
    deviation = numbers.std(axis=0, dtype=np.float64).astype(np.float32)
    return np.where(deviation > _CONSTANT, deviation, np.float32(1.0))


class Scatter:
    """Covariances within and between clips, summed over batches of views.

    Args:
        size: P.
    """

    def __init__(self, size: int) -> None:
        self._within = np.zeros((size, size))
        self._between = np.zeros((size, size))
        self._total = np.zeros(size)
        self._views = self._clips = 0

    def add(self, views: FloatArray) -> None:
        """Adds the components [B, V, P] of V views of B clips."""
        means = views.mean(axis=1)
        apart = np.concatenate(list(views - means[:, None]))
        self._within += apart.T @ apart
        self._between += means.T @ means
        self._total += means.sum(axis=0, dtype=np.float64)
        self._views += len(apart)
        self._clips += len(means)

    @property
    def within(self) -> FloatArray:
        """Covariance of views around their clip's mean: [P, P]."""
        return self._within / max(self._views, 1)

    @property
    def between(self) -> FloatArray:
        """Covariance of the clips' means: [P, P]."""
        mean = self._total / max(self._clips, 1)
        return self._between / max(self._clips, 1) - np.outer(mean, mean)


def discriminant(
    within: FloatArray, between: FloatArray, dims: int, shrinkage: float
) -> tuple[FloatArray, FloatArray]:
    """The directions with the largest ratio of variance between clips to that within.

    Args:
        within: covariance [P, P].
        between: covariance [P, P].
        dims: directions wanted.
        shrinkage: times the mean variance within is added to every variance within; views say
            little about directions that they hardly change.

    Returns:
        Directions [P, D] in which the (shrunk) variance within is 1, the best first, and their
        ratios [D]; D is `dims`, or P if that is less.
    """
    size = len(within)
    if not size:
        return np.zeros((0, 0), np.float32), np.zeros(0)
    mean = np.trace(within) / size
    least = np.trace(between) / size * _RANK  # views may all be the same
    shrunk = within + max(shrinkage * mean, least, np.finfo(np.float32).tiny) * np.eye(size)
    first = max(size - dims, 0)
    ratios, vectors = scipy.linalg.eigh(between, shrunk, subset_by_index=(first, size - 1))
    return vectors[:, ::-1].astype(np.float32), ratios[::-1]
