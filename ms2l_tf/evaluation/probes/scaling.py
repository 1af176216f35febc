"""The one preparation of features for linear probes: standardise, then at most 1,024 dimensions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from ms2l_tf.evaluation.arrays import FloatArray, nearly_constant

# A dimension that varies this much less than the most variable one holds rounding noise only (a
# centred root joint, say); dividing by its deviation would turn the noise into a feature.
_RELATIVE_NOISE = 1e-6


class LinearScaling:
    """Standardises every dimension, then rotates to principal components when D > `max_dims`.

    The rule is the same for learned features and for the floors. Up to `max_dims` + 1 training
    clips, the components span all of them, so that an L2-regularised linear classifier is exactly
    the one on all dimensions, only faster; with more clips the weakest components are dropped.

    Args:
        max_dims: largest number of dimensions left.
        seed: of the randomised PCA that scikit-learn takes for large arrays.
    """

    def __init__(self, *, max_dims: int = 1024, seed: int = 0) -> None:
        self.max_dims = max_dims
        self.seed = seed

    def fit(self, features: FloatArray) -> Self:
        """Learns mean, deviation and components from training features [N, D]."""
        self.mean_ = features.mean(axis=0, dtype=np.float64).astype(features.dtype)
        deviation = features.std(axis=0, dtype=np.float64)
        # Of equal rows even the mean is off by rounding, and every dimension holds nothing else.
        constant = (deviation <= _RELATIVE_NOISE * deviation.max()) | nearly_constant(features)
        self.scale_ = np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, deviation))
        self.pca_ = None
        if features.shape[1] > self.max_dims:
            components = min(self.max_dims, *features.shape)
            self.pca_ = PCA(components, svd_solver="auto", random_state=self.seed)
            with np.errstate(invalid="ignore"):  # constant features: no variance has no shares
                self.pca_.fit(self._standardise(features))
        return self

    def transform(self, features: FloatArray) -> npt.NDArray[np.float64]:
        """Returns features [N, min(D, max_dims)] in double precision, as solvers like them."""
        scaled = self._standardise(features)
        if self.pca_ is not None:
            scaled = self.pca_.transform(scaled)
        return scaled.astype(np.float64)

    def _standardise(self, features: FloatArray) -> FloatArray:
        return (features - self.mean_) * self.scale_.astype(features.dtype)

    def details(self) -> dict[str, Any]:
        """Whether and to how many components the features were reduced."""
        if self.pca_ is None:
            return {"standardised": True, "pca_components": None}
        kept = float(self.pca_.explained_variance_ratio_.sum())
        return {
            "standardised": True,
            "pca_components": int(self.pca_.n_components_),
            "pca_variance_kept": round(kept, 4),
        }
