"""The one preparation of features for linear probes: standardise, then at most 1,024 dimensions."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from ms2l_tf.evaluation.arrays import FloatArray, nearly_constant
from ms2l_tf.evaluation.rows import EXACT_CLIPS, Features, blocks, held, take

# A dimension that varies this much less than the most variable one holds rounding noise only (a
# centred root joint, say); dividing by its deviation would turn the noise into a feature.
_RELATIVE_NOISE = 1e-6


class LinearScaling:
    """Standardises every dimension, then rotates to principal components when D > `max_dims`.

    The rule is the same for learned features and for the floors. Up to `max_dims` + 1 training
    clips, the components span all of them, so that an L2-regularised linear classifier is exactly
    the one on all dimensions, only faster; with more clips the weakest components are dropped.

    Beyond `EXACT_CLIPS` clips, mean and deviation are summed up block by block, and the components
    are those of `EXACT_CLIPS` clips drawn with the seed.

    Args:
        max_dims: largest number of dimensions left.
        seed: of the randomised PCA that scikit-learn takes for large arrays.
    """

    def __init__(self, *, max_dims: int = 1024, seed: int = 0) -> None:
        self.max_dims = max_dims
        self.seed = seed

    def fit(self, features: Features) -> Self:
        """Learns mean, deviation and components from training features [N, D]."""
        self.sampled_ = len(features) > EXACT_CLIPS
        if self.sampled_:
            self.mean_, deviation, same = streamed_moments(features)
        else:
            features = held(features)
            self.mean_ = features.mean(axis=0, dtype=np.float64).astype(features.dtype)
            deviation = features.std(axis=0, dtype=np.float64)
            # Of equal rows even the mean is off by rounding, and dimensions hold nothing else.
            same = nearly_constant(features)
        constant = (deviation <= _RELATIVE_NOISE * deviation.max()) | same
        self.scale_ = np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, deviation))
        self.pca_ = None
        if features.shape[1] > self.max_dims:
            self.pca_ = self._components(features)
        return self

    def _components(self, features: Features) -> PCA:
        solver: dict[str, Any] = {"svd_solver": "auto"}
        if self.sampled_:
            order = np.random.default_rng(self.seed).permutation(len(features))
            features = take(features, np.sort(order[:EXACT_CLIPS]))
            # Two power iterations: the weakest components need not be exact, only cheap.
            solver = {"svd_solver": "randomized", "iterated_power": 2}
        components = min(self.max_dims, *features.shape)
        pca = PCA(components, random_state=self.seed, **solver)
        with np.errstate(invalid="ignore"):  # constant features: no variance has no shares
            return pca.fit(self._standardise(held(features)))

    def reduced(self, features: Features) -> npt.NDArray[np.float32]:
        """The same as `transform` in single precision, [N, min(D, max_dims)], made by blocks."""
        dims = features.shape[1] if self.pca_ is None else self.pca_.n_components_
        array, start = np.empty((len(features), dims), np.float32), 0
        for block in blocks(features, "reducing"):
            array[start : start + len(block)] = self._scaled(block)
            start += len(block)
        return array

    def transform(self, features: FloatArray) -> npt.NDArray[np.float64]:
        """Returns features [N, min(D, max_dims)] in double precision, as solvers like them."""
        return self._scaled(features).astype(np.float64)

    def _scaled(self, features: FloatArray) -> FloatArray:
        scaled = self._standardise(features)
        return scaled if self.pca_ is None else self.pca_.transform(scaled)

    def _standardise(self, features: FloatArray) -> FloatArray:
        return (features - self.mean_) * self.scale_.astype(features.dtype)

    def folded(
        self, weights: FloatArray, bias: FloatArray
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """A linear map behind this scaling as one of the features themselves.

        Args:
            weights: [min(D, max_dims), K].
            bias: [K].

        Returns:
            Centre [D], weights [D, K] and bias [K]: ``(features - centre) @ weights + bias``.
        """
        if self.pca_ is not None:
            weights = self.pca_.components_.T.astype(np.float64) @ weights
            bias = bias - self.pca_.mean_ @ weights
        centre = self.mean_.astype(np.float64)
        return centre, self.scale_[:, None] * weights, np.asarray(bias, np.float64)

    def details(self) -> dict[str, Any]:
        """Whether and to how many components the features were reduced."""
        if self.pca_ is None:
            return {"standardised": True, "pca_components": None}
        kept = float(self.pca_.explained_variance_ratio_.sum())
        return {
            "standardised": True,
            "pca_components": int(self.pca_.n_components_),
            "pca_variance_kept": round(kept, 4),
            **({"pca_clips": EXACT_CLIPS} if self.sampled_ else {}),
        }


class Moments(NamedTuple):
    """What is summed up of features [N, D].

    Attributes:
        mean: of every dimension, in the features' precision [D].
        deviation: of every dimension [D].
        alike: whether all rows are the same but for rounding.
    """

    mean: FloatArray
    deviation: FloatArray
    alike: bool


def streamed_moments(features: Features) -> Moments:
    """Mean, deviation and range of every dimension, read block by block.

    The moments of blocks are merged about their own means, so that a mean far from zero costs no
    precision.
    """
    count, mean, squares = 0, np.zeros(features.shape[1]), np.zeros(features.shape[1])
    dtype: Any = np.float32
    ends: list[FloatArray] = []
    for block in blocks(features, "standardising"):
        dtype = block.dtype
        ends += [block.min(axis=0), block.max(axis=0)]
        own = block.mean(axis=0, dtype=np.float64)
        squares += len(block) * block.var(axis=0, dtype=np.float64)
        squares += (own - mean) ** 2 * (count * len(block) / (count + len(block)))
        count += len(block)
        mean += (own - mean) * (len(block) / count)
    return Moments(mean.astype(dtype), np.sqrt(squares / count), nearly_constant(np.stack(ends)))
