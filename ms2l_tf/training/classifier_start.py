"""Linear probing, then fine-tuning: a linear classifier that starts where a probe ends.

Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform
out-of-distribution": the first steps of a random classifier pull the encoder about; those of a
fitted one hardly do.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.features import encoder_features
from ms2l_tf.evaluation.few_labels import LOGISTIC_C
from ms2l_tf.methods.recogniser import Recogniser

_MAX_STEPS = 1000
_UNSEEN = -10.0  # logit of a class without a labelled clip; those of the others sum to 0


def start_from_probe(learner: Recogniser, data: RunData, labelled: npt.NDArray[np.int64]) -> None:
    """Gives a linear classifier the weights of a logistic regression of its labelled clips.

    Args:
        learner: built, its encoder as it starts; its classifier is one layer on the mean frame.
        data: clips of the run.
        labelled: those whose labels it reads.

    Raises:
        InputError: they are all of one class.
    """
    clips = data.reference
    features = encoder_features(
        learner.encoder,
        clips.store,
        labelled,
        data.normalisers[0],
        pooling="mean",
        layout=learner.layout,
    )
    weights = probe_weights(features, clips.dataset.labels[labelled], learner.classifier.classes)
    (layer,) = learner.classifier.mlp
    layer.set_weights(weights)


def probe_weights(
    features: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weights [D, K] and bias [K] of a logistic regression of features [N, D] onto labels [N].

    It is fitted on features centred and divided by their mean length, all by the same: the
    deviations of single dimensions over a handful of clips are noise.

    Args:
        features: of the labelled clips.
        labels: of at least two classes.
        classes: K, with those that no clip is of.
    """
    seen = np.unique(labels)
    if len(seen) < 2:
        raise InputError(
            "--classifier_start=probe: the labelled clips are all of one class; raise "
            "--label_fraction, or start from random"
        )
    centre = features.mean(axis=0, dtype=np.float64)
    centred = features - centre
    length = np.sqrt(np.square(centred).sum(axis=1).mean()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a start need not be the optimum
        model = LogisticRegression(C=LOGISTIC_C, max_iter=_MAX_STEPS)
        model.fit(centred / length, labels)
    slopes, offsets = model.coef_ / length, model.intercept_
    if len(seen) == 2:  # one logit, of the second class over the first
        slopes, offsets = (np.concatenate([-part, part]) / 2 for part in (slopes, offsets))
    weights, bias = np.zeros((features.shape[1], classes)), np.full(classes, _UNSEEN)
    weights[:, seen] = slopes.T
    bias[seen] = offsets - slopes @ centre
    return weights, bias
