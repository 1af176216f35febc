"""Ridge regression onto one-hot classes, with the exact errors of leaving each clip out.

With H the matrix that takes the targets to their fit, leaving clip i out changes its residual e_i
to e_i / (1 - H_ii) (Allen's PRESS; scikit-learn's `RidgeCV` uses it too): one eigendecomposition
serves all penalties and all clips. The intercept is not penalised, and is left out with its clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ms2l_tf.evaluation.arrays import IntArray

Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Ridge(Protocol):
    """Ridge regressions of N clips in D dimensions onto K classes, for any penalty."""

    def errors(self, alphas: Sequence[float], judged: Mask) -> Doubles:
        """Mean squared leave-one-out error, over some clips and all classes, of each penalty.

        Args:
            alphas: A penalties, all positive.
            judged: which clips [N] are averaged over.

        Returns:
            [A].
        """
        ...

    def weights(self, alpha: float) -> tuple[Doubles, Doubles]:
        """Weights [D, K] and bias [K] of the fit on all clips."""
        ...


class DualRidge:
    """By the eigenvectors of the clips' products [N, N]: for no more clips than dimensions.

    Args:
        inputs: [N, D]; centred in place, as they may be large.
        targets: column [N] of each clip's class.
        classes: K.
    """

    def __init__(self, inputs: Doubles, targets: IntArray, classes: int) -> None:
        self._centre = inputs.mean(axis=0)
        inputs -= self._centre
        self._inputs = inputs
        self._shares = _shares(targets, classes)
        values, self._vectors = np.linalg.eigh(self._inputs @ self._inputs.T)
        self._values = np.maximum(values, 0.0)
        self._rotated = self._vectors.T @ _centred(targets, self._shares)  # [N, K]

    def errors(self, alphas: Sequence[float], judged: Mask) -> Doubles:
        """See `Ridge`."""
        # Summed over what is shrunk, no residual is a small difference of large numbers.
        shrinkage = np.array(alphas) / (self._values[:, None] + alphas)  # [N, A]
        # The centred clips are blind to the constant vector, which the intercept fits.
        free = np.square(self._vectors) @ shrinkage - 1.0 / len(judged)  # 1 - H_ii
        means = []
        for column, shrunk in enumerate(shrinkage.T):
            residuals = self._vectors @ (shrunk[:, None] * self._rotated)
            left_out = residuals[judged] / free[judged, column, None]
            means.append(np.square(left_out).mean())
        return np.array(means)

    def weights(self, alpha: float) -> tuple[Doubles, Doubles]:
        """See `Ridge`."""
        dual = self._vectors @ (self._rotated / (self._values + alpha)[:, None])
        weights = self._inputs.T @ dual
        return weights, self._shares - self._centre @ weights


class PrimalRidge:
    """By the eigenvectors of the normal equations [D, D], summed over blocks of clips.

    Args:
        read: gives the inputs [n, D] in blocks, in order, each time it is called: once here, once
            for the errors.
        targets: column [N] of each clip's class.
        classes: K.
    """

    def __init__(
        self, read: Callable[[], Iterable[Doubles]], targets: IntArray, classes: int
    ) -> None:
        self._read = read
        self._targets = targets
        self._shares = _shares(targets, classes)
        count = 0
        total, products, moments = (
            np.zeros(()),
            np.zeros(()),
            np.zeros(()),
        )  # of the first block's shape
        for block in read():
            wanted = _centred(targets[count : count + len(block)], self._shares)
            total = total + block.sum(axis=0)
            products = products + block.T @ block
            moments = moments + block.T @ wanted
            count += len(block)
        # Inputs are standardised: their means are all but zero, and centring later costs nothing.
        self._centre = total / count
        products = products - count * np.outer(self._centre, self._centre)
        values, self._vectors = np.linalg.eigh(products)
        self._values = np.maximum(values, 0.0)
        self._rotated = self._vectors.T @ moments  # [D, K]; centred targets sum to zero

    def errors(self, alphas: Sequence[float], judged: Mask) -> Doubles:
        """See `Ridge`."""
        inverse = 1.0 / (self._values[:, None] + alphas)  # [D, A]
        sums, start = np.zeros(len(alphas)), 0
        for block in self._read():
            span = slice(start, start + len(block))
            rotated = (block - self._centre) @ self._vectors
            wanted = _centred(self._targets[span], self._shares)
            free = 1.0 - 1.0 / len(judged) - np.square(rotated) @ inverse  # 1 - H_ii
            for column, shrunk in enumerate(inverse.T):
                residuals = wanted - rotated @ (shrunk[:, None] * self._rotated)
                left_out = (residuals / free[:, column, None])[judged[span]]
                sums[column] += np.square(left_out).sum()
            start += len(block)
        return sums / (judged.sum() * len(self._shares))

    def weights(self, alpha: float) -> tuple[Doubles, Doubles]:
        """See `Ridge`."""
        weights = self._vectors @ (self._rotated / (self._values + alpha)[:, None])
        return weights, self._shares - self._centre @ weights


def _shares(targets: IntArray, classes: int) -> Doubles:
    """Share of each class among the clips: [K], the means of the one-hot targets."""
    return np.bincount(targets, minlength=classes) / len(targets)


def _centred(targets: IntArray, shares: Doubles) -> Doubles:
    """One-hot targets less their means over all clips: [n, K]."""
    wanted: Doubles = np.eye(len(shares))[targets] - shares
    return wanted
