"""Evaluation of a trained run: what it writes, reads and refuses."""

from __future__ import annotations

import csv
import dataclasses
import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import pipeline
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation import drawing
from ms2l_tf.evaluation.choices import Choices, result_name
from ms2l_tf.evaluation.evaluate import Evaluated, evaluate_run
from ms2l_tf.evaluation.feature_files import load_features
from ms2l_tf.evaluation.layout_features import untrained_learner
from ms2l_tf.evaluation.probes import LinearProbe
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.evaluation.sides import sides_of
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.weights import save_weights
from tests.helpers import TrainedRun, tiny_config, write_dataset

QUICK = Choices(probes=("knn", "linear"), figures=False)


@pytest.fixture
def folder(trained_run: TrainedRun, tmp_path: pathlib.Path) -> RunFolder:
    """A copy of the trained run that a test may write into."""
    return RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))


@pytest.fixture
def clips_read(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Every clip whose poses are read during the test."""
    read: set[int] = set()
    original = pipeline.padded_batch

    def spy(store: PoseStore, indices: np.ndarray) -> dict[str, np.ndarray]:
        read.update(indices.tolist())
        return original(store, indices)

    monkeypatch.setattr(pipeline, "padded_batch", spy)
    return read


def test_a_probe_without_a_raw_floor_is_drawn_too(
    folder: RunFolder, trained_run: TrainedRun
) -> None:
    choices = Choices(probes=("linear_published",))
    result = evaluate_run(folder, trained_run.config, choices).result
    assert "linear_published/top1" in result.metrics
    assert "floor/raw/linear_published/top1" not in result.metrics
    assert (folder.figures / "per_class.png").is_file()


def test_everything_is_written(
    folder: RunFolder, trained_run: TrainedRun, clips_read: set[int], tmp_path: pathlib.Path
) -> None:
    features = tmp_path / "features.npz"
    config = changed(trained_run.config, k=(1, 3))
    lines: list[str] = []
    evaluate_run(folder, config, Choices(save_features=str(features)), progress=lines.append)
    result = json.loads((folder.path / "result.json").read_text())
    facts: dict[str, Any] = {
        "protocol": "unsupervised",
        "dataset": "tiny",
        "split": "cross_subject",
    }
    facts |= {"seed": 0, "epoch": 4, "feature_dim": 8}
    assert {name: result[name] for name in facts} == facts
    probes = ("knn/1", "knn/3", "linear", "ridge", "svm")
    expected = {
        f"{floor}{probe}/top1" for floor in ("", "floor/raw/", "floor/random/") for probe in probes
    }
    assert expected <= set(result["metrics"])
    for value in result["metrics"].values():
        assert 0 <= value <= 100
    assert {"training_seconds", "features", "linear", "floor/raw/svm"} <= set(result["timing"])
    assert {"python", "tensorflow", "keras"} <= {name.lower() for name in result["environment"]}
    assert result["details"]["evaluated_on"] == "test"
    assert result["details"]["train_clips"] == 12
    assert result["details"]["test_clips"] == 6
    assert result["details"]["test_copies"] == 0
    assert not [key for key in result["metrics"] if "others" in key]
    assert clips_read == set(range(18))
    with open(folder.path / "per_class.csv", newline="") as file:
        assert len(list(csv.reader(file))) >= 3
    figures = {path.name for path in folder.figures.iterdir()}
    assert figures == {"confusion.png", "per_class.png", "embedding.png", "training.png"}
    saved = load_features(features)
    assert (len(saved.train), len(saved.test)) == (12, 6)
    assert saved.label_names == ("left", "right")
    assert lines[0] == "features [12 + 6, 8]"


def test_validation_reads_no_test_clip(
    folder: RunFolder, trained_run: TrainedRun, clips_read: set[int]
) -> None:
    choices = dataclasses.replace(QUICK, test_on="validation")
    result = evaluate_run(folder, trained_run.config, choices).result
    data = open_data(trained_run.config).reference
    assert clips_read == {*data.fit.tolist(), *data.validation.tolist()}
    assert not clips_read & set(data.test.tolist())
    assert result.details["evaluated_on"] == "validation"
    assert result_name(choices) == "result_validation.json"
    assert (folder.path / "result_validation.json").is_file()
    assert not (folder.path / "result.json").exists(), "test readings stand elsewhere"


def test_the_random_floor_is_the_encoder_before_training(
    folder: RunFolder, trained_run: TrainedRun
) -> None:
    """With the untrained weights in place of the trained ones, all numbers equal the floor's.

    Pooling and the raw floor's frames may be chosen anew, for all three alike.
    """
    config = changed(trained_run.config, pooling="segments", raw_frames=4)
    save_weights(untrained_learner(folder, config, open_data(config)), folder.weights)
    result = evaluate_run(folder, config, QUICK).result
    for name in ("knn/1/top1", "linear/top1"):
        assert result.metrics[name] == result.metrics[f"floor/random/{name}"]
    assert result.feature_dim == 5 * 8
    assert result.details["pooling"] == "segments"
    assert result.details["raw_floor"].startswith("4 frames")


def test_what_is_refused(
    folder: RunFolder, trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    config = trained_run.config
    with pytest.raises(InputError, match="--probes: unknown probe 'forest'"):
        evaluate_run(folder, config, Choices(probes=("forest",)))
    none_held_out = tiny_config(data=config.data.data, validation="none")
    with pytest.raises(InputError, match=r"--test_on=validation: .*--validation=none"):
        evaluate_run(folder, none_held_out, Choices(test_on="validation"))
    other = write_dataset(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match=r"is not the dataset .* was trained on"):
        evaluate_run(folder, tiny_config(data=str(other.path)), QUICK)
    data = open_data(config).reference
    untested = dataclasses.replace(data, test=data.test[:0])
    with pytest.raises(InputError, match=r"\.json: names no test clip .*--probes=none"):
        sides_of(folder, config, untested, "test")
    folder.weights.unlink()
    with pytest.raises(InputError, match="is not trained to its last epoch; train first"):
        evaluate_run(folder, config, QUICK)
    assert not folder.result.exists()


@pytest.fixture
def collapsed(folder: RunFolder, trained_run: TrainedRun) -> RunFolder:
    """A run whose encoder gives every clip the same features, with figures of an earlier state."""
    model = untrained_learner(folder, trained_run.config, open_data(trained_run.config))
    model.set_weights([np.zeros_like(values) for values in model.get_weights()])
    save_weights(model, folder.weights)
    folder.figures.mkdir()
    for name in ("embedding.png", "confusion.png"):
        (folder.figures / name).write_text("of an earlier evaluation")
    return folder


def test_a_collapsed_encoder_is_evaluated_and_said_to_be(
    collapsed: RunFolder, trained_run: TrainedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    evaluated = evaluate_run(collapsed, trained_run.config, Choices(), progress=lines.append)
    result = evaluated.result
    assert json.loads(collapsed.result.read_text())["metrics"] == dict(result.metrics)
    text = capsys.readouterr().err
    assert "features are (nearly) constant: the encoder has collapsed" in text
    assert "embedding.png is left out: the features are (nearly) constant" in text
    figures = {path.name for path in collapsed.figures.iterdir()}
    assert figures == {"confusion.png", "per_class.png", "training.png"}
    assert {line for line in lines if line.endswith(".png")} == {
        str(collapsed.figures / name) for name in figures
    }
    assert {result.metrics[f"{name}/top1"] for name in ("linear", "ridge", "svm")} == {50.0}


def test_a_number_that_is_not_finite_costs_only_itself(
    folder: RunFolder,
    trained_run: TrainedRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    details = {"pca_variance_kept": float("nan"), "pca_components": 3}
    monkeypatch.setattr(LinearProbe, "details", lambda _: details)
    evaluate_run(folder, trained_run.config, QUICK)
    written = json.loads(folder.result.read_text())["details"]["probes"]
    assert written["linear"] == {"pca_variance_kept": None, "pca_components": 3}
    assert "details/probes/linear/pca_variance_kept (nan)" in capsys.readouterr().err
    assert EvaluationResult.load(folder.result).details["probes"]["linear"]["pca_components"] == 3


@pytest.mark.parametrize("choices", [QUICK, Choices(probes=("knn",))])
def test_the_numbers_are_shown_before_anything_is_written(
    choices: Choices, folder: RunFolder, trained_run: TrainedRun
) -> None:
    folder.result.mkdir()  # nothing can take its place
    before = sorted(folder.path.iterdir())
    shown: list[Evaluated] = []
    with pytest.raises(InputError, match=r"result.json: cannot be written .*then evaluate again"):
        evaluate_run(folder, trained_run.config, choices, show=shown.append)
    assert "knn/1/top1" in shown[0].result.metrics
    assert sorted(folder.path.iterdir()) == before


def test_features_that_cannot_be_kept_take_nothing_else_away(
    folder: RunFolder, trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    choices = dataclasses.replace(QUICK, save_features=str(tmp_path / "no" / "F.npz"))
    shown: list[Evaluated] = []
    with pytest.raises(InputError, match=r"F\.npz: cannot be written"):
        evaluate_run(folder, trained_run.config, choices, show=shown.append)
    assert len(shown) == 1
    assert folder.result.is_file()


FIGURES = ("confusion_figure", "per_class_figure", "embedding_figure", "training_figure")


@pytest.mark.parametrize("failing", [*FIGURES, "write_per_class_csv"])
def test_a_figure_that_fails_costs_only_itself(
    failing: str,
    folder: RunFolder,
    trained_run: TrainedRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no such colour")

    monkeypatch.setattr(drawing, failing, fail)
    lines: list[str] = []
    choices = Choices(probes=("knn",))
    evaluate_run(folder, trained_run.config, choices, progress=lines.append)
    assert capsys.readouterr().err.count("is left out: no such colour") == 1
    assert folder.result.is_file()
    assert sum(line.endswith((".png", ".csv")) for line in lines) == 5
