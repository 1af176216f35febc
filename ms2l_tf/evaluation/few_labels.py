"""What frozen features give when few training clips are labelled, and all may be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from ms2l_tf.evaluation.arrays import UNLABELLED, ClipFeatures, FloatArray, IntArray
from ms2l_tf.evaluation.metrics import score
from ms2l_tf.evaluation.probes.neighbours import unit_rows
from ms2l_tf.evaluation.probes.spreading import SpreadingProbe
from ms2l_tf.evaluation.sides import Sides

MAX_DIMS = 1024
# For features of unit length. With a few clips a class there is nothing to choose them by; the
# values are those that did best on other splits, over a wide range they do alike.
RIDGE_PENALTY = 0.1
LOGISTIC_C = 100.0
_MAX_STEPS = 5000


def unit_features(sides: Sides) -> Sides:
    """Features centred by the mean of all training clips, then of unit length.

    No standardising: the deviations of a handful of clips are noise. More than `MAX_DIMS`
    dimensions are rotated to principal components first.

    Args:
        sides: of training clips, labelled or not, [N, D], and test clips [N', D].
    """
    train, test = sides
    mean = train.mean(axis=0, dtype=np.float64).astype(train.dtype)
    train, test = train - mean, test - mean
    if train.shape[1] > MAX_DIMS:
        with np.errstate(invalid="ignore"):  # constant features: no variance has no shares
            pca = PCA(min(MAX_DIMS, *train.shape), random_state=0).fit(train)
        train, test = pca.transform(train), pca.transform(test)
    return unit_rows(train), unit_rows(test)


def joined(sets: Sequence[Sides]) -> Sides:
    """Unit features of several encoders side by side."""
    train, test = (np.concatenate(of_side, axis=1) for of_side in zip(*sets, strict=True))
    return train, test


def _ridge(train: FloatArray, labels: IntArray, test: FloatArray) -> IntArray:
    known = labels != UNLABELLED
    model = RidgeClassifier(alpha=RIDGE_PENALTY).fit(train[known], labels[known])
    predicted: IntArray = model.predict(test)
    return predicted


def _logistic(train: FloatArray, labels: IntArray, test: FloatArray) -> IntArray:
    known = labels != UNLABELLED
    model = LogisticRegression(C=LOGISTIC_C, max_iter=_MAX_STEPS).fit(train[known], labels[known])
    predicted: IntArray = model.predict(test)
    return predicted


def _spreading(train: FloatArray, labels: IntArray, test: FloatArray) -> IntArray:
    return SpreadingProbe().fit(train, labels).predict(test)


# (features of all training clips [N, D], labels [N], -1 where unread, features of test clips)
# -> classes of the test clips.
CLASSIFIERS: dict[str, Callable[[FloatArray, IntArray, FloatArray], IntArray]] = {
    "ridge": _ridge,
    "logistic": _logistic,
    "spreading": _spreading,
}


def few_label_scores(
    sets: Mapping[str, Sides], labels: IntArray, test: ClipFeatures, classes: int
) -> dict[str, float]:
    """Top-1 of every classifier on every kind of features.

    Args:
        sets: unit features of the training clips [N, D] and the test clips [N', D], by name.
        labels: [N] of the training clips; -1 where it may not be read. Two classes at least.
        test: labels of the test clips, and which of them are copies.
        classes: K.

    Returns:
        Percent, by ``<features>/<classifier>/top1``; ``.../others_top1`` without copies.
    """
    scores: dict[str, float] = {}
    for name, (train_features, test_features) in sets.items():
        for classifier, classify in CLASSIFIERS.items():
            predicted = classify(train_features, labels, test_features)
            key = f"{name}/{classifier}"
            scores[f"{key}/top1"] = score(test.labels, predicted, classes).top1
            if (others := test.others) is not None:
                without = score(test.labels[others], predicted[others], classes)
                scores[f"{key}/others_top1"] = without.top1
    return scores


def only_labelled(labels: IntArray, rows: IntArray) -> IntArray:
    """Labels [N] of some rows; -1 elsewhere."""
    read = np.full_like(labels, UNLABELLED)
    read[rows] = labels[rows]
    return read
