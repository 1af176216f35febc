"""Linear classifiers whose loss and gradient are summed over blocks of clips.

The optima that scikit-learn's `LogisticRegression` and `LinearSVC` look for, all classes at once:
a step costs N D K, and nothing of [N, K] is ever held, only of [block, K].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import log_softmax  # type: ignore[import-untyped]
from tqdm import tqdm

from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.rows import BLOCK_ROWS

STREAMED_STEPS = 300
# (scores [B, K], classes [B]) -> summed loss; the scores become its gradient.
Loss = Callable[[FloatArray, npt.NDArray[np.intp]], float]


def softmax_loss(scores: FloatArray, targets: npt.NDArray[np.intp]) -> float:
    """Cross-entropy of one class among all; see `Loss`."""
    rows = np.arange(len(scores))
    scores -= scores.max(axis=1, keepdims=True)
    wanted = scores[rows, targets].sum(dtype=np.float64)
    np.exp(scores, out=scores)
    totals = scores.sum(axis=1, keepdims=True)
    scores /= totals
    scores[rows, targets] -= 1.0
    return float(np.log(totals).sum(dtype=np.float64) - wanted)


def hinge_loss(scores: FloatArray, targets: npt.NDArray[np.intp]) -> float:
    """Squared hinge of each class against the others; see `Loss`."""
    rows = np.arange(len(scores))
    scores[rows, targets] *= -1.0
    scores += 1.0
    np.maximum(scores, 0.0, out=scores)  # margin errors
    total = float(np.square(scores).sum(dtype=np.float64))
    scores *= 2.0
    scores[rows, targets] *= -1.0
    return total


class StreamedLinear:
    """A linear classifier by L-BFGS.

    The weights are scaled by the curvature of their dimension. Without, principal components, of
    very unequal variance, take thousands of steps.

    Args:
        c: inverse strength of the L2 penalty, as of scikit-learn's classifiers.
        max_iter: steps at most.
        tolerance: of the largest entry of the gradient of the mean loss.
    """

    def __init__(
        self, c: float, *, max_iter: int = STREAMED_STEPS, tolerance: float = 1e-4
    ) -> None:
        self.c = c
        self.max_iter = max_iter
        self.tolerance = tolerance

    def loss(self, scores: FloatArray, targets: npt.NDArray[np.intp]) -> float:
        """See `Loss`."""
        raise NotImplementedError

    def curvature(self, classes: int) -> float:
        """About that of the mean loss in each score."""
        raise NotImplementedError

    def penalty(self, count: int, classes: int) -> float:
        """Of the squared weights, half of which is added to the mean loss of `count` clips."""
        return 1.0 / (self.c * count)

    def fit(self, features: FloatArray, labels: IntArray) -> Self:
        """Fits on features [N, D], centred or nearly so, and labels [N]."""
        self.classes_, targets = np.unique(labels, return_inverse=True)
        classes = len(self.classes_)
        penalty = self.penalty(len(features), classes)
        # Inverse root of each weight's curvature, the bias last: [D + 1, 1].
        bend = self.curvature(classes) * _second_moments(features) + penalty
        scale = 1.0 / np.sqrt(bend)[:, None]
        shape = (features.shape[1] + 1, classes)

        def objective(flat: FloatArray) -> tuple[float, FloatArray]:
            weights = flat.reshape(shape) * scale
            loss, slope = mean_loss(self.loss, weights, features, targets)
            loss += 0.5 * penalty * float((weights[:-1] ** 2).sum())
            slope[:-1] += penalty * weights[:-1]
            return loss, (slope * scale).ravel()

        with tqdm(desc="solving", unit="step", leave=False) as bar:
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

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        predicted: IntArray = self.classes_[_scores(self.weights_, features).argmax(axis=1)]
        return predicted


class StreamedLogistic(StreamedLinear):
    """Multinomial logistic regression."""

    def loss(self, scores: FloatArray, targets: npt.NDArray[np.intp]) -> float:
        return softmax_loss(scores, targets)

    def curvature(self, classes: int) -> float:
        return (1.0 - 1.0 / classes) / classes

    def penalty(self, count: int, classes: int) -> float:
        """Of two classes scikit-learn penalises the difference of their weights, not each."""
        return (2.0 if classes == 2 else 1.0) / (self.c * count)

    def predict_log_proba(self, features: FloatArray) -> FloatArray:
        """Normalised scores [N, K] of features [N, D]."""
        found: FloatArray = log_softmax(_scores(self.weights_, features), axis=1)
        return found


class StreamedSVM(StreamedLinear):
    """One linear SVM a class, against the others."""

    def loss(self, scores: FloatArray, targets: npt.NDArray[np.intp]) -> float:
        return hinge_loss(scores, targets)

    def curvature(self, classes: int) -> float:
        return 2.0 / classes


def mean_loss(
    loss: Loss, weights: FloatArray, features: FloatArray, targets: npt.NDArray[np.intp]
) -> tuple[float, FloatArray]:
    """Mean loss and its gradient [D + 1, K], summed in double precision over blocks.

    Args:
        loss: of a block's scores.
        weights: [D + 1, K], the bias last.
        features: [N, D].
        targets: columns [N] of the clips' classes.
    """
    total, slope = 0.0, np.zeros(weights.shape)
    for start in range(0, len(features), BLOCK_ROWS):
        block = features[start : start + BLOCK_ROWS]
        scores = _scores(weights, block)
        total += loss(scores, targets[start : start + BLOCK_ROWS])
        slope[:-1] += block.T @ scores
        slope[-1] += scores.sum(axis=0, dtype=np.float64)
    return total / len(features), slope / len(features)


def _scores(weights: FloatArray, features: FloatArray) -> FloatArray:
    kernel, bias = weights[:-1].astype(features.dtype), weights[-1].astype(features.dtype)
    scores: FloatArray = features @ kernel + bias
    return scores


def _second_moments(features: FloatArray) -> FloatArray:
    """Mean squares of all dimensions and of the bias' constant one: [D + 1]."""
    squares = np.zeros(features.shape[1])
    for start in range(0, len(features), BLOCK_ROWS):
        block = features[start : start + BLOCK_ROWS]
        squares += np.einsum("nd,nd->d", block, block, dtype=np.float64)
    return np.append(squares / len(features), 1.0)
