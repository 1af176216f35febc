"""Label spreading: a classifier for few labels that also reads the features of unlabelled clips.

Zhou et al. 2003, "Learning with local and global consistency", with classes balanced as optimal
transport balances them (Sinkhorn-Knopp), then a linear map that carries the outcome to new clips.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse  # type: ignore[import-untyped]
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors
from sklearn.semi_supervised import LabelSpreading

from ms2l_tf.evaluation.arrays import (
    UNLABELLED,
    FloatArray,
    IntArray,
    check_features,
    check_labels,
)
from ms2l_tf.evaluation.probes.base import check_classes, check_query
from ms2l_tf.evaluation.probes.sampling import noted

SPREADING_CLIPS = 20_000  # their similarities are computed block by block, their graph is sparse
_BLOCK_MEGABYTES = 256
_CERTAIN = 10.0  # weight of a labelled clip in the regression
_SHARPNESS = 3  # power of the cosine; a near neighbour counts for several far ones
_SPREADING = {"max_iter": 1000, "tol": 1e-6}
_BALANCING_ROUNDS = 1000
_BALANCED = 1e-6
_TINY = 1e-12


class SpreadingProbe:
    """Labels spread over the graph of nearest neighbours of all training clips, then ridge.

    1. Each training clip, labelled or not, is tied to its `k` nearest by the cube of the cosine,
       both ways.
    2. Labels spread along the ties until nothing changes (scikit-learn's `LabelSpreading`): a share
       `alpha` of what a clip knows comes from its neighbours.
    3. Classes get as many clips in all as the labelled clips let expect (`class_shares`): otherwise
       one that sits in a dense place takes its neighbours' clips too.
    4. Ridge regression onto the outcome, read on clips that were not there. A labelled clip keeps
       its label, and counts for ten others: it is certain.

    Meant for features as `unit_features` makes them. It never reads the clips it is asked about,
    so each is classified as if it were the only one.

    Args:
        k: neighbours.
        alpha: from 0 to 1, both excluded.
        penalty: of the squared weights of the ridge regression.
        clips: beyond so many, the unlabelled ones are a sample, and `details` has a note.
        seed: of that sample.
    """

    name = "spreading"

    def __init__(
        self,
        *,
        k: int = 20,
        alpha: float = 0.7,
        penalty: float = 0.3,
        clips: int = SPREADING_CLIPS,
        seed: int = 0,
    ) -> None:
        self.k = k
        self.alpha = alpha
        self.penalty = penalty
        self.clips = clips
        self.seed = seed

    def fit(
        self, features: FloatArray, labels: IntArray, groups: npt.NDArray[Any] | None = None
    ) -> Self:
        """Fits on features [N, D] and labels [N], -1 where unknown; `groups` are not used.

        Raises:
            InputError: features are not finite, or labels are of fewer than two classes.
        """
        features = check_features(features, "training features")
        labels = check_labels(labels, len(features), "training labels")
        check_classes(labels[labels != UNLABELLED], self.name)
        rows = self._sampled(labels)
        left_out = len(labels) - len(rows)
        self.notes_ = noted(f"{left_out:,} unlabelled clips left out" if left_out else "")
        features, labels = features[rows], labels[rows]
        self.dims_ = features.shape[1]
        self.classes_ = np.unique(labels[labels != UNLABELLED])
        graph = neighbour_graph(features, min(self.k, len(features) - 1))
        scores = spread(graph, labels, self.alpha)
        reached = scores.any(axis=1)  # a part of the graph may hold no labelled clip
        self.unreached_ = int((~reached).sum())
        features, labels = features[reached].astype(np.float64), labels[reached]
        targets = balanced(scores[reached], class_shares(labels))
        certain = labels != UNLABELLED
        targets[certain] = labels[certain, None] == self.classes_
        weights = np.where(certain, _CERTAIN, 1.0)
        self.model_ = Ridge(alpha=self.penalty).fit(features, targets, sample_weight=weights)
        return self

    def _sampled(self, labels: IntArray) -> IntArray:
        """Rows of all labelled clips and as many others as there may be, ascending."""
        order = np.random.default_rng(self.seed).permutation(len(labels))
        known = labels[order] != UNLABELLED
        first = np.concatenate([order[known], order[~known]])
        return np.sort(first[: max(self.clips, int(known.sum()))])

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        outputs = self.model_.predict(check_query(features, self.dims_).astype(np.float64))
        predicted: IntArray = self.classes_[outputs.argmax(axis=1)]
        return predicted

    def details(self) -> dict[str, Any]:
        """The settings, and how many clips no label reached."""
        settings = {"k": self.k, "alpha": self.alpha, "penalty": self.penalty}
        return {**settings, "unreached": self.unreached_, **self.notes_}


def neighbour_graph(features: FloatArray, k: int) -> scipy.sparse.csr_matrix:
    """Ties [N, N] of features [N, D] to their `k` nearest, symmetric: cosines to the third power.

    A negative cosine is no tie. Memory is that of a block of distances and of N k ties.
    """
    search = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(features)
    with config_context(working_memory=_BLOCK_MEGABYTES):
        graph = search.kneighbors_graph(mode="distance").astype(np.float64)
    graph.data = np.maximum(1.0 - graph.data, 0.0) ** _SHARPNESS
    return graph.maximum(graph.T).tocsr()


def spread(
    graph: scipy.sparse.csr_matrix, labels: IntArray, alpha: float
) -> npt.NDArray[np.float64]:
    """What each clip comes to know of the classes: rows that sum to 1; zeros where nothing came.

    With S the graph over the roots of both ends' degrees, F = (I - alpha S)^-1 Y, by rows.

    Args:
        graph: ties [N, N].
        labels: [N]; -1: unknown. K of them occur.
        alpha: share that comes from the neighbours.

    Returns:
        [N, K], classes ascending.
    """
    model = LabelSpreading(kernel=lambda *_: graph, alpha=alpha, **_SPREADING)
    model.fit(np.zeros((len(labels), 1)), labels)  # the graph says all about the features
    scores: npt.NDArray[np.float64] = model.label_distributions_
    return scores


def class_shares(labels: IntArray) -> npt.NDArray[np.float64]:
    """Shares [K] to expect of the classes that occur in labels [N], -1 aside: (n_k + 1) / (n + K).

    Laplace's rule: a handful of clips says little about how frequent a class is.
    """
    counts = np.unique(labels[labels != UNLABELLED], return_counts=True)[1] + 1.0
    shares: npt.NDArray[np.float64] = counts / counts.sum()
    return shares


def balanced(
    scores: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Scores [N, K] with rows and columns scaled in turn: rows sum to 1, columns to N times shares.

    Sinkhorn and Knopp 1967. Where zeros stand in the way, columns are as near as a few rounds get.
    """
    scores = np.maximum(scores, _TINY)
    for _ in range(_BALANCING_ROUNDS):
        totals = scores.sum(axis=0) / len(scores)
        scores = scores * (shares / totals)
        scores /= scores.sum(axis=1, keepdims=True)
        if np.abs(totals - shares).max() < _BALANCED:
            break
    return scores
