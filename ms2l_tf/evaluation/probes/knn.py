"""k nearest neighbours for several k from one neighbour search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn import config_context
from sklearn.neighbors import NearestNeighbors

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes.base import check_query, check_training
from ms2l_tf.evaluation.probes.neighbours import CosineNeighbours
from ms2l_tf.evaluation.probes.sampling import KNN_CLIPS, noted, sample
from ms2l_tf.evaluation.rows import EXACT_CLIPS, Features, held

# Distances are computed in blocks of test clips that fit in this many megabytes.
_BLOCK_MEGABYTES = 256
_TINY = 1e-12


class KNNProbe:
    """Votes among the k nearest training clips (brute force, exact).

    Ties: when several classes get the most votes, the one whose nearest clip is the closest wins.
    So k = 2 can never differ from k = 1. A feature vector of zeros has cosine distance 1 to all.

    Args:
        k: numbers of neighbours; one search serves them all.
        metric: "cosine" or "euclidean".
        weights: "uniform" (every neighbour one vote) or "distance" (votes weigh 1/distance).
        clips: the most training clips, see `sample`.
        seed: of that sample.
    """

    name = "knn"

    def __init__(
        self,
        *,
        k: Sequence[int] = (1, 5, 20),
        metric: Literal["cosine", "euclidean"] = "cosine",
        weights: Literal["uniform", "distance"] = "uniform",
        clips: int = KNN_CLIPS,
        seed: int = 0,
    ) -> None:
        if not k or min(k) < 1:
            raise InputError(f"--k: expected whole numbers from 1 up, got {list(k)}")
        if metric not in ("cosine", "euclidean"):
            raise InputError(f"--metric: '{metric}' is neither cosine nor euclidean")
        if weights not in ("uniform", "distance"):
            raise InputError(f"--weights: '{weights}' is neither uniform nor distance")
        self.k = tuple(sorted(set(k)))
        self.metric = metric
        self.weights = weights
        self.clips = clips
        self.seed = seed

    def fit(
        self,
        features: Features,
        labels: IntArray,
        groups: npt.NDArray[Any] | None = None,
    ) -> Self:
        """Keeps the training clips [N, D]; `groups` are not used."""
        checked, labels = check_training(features, labels)
        features, labels, _, left_out = sample(
            checked, labels, None, limit=self.clips, seed=self.seed
        )
        self.notes_ = noted(left_out)
        if max(self.k) > len(features):
            raise InputError(
                f"--k: {max(self.k)} neighbours asked for, "
                f"but only {len(features)} labelled training clips; use a smaller k"
            )
        self.classes_, self.labels_ = np.unique(labels, return_inverse=True)
        self.dims_ = features.shape[1]
        if self.metric == "cosine" and len(features) > EXACT_CLIPS:
            self.search_ = CosineNeighbours(max(self.k)).fit(features)
        else:
            self.search_ = NearestNeighbors(
                n_neighbors=max(self.k), algorithm="brute", metric=self.metric
            ).fit(held(features))
        return self

    def predict(self, features: FloatArray) -> dict[int, IntArray]:
        """Returns for every k the predicted classes [N] of features [N, D]."""
        features = check_query(features, self.dims_)
        with config_context(working_memory=_BLOCK_MEGABYTES):
            distances, neighbours = self.search_.kneighbors(features)
        neighbour_labels = self.labels_[neighbours]
        weights = np.ones_like(distances)
        if self.weights == "distance":
            weights = 1.0 / np.maximum(distances, _TINY)
        return {k: self._vote(neighbour_labels[:, :k], weights[:, :k]) for k in self.k}

    def _vote(self, labels: IntArray, weights: FloatArray) -> IntArray:
        """Majority of neighbours [N, k], nearest first; see the class on ties."""
        rows = np.arange(len(labels))
        votes = np.zeros((len(labels), len(self.classes_)))
        np.add.at(votes, (rows[:, None], labels), weights)
        # Sums of the same weights in another order may differ in the last bit.
        leading = votes >= votes.max(axis=1, keepdims=True) * (1.0 - 1e-9)
        nearest_leader = leading[rows[:, None], labels].argmax(axis=1)
        winners: IntArray = self.classes_[labels[rows, nearest_leader]]
        return winners

    def details(self) -> dict[str, Any]:
        """Metric, weights, k and the rule for ties."""
        return {
            "k": list(self.k),
            "metric": self.metric,
            "weights": self.weights,
            "ties": "nearest clip among the leading classes",
            **self.notes_,
        }
