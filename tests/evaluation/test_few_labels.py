"""Readings with few labels of finished runs: what is drawn, read, kept and refused."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation import few_label_readings as module
from ms2l_tf.evaluation import layout_features
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import Evaluated, evaluate_run
from ms2l_tf.evaluation.few_label_table import few_label_table
from ms2l_tf.evaluation.few_labels import CLASSIFIERS, few_label_scores
from ms2l_tf.evaluation.sides import Sides
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train
from tests.helpers import TrainedRun
from tests.training.test_protocols import from_run

QUICK = Choices(probes=("knn",), figures=False)
FEATURES = ("encoder", "kernels", "joined")


def stand_in(*args: Any) -> Sides:
    """For the features of the kernels, which take long: numbers of each clip."""
    train_rows, test_rows = args[-1]
    rng = np.random.default_rng(0)
    return rng.normal(size=(len(train_rows), 5)), rng.normal(size=(len(test_rows), 5))


@pytest.fixture(autouse=True)
def _kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "kernel_features", stand_in)
    monkeypatch.setattr(layout_features, "kernel_floor", lambda *_: None)


@pytest.fixture
def folder(trained_run: TrainedRun, tmp_path: pathlib.Path) -> RunFolder:
    return RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))


@pytest.fixture(scope="module")
def semi(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    config = from_run(trained_run, label_fraction=0.5, epochs=1, k=(1,))
    folder = train(config, str(tmp_path_factory.mktemp("runs") / "semi"), strategy="one")
    return TrainedRun(folder, config, frozenset())


def test_several_fractions_of_a_run_without_labels(
    folder: RunFolder, trained_run: TrainedRun
) -> None:
    choices = dataclasses.replace(QUICK, few_labels=(0.2, 0.5), draws=3)
    evaluated = evaluate_run(folder, trained_run.config, choices)
    result = json.loads(folder.result.read_text())
    kept = result["details"]["few_labels"]
    for fraction in ("0.2", "0.5"):
        for features in FEATURES:
            for classifier in CLASSIFIERS:
                name = f"{features}/{classifier}/top1"
                values = kept["draws"][fraction][name]
                assert len(values) == 3
                mean = result["metrics"][f"few_labels/{fraction}/{name}"]
                assert mean == pytest.approx(np.mean(values))
    assert kept["labelled"] == {"0.2": 2, "0.5": 6}
    assert kept["encoder"] == "run"
    assert evaluated.few_labels is not None
    table = few_label_table(evaluated.few_labels, evaluated.result.metrics)
    assert "20 %: 2 clips" in table
    assert "joined, spreading" in table
    assert "over 3 draws" in table


def test_the_clips_drawn_are_those_that_a_run_of_that_seed_has(
    folder: RunFolder, trained_run: TrainedRun, semi: TrainedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled: list[np.ndarray] = []

    def spy(sets: Any, labels: np.ndarray, test: ClipFeatures, classes: int) -> dict[str, float]:
        labelled.append(np.flatnonzero(labels >= 0))
        return few_label_scores(sets, labels, test, classes)

    monkeypatch.setattr(module, "few_label_scores", spy)
    choices = dataclasses.replace(QUICK, few_labels=(0.5,), draws=2)
    evaluated = evaluate_run(folder, trained_run.config, choices)
    clips = np.asarray(evaluated.features[0].train.names)
    assert clips[labelled[0]].tolist() == json.loads(semi.folder.labelled.read_text())["clips"]
    assert set(labelled[0]) != set(labelled[1])


def test_a_run_with_few_labels_is_read_with_its_own(
    semi: TrainedRun, trained_run: TrainedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated = evaluate_run(semi.folder, semi.config, QUICK)
    metrics = evaluated.result.metrics
    assert {f"few_labels/{f}/{c}/top1" for f in FEATURES for c in CLASSIFIERS} <= set(metrics)
    few = evaluated.few_labels
    assert few is not None
    assert few.encoder == "init"
    assert "classifier of the run" in few_label_table(few, metrics)
    assert len(evaluated.features[0].train) == 6, "probes are fitted on the labelled clips alone"


def test_without_the_run_it_began_from_the_tuned_encoder_is_read(
    semi: TrainedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    config = dataclasses.replace(
        semi.config, protocol=dataclasses.replace(semi.config.protocol, init="gone")
    )
    evaluated = evaluate_run(semi.folder, config, QUICK)
    assert evaluated.few_labels is not None
    assert evaluated.few_labels.encoder == "run"
    assert "encoder as tuned" in capsys.readouterr().err


def test_nothing_is_read_where_nothing_asks_for_it(
    folder: RunFolder, trained_run: TrainedRun, semi: TrainedRun
) -> None:
    assert evaluate_run(folder, trained_run.config, QUICK).few_labels is None
    off = dataclasses.replace(QUICK, few_labels=None)
    evaluated = evaluate_run(semi.folder, semi.config, off)
    assert evaluated.few_labels is None
    assert not any("few_labels" in key for key in evaluated.result.metrics)


def test_validation_clips_are_not_among_those_that_are_drawn(
    folder: RunFolder, trained_run: TrainedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def spy(*args: Any) -> Sides:
        read.extend(args[-1][0].tolist())
        return stand_in(*args)

    monkeypatch.setattr(module, "kernel_features", spy)
    choices = dataclasses.replace(QUICK, few_labels=(0.5,), draws=1, test_on="validation")
    evaluated: Evaluated = evaluate_run(folder, trained_run.config, choices)
    train_names = set(np.asarray(evaluated.features[0].train.names).tolist())
    assert len(read) == len(train_names)


def test_without_the_kernels_floor_there_are_none(
    folder: RunFolder, trained_run: TrainedRun
) -> None:
    choices = dataclasses.replace(QUICK, few_labels=(0.5,), draws=1, floors=("random",))
    metrics = evaluate_run(folder, trained_run.config, choices).result.metrics
    read = {key.split("/")[2] for key in metrics if key.startswith("few_labels/")}
    assert read == {"encoder"}


def test_kernels_that_cannot_be_fitted_cost_only_themselves(
    folder: RunFolder,
    trained_run: TrainedRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: Any) -> Sides:
        raise InputError("too few clips")

    monkeypatch.setattr(module, "kernel_features", refuse)
    choices = dataclasses.replace(QUICK, few_labels=(0.5,), draws=1)
    metrics = evaluate_run(folder, trained_run.config, choices).result.metrics
    assert "few_labels/0.5/encoder/ridge/top1" in metrics
    assert "few_labels/0.5/kernels/ridge/top1" not in metrics
    assert "too few clips" in capsys.readouterr().err


def test_what_is_refused(folder: RunFolder, trained_run: TrainedRun, semi: TrainedRun) -> None:
    with pytest.raises(InputError, match="--few_labels: 2 is no fraction"):
        evaluate_run(folder, trained_run.config, Choices(few_labels=(2.0,)))
    with pytest.raises(InputError, match="--draws=0"):
        evaluate_run(folder, trained_run.config, Choices(few_labels=(0.5,), draws=0))
    with pytest.raises(InputError, match="name a run without labels"):
        evaluate_run(semi.folder, semi.config, Choices(few_labels=(0.5,)))


def test_copies_are_read_apart() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(30, 4)), rng.normal(size=(10, 4))
    labels = np.arange(30) % 2
    copies = np.arange(10) < 4
    read = ClipFeatures(test, np.arange(10) % 2, copies=copies)
    scores = few_label_scores({"encoder": (train, test)}, labels, read, 2)
    assert set(scores) == {
        f"encoder/{classifier}/{reading}"
        for classifier in CLASSIFIERS
        for reading in ("top1", "others_top1")
    }
