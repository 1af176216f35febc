"""Multinomial logistic regression whose loss and gradient are summed over blocks of clips."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import log_softmax  # type: ignore[import-untyped]
from tqdm import tqdm

from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.rows import BLOCK_ROWS


class StreamedLogistic:
    """The optimum that scikit-learn's `LogisticRegression` looks for, in memory that is bounded.

    L-BFGS on weights scaled by the curvature of their dimension, without which principal
    components, of very unequal variance, take thousands of passes. A pass costs N D K; nothing of
    [N, K] is ever held, only of [block, K].

    Args:
        c: inverse strength of the L2 penalty, as of `LogisticRegression`.
        max_iter: of L-BFGS.
        tolerance: of the largest entry of the gradient of the mean loss.
    """

    def __init__(self, c: float, *, max_iter: int, tolerance: float = 1e-4) -> None:
        self.c = c
        self.max_iter = max_iter
        self.tolerance = tolerance

    def fit(self, features: FloatArray, labels: IntArray) -> Self:
        """Fits on standardised features [N, D], which are centred, and labels [N]."""
        self.classes_, targets = np.unique(labels, return_inverse=True)
        count, classes = len(features), len(self.classes_)
        # Of two classes scikit-learn penalises the difference of their weights, not each.
        penalty = (2.0 if classes == 2 else 1.0) / (self.c * count)
        scale = self._preconditioner(features, classes, penalty)
        shape = (features.shape[1] + 1, classes)

        def objective(flat: FloatArray) -> tuple[float, FloatArray]:
            weights = flat.reshape(shape) * scale
            loss, slope = _loss_and_slope(weights, features, targets)
            loss += 0.5 * penalty * float((weights[:-1] ** 2).sum())
            slope[:-1] += penalty * weights[:-1]
            return loss, (slope * scale).ravel()

        with tqdm(desc="linear probe", unit="step", leave=False) as bar:
            found = minimize(
                objective,
                np.zeros(shape[0] * shape[1]),
                jac=True,
                method="L-BFGS-B",
                callback=lambda _: bar.update(),
                options={"maxiter": self.max_iter, "gtol": self.tolerance, "ftol": 1e-9},
            )
        self.weights_ = found.x.reshape(shape) * scale
        self.n_iter_ = np.array([found.nit])
        return self

    @staticmethod
    def _preconditioner(features: FloatArray, classes: int, penalty: float) -> FloatArray:
        """Inverse root of each weight's curvature at zero: [D + 1, 1], the bias last."""
        variances = np.zeros(features.shape[1])
        for start in range(0, len(features), BLOCK_ROWS):
            block = features[start : start + BLOCK_ROWS]
            variances += np.einsum("nd,nd->d", block, block, dtype=np.float64)
        moments = np.append(variances / len(features), 1.0)
        spread = (1.0 - 1.0 / classes) / classes
        return 1.0 / np.sqrt(spread * moments + penalty)[:, None]

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        predicted: IntArray = self.classes_[_logits(self.weights_, features).argmax(axis=1)]
        return predicted

    def predict_log_proba(self, features: FloatArray) -> FloatArray:
        """Normalised logits [N, classes] of features [N, D]."""
        found: FloatArray = log_softmax(_logits(self.weights_, features), axis=1)
        return found


def _logits(weights: FloatArray, features: FloatArray) -> FloatArray:
    kernel, bias = weights[:-1].astype(features.dtype), weights[-1].astype(features.dtype)
    logits: FloatArray = features @ kernel + bias
    return logits


def _loss_and_slope(
    weights: FloatArray, features: FloatArray, targets: npt.NDArray[np.intp]
) -> tuple[float, FloatArray]:
    """Mean cross-entropy and its gradient [D + 1, K], summed in double precision over blocks."""
    loss, slope = 0.0, np.zeros(weights.shape)
    for start in range(0, len(features), BLOCK_ROWS):
        block, truth = features[start : start + BLOCK_ROWS], targets[start : start + BLOCK_ROWS]
        error = _logits(weights, block)
        error -= error.max(axis=1, keepdims=True)
        rows = np.arange(len(block))
        wanted = error[rows, truth].sum(dtype=np.float64)
        np.exp(error, out=error)
        totals = error.sum(axis=1, keepdims=True)
        loss += float(np.log(totals).sum(dtype=np.float64) - wanted)
        error /= totals
        error[rows, truth] -= 1.0
        slope[:-1] += block.T @ error
        slope[-1] += error.sum(axis=0, dtype=np.float64)
    return loss / len(features), slope / len(features)
