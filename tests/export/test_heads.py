"""Heads are the probes they were made of, ties and constant dimensions included."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.probes import KNNProbe, LinearProbe, RidgeProbe
from ms2l_tf.export.head_fit import fit_head
from ms2l_tf.export.heads import LinearHead, NeighbourHead
from tests.helpers import assert_close


def clips(count: int, dims: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    features = random.normal(size=(count, dims)) + 0.7 * labels[:, None] * np.arange(dims)
    features[:, 0] = 3.0  # says nothing
    return features.astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("dims", [5, 40])
def test_a_linear_head_scores_as_its_probe(dims: int, classes: int) -> None:
    features, labels = clips(60, dims, classes)
    linear = LinearProbe(max_dims=12).fit(features, labels)
    scores = LinearHead.of(*linear.affine())(features).numpy().astype(float)
    log = scores - np.log(np.exp(scores - scores.max(1, keepdims=True)).sum(1, keepdims=True))
    log -= scores.max(1, keepdims=True)
    assert_close(log, linear.log_probabilities(features), 1e-3)
    ridge = RidgeProbe().fit(features, labels)
    scores = LinearHead.of(*ridge.affine())(features).numpy()
    np.testing.assert_array_equal(scores.argmax(axis=1), ridge.predict(features))
    assert_close(scores.sum(axis=1), 0.0, 1e-4)


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_a_neighbour_head_votes_as_its_probe(k: int) -> None:
    features, labels = clips(40, 3, 4, seed=k)
    query, _ = clips(200, 3, 4, seed=100 + k)
    query[5] = 0.0
    head = NeighbourHead.of(features, labels, 4, k)
    expected = KNNProbe(k=(k,)).fit(features, labels).predict(query)[k]
    scores = head(query).numpy()
    np.testing.assert_array_equal(scores.argmax(axis=1)[6:], expected[6:])
    assert ((scores >= 0) & (scores <= 1)).all()
    again = NeighbourHead.from_config(head.get_config())
    again.build((None, 3))
    again.set_weights(head.get_weights())
    np.testing.assert_array_equal(again(query), scores)
    assert isinstance(again, keras.layers.Layer)


@pytest.mark.parametrize("kind", ["ridge", "linear", "knn"])
def test_probabilities_are_calibrated_on_held_out_clips(kind: str) -> None:
    """Of clips of pure chance every class is as likely; of clear ones, one is certain."""
    random = np.random.default_rng(0)
    labels = np.arange(90) % 3
    chance = random.normal(size=(90, 4)).astype(np.float32)
    clear = (10 * np.eye(3)[labels] + random.normal(size=(90, 3))).astype(np.float32)
    likely = {}
    for name, features in (("chance", chance), ("clear", clear)):
        known = ClipFeatures(features, labels, names=None, groups=None, what="features")
        head = fit_head(kind, known, ("a", "b", "c"), k=5, c=(1.0,))
        scores = head.layer(features).numpy() / head.temperature
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely[name] = (shares / shares.sum(axis=1, keepdims=True)).max(axis=1).mean()
    assert likely["chance"] < 0.5
    assert likely["clear"] > 0.95


def test_classes_without_clips_are_left_out_and_one_class_is_refused() -> None:
    features, labels = clips(20, 4, 2)
    known = ClipFeatures(features, 2 * labels, names=None, groups=None, what="features")
    head = fit_head("ridge", known, ("a", "b", "c"), k=5, c=(1.0,))
    assert head.label_names == ("a", "c")
    one = ClipFeatures(features, 0 * labels, names=None, groups=None, what="features")
    with pytest.raises(InputError, match="are of one class; use --head=none"):
        fit_head("ridge", one, ("a", "b", "c"), k=5, c=(1.0,))
    alone = ClipFeatures(features[:2], labels[:2], names=None, groups=None, what="features")
    head = fit_head("ridge", alone, ("a", "b"), k=1, c=(1.0,))
    assert head.temperature == 1.0, "nothing can be held out"
