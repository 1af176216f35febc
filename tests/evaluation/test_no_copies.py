"""Evaluations of runs whose test clips are partly copies of training clips."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.labels import read_labelled
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.train import train
from tests.helpers import tiny_config, write_dataset

# Test clips of training clips 3 and 7; clip 4, of another subject, of clip 3; a test clip of a
# test clip, which nobody has seen.
COPIES = {5: 3, 8: 7, 4: 3, 14: 11}
QUICK = Choices(probes=("knn", "linear", "ridge"), figures=False)


def run_with_copies(folder: pathlib.Path, **changes: Any) -> tuple[RunFolder, RunConfig]:
    data = write_dataset(folder / "data", copies=COPIES)
    config = tiny_config(data=str(data.path), epochs=1, validation="subject", **changes)
    return train(config, str(folder / "run"), strategy="one"), config


def keys_of_others(result: EvaluationResult) -> set[str]:
    return {key.removesuffix("/others_top1") for key in result.metrics if "others_top1" in key}


def test_probes_and_floors_are_read_without_copies_too(tmp_path: pathlib.Path) -> None:
    folder, config = run_with_copies(tmp_path)
    result = evaluate_run(folder, config, QUICK).result
    assert (result.details["test_copies"], result.details["test_clips"]) == (2, 6)
    floors, probes = ("", "floor/raw/", "floor/random/"), ("knn/1", "linear", "ridge")
    assert keys_of_others(result) == {f"{floor}{probe}" for floor in floors for probe in probes}
    # Nearest neighbours of the raw coordinates know a copy: the others are what they miss.
    right = {key: result.metrics[f"floor/raw/knn/1/{key}"] for key in ("top1", "others_top1")}
    rows = open_data(config).dataset.labels[[5, 8]] == open_data(config).dataset.labels[[3, 7]]
    assert 6 * right["top1"] == pytest.approx(4 * right["others_top1"] + 100 * rows.sum())

    again = evaluate_run(folder, config, QUICK).result
    assert again.details["kept_floors"] == [f"floor/raw/{p}" for p in QUICK.probes]
    assert again.metrics == result.metrics


def test_validation_clips_are_compared_with_the_fit_clips(tmp_path: pathlib.Path) -> None:
    folder, config = run_with_copies(tmp_path)
    choices = Choices(probes=("knn",), figures=False, test_on="validation")
    result = evaluate_run(folder, config, choices).result
    validation = open_data(config).reference.validation
    assert np.isin([3, 4], validation).sum() == 1, "of other subjects"
    assert result.details["test_copies"] == 1
    assert "knn/1/others_top1" in result.metrics


@pytest.mark.slow
def test_copies_of_unlabelled_training_clips_count(tmp_path: pathlib.Path) -> None:
    """The encoder has been trained on them; the run's own classifier is read without them too."""
    folder, config = run_with_copies(tmp_path, protocol="semi", label_fraction=0.2)
    result = evaluate_run(folder, config, QUICK).result
    assert not np.isin([3, 7], read_labelled(folder, open_data(config).dataset)).all()
    assert result.details["test_copies"] == 2
    assert {"classifier", "linear", "floor/raw/ridge"} <= keys_of_others(result)
