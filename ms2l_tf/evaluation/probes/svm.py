"""A support vector machine with an RBF kernel on frozen features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes.base import check_classes, check_query, check_training
from ms2l_tf.evaluation.probes.sampling import SVM_CLIPS, noted, sample
from ms2l_tf.evaluation.probes.scaling import streamed_moments
from ms2l_tf.evaluation.probes.selection import check_candidates, choose
from ms2l_tf.evaluation.probes.streamed import StreamedSVM
from ms2l_tf.evaluation.rows import EXACT_CLIPS, Features, blocks, held, take

_PREDICT_ROWS = 2048


class _ExactRBF:
    """SVC on a kernel matrix computed once.

    The same classifier as `SVC(kernel="rbf")`, but one matrix product instead of libsvm's loops
    over pairs of clips: ten times as fast at 3,000 dimensions.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def fit(self, features: FloatArray, labels: IntArray, c: float) -> Self:
        self.features_ = features
        self.model_ = SVC(C=c, kernel="precomputed", cache_size=500)
        self.model_.fit(rbf_kernel(features, gamma=self.gamma), labels)
        return self

    def predict(self, features: FloatArray) -> IntArray:
        blocks = range(0, len(features), _PREDICT_ROWS)
        parts = [
            self.model_.predict(
                rbf_kernel(features[start : start + _PREDICT_ROWS], self.features_, self.gamma)
            )
            for start in blocks
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


class _NystroemRBF:
    """A linear SVM, one class against the others, on random landmarks' approximation of the RBF.

    In single precision and by blocks, see `StreamedSVM`.
    """

    def __init__(self, gamma: float, components: int, seed: int) -> None:
        self.gamma = gamma
        self.components = components
        self.seed = seed

    def fit(self, features: Features, labels: IntArray, c: float) -> Self:
        self.map_ = Nystroem(
            kernel="rbf", gamma=self.gamma, n_components=self.components, random_state=self.seed
        )
        rows = np.random.default_rng(self.seed).permutation(len(features))[:EXACT_CLIPS]
        self.map_.fit(held(take(features, np.sort(rows))))  # all it takes are landmarks
        mapped = self._mapped(features)
        self.centre_ = mapped.mean(axis=0, dtype=np.float64).astype(np.float32)
        mapped -= self.centre_  # the bias takes it up; the solver needs half as many steps
        self.model_ = StreamedSVM(c).fit(mapped, labels)
        return self

    def predict(self, features: FloatArray) -> IntArray:
        return self.model_.predict(self._mapped(features) - self.centre_)

    def _mapped(self, features: Features) -> FloatArray:
        """Similarities to the landmarks, whitened: float32 [N, components]."""
        array, start = np.empty((len(features), self.components), np.float32), 0
        for block in blocks(features, "Nystroem kernel"):
            array[start : start + len(block)] = self.map_.transform(block)
            start += len(block)
        return array


class SVMProbe:
    """RBF SVM on the features as they are (no standardising: the kernel compares distances).

    Above `exact_limit` training clips the kernel matrix grows too large; Nystroem features and a
    linear SVM take its place, and `details` says so.

    Args:
        c: penalty of margin errors. Of several values, the best by cross-validation on the
            training clips is taken.
        gamma: kernel width, exp(-gamma * distance^2); "scale" is 1 / (D * variance).
        folds: of the cross-validation.
        seed: of the folds and of the Nystroem landmarks.
        exact_limit: the largest training set that gets the exact kernel.
        nystroem_components: landmarks above that limit.
        clips: the most training clips, see `sample`.
    """

    name = "svm"

    def __init__(
        self,
        *,
        c: Sequence[float] = (10.0,),
        gamma: float | Literal["scale"] = "scale",
        folds: int = 3,
        seed: int = 0,
        exact_limit: int = EXACT_CLIPS,
        nystroem_components: int = 1024,
        clips: int = SVM_CLIPS,
    ) -> None:
        if gamma != "scale" and not (isinstance(gamma, (int, float)) and gamma > 0):
            raise InputError(f"probe: gamma must be 'scale' or a positive number, got {gamma!r}")
        self.c = check_candidates(c, folds)
        self.gamma = gamma
        self.folds = folds
        self.seed = seed
        self.exact_limit = exact_limit
        self.nystroem_components = nystroem_components
        self.clips = clips

    def fit(
        self,
        features: Features,
        labels: IntArray,
        groups: npt.NDArray[Any] | None = None,
    ) -> Self:
        """Fits on features [N, D] and labels [N]; `groups` [N] are never split over folds."""
        checked, labels = check_training(features, labels)
        check_classes(labels, self.name)
        features, labels, groups, left_out = sample(
            checked, labels, groups, limit=self.clips, seed=self.seed
        )
        approximate = len(features) > self.exact_limit
        self.notes_ = noted(left_out, "Nystroem kernel, streamed solver" if approximate else "")

        def count_correct(fit: IntArray, left: IntArray) -> list[int]:
            inside, outside = take(features, fit), held(take(features, left))
            models = (self._fit(inside, labels[fit], c) for c in self.c)
            return [int((model.predict(outside) == labels[left]).sum()) for model in models]

        best, self.selection_ = choose(
            self.c, count_correct, labels=labels, groups=groups, folds=self.folds, seed=self.seed
        )
        self.dims_ = features.shape[1]
        self.model_ = self._fit(features, labels, best)
        return self

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        return self.model_.predict(check_query(features, self.dims_))

    def _fit(self, features: Features, labels: IntArray, c: float) -> _ExactRBF | _NystroemRBF:
        gamma = self._gamma_value(features)
        if len(features) <= self.exact_limit:
            return _ExactRBF(gamma).fit(held(features), labels, c)
        components = min(self.nystroem_components, len(features))
        return _NystroemRBF(gamma, components, self.seed).fit(features, labels, c)

    def _gamma_value(self, features: Features) -> float:
        if self.gamma != "scale":
            return float(self.gamma)
        if len(features) <= EXACT_CLIPS:
            variance = float(held(features).var(dtype=np.float64))
        else:
            moments = streamed_moments(features)
            variance = float((moments.deviation**2).mean() + moments.mean.var(dtype=np.float64))
        return 1.0 / (features.shape[1] * variance) if variance > 0 else 1.0

    def details(self) -> dict[str, Any]:
        """The chosen c with its cross-validation, gamma, and whether the kernel is exact."""
        components = self.model_.components if isinstance(self.model_, _NystroemRBF) else None
        return {
            **self.selection_,
            "gamma": self.model_.gamma,
            "kernel": "exact" if components is None else "nystroem",
            "nystroem_components": components,
            **self.notes_,
        }
