"""Linear probing, then fine-tuning: where the classifier starts, how far the encoder follows."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.features import class_logits, encoder_features
from ms2l_tf.evaluation.few_labels import LOGISTIC_C
from ms2l_tf.methods.base import Learner
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.labels import read_labelled
from ms2l_tf.runs.weights import load_weights
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.classifier_start import probe_weights
from ms2l_tf.training.train import train
from tests.helpers import TrainedRun
from tests.training.test_protocols import from_run, trained
from tests.training.test_train import assert_same_weights, interruption

LINEAR = {"classifier_units": 0, "classifier_hidden": (), "monitor_epochs": 0}
PROBE = {**LINEAR, "classifier_start": "probe", "label_fraction": 0.5}


def problem(classes: int, clips: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Features far from zero, in dimensions of unequal size."""
    rng = np.random.default_rng(0)
    labels = np.arange(clips) % classes
    features = rng.normal(size=(classes, 6))[labels] + rng.normal(size=(clips, 6))
    return (3 + features * np.array([5, 1, 1, 0.1, 1, 1])).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_weights_are_those_of_the_logistic_regression(classes: int) -> None:
    features, labels = problem(classes)
    weights, bias = probe_weights(features, labels, classes)
    centred = features - features.mean(axis=0, dtype=np.float64)
    scaled = centred / np.sqrt(np.square(centred).sum(axis=1).mean())
    model = LogisticRegression(C=LOGISTIC_C, max_iter=1000).fit(scaled, labels)
    logits = features @ weights + bias
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert_allclose(shares, model.predict_proba(scaled), atol=1e-5)
    assert_allclose(logits.sum(axis=1), 0.0, atol=1e-4)


def test_a_class_without_labelled_clip_is_not_predicted() -> None:
    features, labels = problem(3)
    weights, bias = probe_weights(features, labels * 2, 6)
    assert set((features @ weights + bias).argmax(axis=1)) <= {0, 2, 4}


def test_one_class_is_refused() -> None:
    with pytest.raises(InputError, match=r"--classifier_start=probe: .* one class"):
        probe_weights(np.ones((3, 2), np.float32), np.zeros(3, np.int64), 4)


def started(folder: RunFolder, config: RunConfig) -> np.ndarray:
    """Logits of the labelled clips by the classifier of a probe of the run's encoder."""
    data = open_data(config)
    clips, labelled = data.reference, read_labelled(folder, data.dataset)
    encoder = trained(folder, config).encoder
    features = encoder_features(encoder, clips.store, labelled, data.normalisers[0], pooling="mean")
    weights, bias = probe_weights(features, data.dataset.labels[labelled], 2)
    logits: np.ndarray = features @ weights + bias
    return logits


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["one", "mirrored"])
def test_at_the_start_the_run_predicts_as_the_probe(
    trained_run: TrainedRun, tmp_path: pathlib.Path, strategy: str
) -> None:
    """Without a step that moves anything, what is saved is what training started from."""
    config = from_run(trained_run, **PROBE, epochs=1, learning_rate=0.0, final_learning_rate=0.0)
    folder = train(config, str(tmp_path / "run"), strategy=strategy)
    data = open_data(config)
    labelled = read_labelled(folder, data.dataset)
    logits = class_logits(
        trained(folder, config), data.reference.store, labelled, data.normalisers[0]
    )
    assert_allclose(logits, started(folder, config), atol=1e-4)
    assert_array_equal(logits.argmax(axis=1), data.dataset.labels[labelled])


@pytest.mark.slow
def test_resumed_on_two_devices_equals_uninterrupted_on_one(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    config = from_run(trained_run, **PROBE, encoder_rate=0.1)
    whole = train(config, str(tmp_path / "whole"), strategy="one")
    with interruption(2), pytest.raises(KeyboardInterrupt):
        train(config, str(tmp_path / "parts"), strategy="one")
    resumed = train(config, str(tmp_path / "parts"), strategy="mirrored")
    assert_same_weights(whole, resumed, 1e-4)


def test_an_encoder_that_takes_no_step_stays_as_it_was(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    config = from_run(trained_run, **PROBE, encoder_rate=0.0, epochs=1, weight_decay=0.1)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    before = initial(trained_run).encoder.get_weights()
    for old, new in zip(before, trained(folder, config).encoder.get_weights(), strict=True):
        assert_array_equal(old, new)


def initial(run: TrainedRun) -> Learner:
    learner = build_learner(run.config, run_shape(run.config, open_data(run.config)))
    load_weights(learner, run.folder.weights)
    return learner


@pytest.mark.parametrize(
    "changes",
    [
        {"classifier_units": 0},
        {"classifier_hidden": ()},
        {"classifier_units": 4, "classifier_hidden": ()},
    ],
)
def test_a_classifier_that_is_not_linear_is_refused(
    trained_run: TrainedRun, changes: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=r"--classifier_start=probe: .*--classifier_hidden="):
        from_run(trained_run, **{"classifier_start": "probe", **changes})


def test_an_encoder_without_a_step_has_no_tasks(trained_run: TrainedRun) -> None:
    with pytest.raises(InputError, match="--encoder_rate=0: leaves the encoder as it is"):
        from_run(trained_run, encoder_rate=0.0, schedule="joint")
