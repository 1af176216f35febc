"""Logistic regression on frozen features: the linear probe of the unsupervised protocol."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes.base import check_classes, check_query, check_training
from ms2l_tf.evaluation.probes.sampling import LINEAR_CLIPS, noted, sample
from ms2l_tf.evaluation.probes.scaling import LinearScaling
from ms2l_tf.evaluation.probes.selection import check_candidates, choose
from ms2l_tf.evaluation.probes.streamed import STREAMED_STEPS, StreamedLogistic
from ms2l_tf.evaluation.rows import EXACT_CLIPS, Features, held, take


class LinearProbe:
    """Multinomial logistic regression on standardised features (see `LinearScaling`).

    Up to `EXACT_CLIPS` training clips it is scikit-learn's solver in double precision. Beyond, the
    same problem is solved by `StreamedLogistic` in single precision, and `details` has a note.

    Args:
        c: inverse strength of the L2 penalty. Of several values, the best by cross-validation on
            the training clips is taken.
        folds: of that cross-validation.
        seed: of the folds and of the PCA.
        max_dims: features of more dimensions are reduced by PCA.
        max_iter: of L-BFGS; generous, so that the result does not depend on when it stops.
        clips: the most training clips, see `sample`.
    """

    name = "linear"

    def __init__(
        self,
        *,
        c: Sequence[float] = (1.0,),
        folds: int = 3,
        seed: int = 0,
        max_dims: int = 1024,
        max_iter: int = 5000,
        clips: int = LINEAR_CLIPS,
    ) -> None:
        self.c = check_candidates(c, folds)
        self.folds = folds
        self.seed = seed
        self.max_dims = max_dims
        self.max_iter = max_iter
        self.clips = clips

    def fit(
        self,
        features: Features,
        labels: IntArray,
        groups: npt.NDArray[Any] | None = None,
    ) -> Self:
        """Fits on features [N, D] and labels [N]; `groups` [N] are never split over folds."""
        features, labels = check_training(features, labels)
        check_classes(labels, self.name)
        features, labels, groups, left_out = sample(
            features, labels, groups, limit=self.clips, seed=self.seed
        )
        self.streamed_ = len(features) > EXACT_CLIPS
        solver = "" if not self.streamed_ else "streamed solver in single precision"
        self.notes_ = noted(left_out, solver)

        def count_correct(fit: IntArray, left: IntArray) -> list[int]:
            # The scaling too sees only the fold's own training clips.
            part = take(features, fit)
            scaling = self._scaling().fit(part)
            inside = self._inputs(scaling, part)
            outside = self._inputs(scaling, take(features, left))
            models = (self._logistic(c, inside, labels[fit]) for c in self.c)
            return [int((model.predict(outside) == labels[left]).sum()) for model in models]

        best, self.selection_ = choose(
            self.c, count_correct, labels=labels, groups=groups, folds=self.folds, seed=self.seed
        )
        self.dims_ = features.shape[1]
        self.scaling_ = self._scaling().fit(features)
        self.model_ = self._logistic(best, self._inputs(self.scaling_, features), labels)
        return self

    def _inputs(self, scaling: LinearScaling, features: Features) -> FloatArray:
        """What the solver reads, [N, at most `max_dims`]."""
        if self.streamed_:
            return scaling.reduced(features)
        return scaling.transform(held(features))

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        features = check_query(features, self.dims_)
        predicted: IntArray = self.model_.predict(self.scaling_.transform(features))
        return predicted

    @property
    def classes(self) -> IntArray:
        """The classes seen in fitting, ascending: columns of `log_probabilities`."""
        found: IntArray = self.model_.classes_
        return found

    def log_probabilities(self, features: FloatArray) -> FloatArray:
        """Logits [N, classes] of features [N, D], shifted so that each row is normalised."""
        features = check_query(features, self.dims_)
        found: FloatArray = self.model_.predict_log_proba(self.scaling_.transform(features))
        return found

    def affine(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Centre [D], weights [D, K] and bias [K]: logits up to a shift, columns by `classes`."""
        if isinstance(self.model_, StreamedLogistic):
            return self.scaling_.folded(self.model_.weights_[:-1], self.model_.weights_[-1])
        weights, bias = self.model_.coef_.T, self.model_.intercept_
        if len(self.classes) == 2:  # scikit-learn keeps the logit of the second class alone
            weights, bias = np.hstack([0 * weights, weights]), np.append(0 * bias, bias)
        return self.scaling_.folded(weights, bias)

    def _scaling(self) -> LinearScaling:
        return LinearScaling(max_dims=self.max_dims, seed=self.seed)

    def _logistic(
        self, c: float, features: FloatArray, labels: IntArray
    ) -> LogisticRegression | StreamedLogistic:
        if self.streamed_:
            return StreamedLogistic(c, max_iter=self._most_steps).fit(features, labels)
        with warnings.catch_warnings():
            # Recorded in `details` instead of printed among the results.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return LogisticRegression(C=c, max_iter=self.max_iter).fit(features, labels)

    @property
    def _most_steps(self) -> int:
        """Of the solver; a step of the streamed one is worth several of scikit-learn's."""
        return min(self.max_iter, STREAMED_STEPS) if self.streamed_ else self.max_iter

    def details(self) -> dict[str, Any]:
        """The chosen c with its cross-validation, the scaling, and whether L-BFGS converged."""
        iterations = int(self.model_.n_iter_.max())
        return {
            **self.selection_,
            **self.scaling_.details(),
            "iterations": iterations,
            "converged": iterations < self._most_steps,
            **self.notes_,
        }
