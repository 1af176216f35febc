"""Ridge regression onto one-hot classes: a linear probe that sets its own penalty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes.base import check_classes, check_query, check_training
from ms2l_tf.evaluation.probes.leave_one_out import DualRidge, PrimalRidge, Ridge
from ms2l_tf.evaluation.probes.sampling import noted
from ms2l_tf.evaluation.probes.scaling import LinearScaling
from ms2l_tf.evaluation.rows import EXACT_CLIPS, Features, blocks, held

ALPHAS = tuple(10.0 ** (half / 2) for half in range(-4, 13))  # 0.01 to 1,000,000
_PREDICT_ROWS = 2048


class RidgeProbe:
    """Ridge regression of one-hot classes on standardised features; the largest output wins.

    The penalty is the one with the least mean squared error of the training clips, each left out in
    turn, as scikit-learn's `RidgeClassifierCV` chooses it. Mean and deviation of the features are
    those of all training clips throughout. A clip that is the only one of its class can only be
    missed, the less the stronger the penalty, so it has no say; where every clip is alone, the
    penalty is the middle candidate.

    Up to `EXACT_CLIPS` training clips, all dimensions are used. Beyond, the normal equations are
    summed over blocks of clips, more than `max_dims` dimensions are reduced by PCA as for the
    linear probe, memory does not grow with the clips, and `details` has a note.

    Args:
        alphas: candidates of the penalty of the squared weights.
        seed: of the PCA.
        max_dims: features of more dimensions are reduced by PCA beyond `EXACT_CLIPS` clips.

    Raises:
        InputError: a candidate is not positive.
    """

    name = "ridge"

    def __init__(
        self, *, alphas: Sequence[float] = ALPHAS, seed: int = 0, max_dims: int = 1024
    ) -> None:
        if not alphas or min(alphas) <= 0:
            raise InputError(f"probe: alphas must be positive numbers, got {list(alphas)}")
        self.alphas = tuple(sorted(set(alphas)))
        self.seed = seed
        self.max_dims = max_dims

    def fit(
        self,
        features: Features,
        labels: IntArray,
        groups: npt.NDArray[Any] | None = None,
    ) -> Self:
        """Fits on features [N, D] and labels [N]; `groups` are ignored: single clips are left out.

        Raises:
            InputError: see `check_training` and `check_classes`.
        """
        features, labels = check_training(features, labels)
        check_classes(labels, self.name)
        self.classes_, targets = np.unique(labels, return_inverse=True)
        self.streamed_ = len(features) > EXACT_CLIPS
        self.dims_ = features.shape[1]
        dims = self.max_dims if self.streamed_ else self.dims_
        self.scaling_ = LinearScaling(max_dims=dims, seed=self.seed).fit(features)
        regression = self._regression(features, targets)
        alpha, self.selection_ = self._choose(regression, targets)
        self.weights_, self.bias_ = regression.weights(alpha)
        return self

    def _regression(self, features: Features, targets: IntArray) -> Ridge:
        classes = len(self.classes_)
        if self.streamed_:
            return PrimalRidge(lambda: self._blocks(features), targets, classes)
        inputs = self.scaling_.transform(held(features))
        if len(inputs) > self.dims_:
            return PrimalRidge(lambda: (inputs,), targets, classes)
        return DualRidge(inputs, targets, classes)

    def _blocks(self, features: Features) -> Iterator[npt.NDArray[np.float64]]:
        for block in blocks(features, "ridge regression"):
            yield self.scaling_.transform(block)

    def _choose(self, regression: Ridge, targets: IntArray) -> tuple[float, dict[str, Any]]:
        """The best penalty, the smallest of equals, and a record of the choice."""
        has_company = np.bincount(targets)[targets] > 1
        if not has_company.any():
            middle = self.alphas[len(self.alphas) // 2]
            return middle, {"alpha": middle, "leave_one_out": None}
        errors = regression.errors(self.alphas, has_company)
        best = self.alphas[int(errors.argmin())]
        record = {f"{a:g}": float(error) for a, error in zip(self.alphas, errors, strict=True)}
        return best, {"alpha": best, "leave_one_out": record}

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        features = check_query(features, self.dims_)
        predicted = np.zeros(len(features), np.int64)
        # All dimensions in double precision: a few clips at a time.
        for start in range(0, len(features), _PREDICT_ROWS):
            part = slice(start, start + _PREDICT_ROWS)
            scores = self.scaling_.transform(features[part]) @ self.weights_ + self.bias_
            predicted[part] = self.classes_[scores.argmax(axis=1)]
        return predicted

    def affine(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Centre [D], weights [D, K] and bias [K] of the scores, columns by ``classes_``."""
        return self.scaling_.folded(self.weights_, self.bias_)

    def details(self) -> dict[str, Any]:
        """The chosen penalty, the mean squared leave-one-out error of each, and the scaling."""
        scaling, summed = self.scaling_.details(), ""
        if self.streamed_:
            components = scaling["pca_components"]
            summed = "normal equations summed by blocks of clips" + (
                f", in {components:,} principal components" if components else ""
            )
        return {**self.selection_, **scaling, **noted(summed)}
