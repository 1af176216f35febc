"""Whole runs of the comparators on a tiny dataset, from training to result."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.evaluation.evaluate import Choices, evaluate_run
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.recogniser import Recogniser
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.runs.weights import load_weights
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import tiny_config


def fresh(config: RunConfig) -> Learner:
    """The learner of a run, untrained."""
    return build_learner(config, run_shape(config, open_data(config)))


@pytest.mark.slow
def test_longt_gan_from_pre_training_to_a_classifier(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    data = str(tiny_dataset.path)
    config = tiny_config(data=data, method="longt_gan", epochs=2, learning_rate=0.003)
    source = train(config, str(tmp_path / "source"), strategy="one")
    logged = {"loss", "regeneration", "adversarial", "discriminator", "val_knn", "effective_rank"}
    assert logged <= set(source.read_history()[-1])
    result = evaluate_run(source, config, Choices(probes=("knn",), figures=False)).result
    assert {"knn/1/top1", "floor/random/knn/1/top1"} <= set(result.metrics)
    values = {
        **{"data": data, "protocol": "supervised", "init": str(source.path), "epochs": 1},
        **{"classifier_hidden": (4,), "batch": 4, "train": "classifier", "monitor_epochs": 0},
    }
    tuned = run_config(with_initial_run(values))
    folder = train(tuned, str(tmp_path / "tuned"), strategy="one")
    models = [fresh(settings) for settings in (config, tuned)]
    for model, run in zip(models, (source, folder), strict=True):
        load_weights(model, run.weights)
    for mine, its in zip(models[0].encoder.weights, models[1].encoder.weights, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_plain_lstm(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    config = tiny_config(
        data=str(tiny_dataset.path),
        method="supervised",
        train_on="fit",
        epochs=1,
        learning_rate=0.003,
    )
    model = fresh(config)
    assert isinstance(model, Recogniser)
    assert [weight.shape for weight in model.classifier.weights] == [(4, 2), (2,)]
    folder = train(config, str(tmp_path / "run"), strategy="one")
    assert "val_accuracy" in folder.read_history()[-1]
    choices = Choices(probes=("knn",), test_on="validation", figures=False)
    result = evaluate_run(folder, config, choices).result
    assert "classifier/top1" in result.metrics
