"""Runs that learn from labels: fresh, or with the encoder of a pre-trained run."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest
import tensorflow as tf

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import Choices
from ms2l_tf.evaluation.evaluate import evaluate_run
from ms2l_tf.evaluation.layout_features import untrained_learner
from ms2l_tf.evaluation.readings import Readings
from ms2l_tf.methods.recogniser import Recogniser
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.training.train import train
from tests.helpers import assert_all_close
from tests.msclr.tiny import LAYOUTS, assert_same_weights, config, labelled, train_one_epoch


@pytest.mark.slow
def test_labels_train_a_pretrained_encoder_in_any_of_its_layouts(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = labelled(
        dataset, str(run.path), layouts=LAYOUTS[1:], protocol="semi", label_fraction=0.5
    )
    folder = train(settings, str(tmp_path / "semi"))
    assert json.loads(folder.flags.read_text())["init"]["protocol"] == "unsupervised"
    assert len(json.loads(folder.labelled.read_text())["clips"]) < 30
    result = evaluate_run(folder, settings, Choices(probes=("knn",), figures=False)).result
    assert "classifier/top1" in result.metrics
    assert result.protocol == "semi"


def test_a_frozen_encoder_keeps_its_weights(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = labelled(dataset, str(run.path), train="classifier", epochs=1)
    folder = train(settings, str(tmp_path / "frozen"))
    data = open_data(settings)
    model = untrained_learner(folder, settings, data)
    model.load_weights(folder.weights)
    original = config(dataset)
    source = untrained_learner(run, original, open_data(original))
    source.load_weights(run.weights)
    assert_all_close(model.encoder.get_weights(), source.encoder.get_weights(), tolerance=0)


@pytest.mark.slow
def test_a_resumed_run_equals_the_uninterrupted_one(
    run: RunFolder,
    dataset: ClipDataset,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = labelled(dataset, str(run.path), protocol="semi", label_fraction=0.5)
    whole = train(settings, str(tmp_path / "whole"))
    train_one_epoch(settings, tmp_path / "parts", monkeypatch)
    parts = train(settings, str(tmp_path / "parts"))
    assert parts.labelled.read_text() == whole.labelled.read_text()
    assert_same_weights(parts, whole, settings)


@pytest.mark.slow
def test_two_devices_equal_one(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = labelled(dataset, str(run.path))
    one = train(settings, str(tmp_path / "one"))
    two = train(settings, str(tmp_path / "two"), strategy="mirrored")
    assert_same_weights(two, one, settings, atol=2e-4)


def test_transfer_reads_another_dataset_in_a_layout_of_the_run(
    run: RunFolder, tmp_path: pathlib.Path
) -> None:
    other = generate(tmp_path / "other", clips=48, seed=5, layouts=LAYOUTS[1:], progress=False)
    same = {"layouts": LAYOUTS[1:], "epochs": 1}
    with pytest.raises(InputError, match="use --protocol=transfer"):
        train(labelled(other, str(run.path), **same), str(tmp_path / "supervised"))
    settings = labelled(other, str(run.path), protocol="transfer", **same)
    folder = train(settings, str(tmp_path / "transfer"))
    result = evaluate_run(folder, settings, Choices(probes=("knn",), figures=False)).result
    assert result.protocol == "transfer"
    assert "classifier/top1" in result.metrics


def test_a_supervised_run_needs_no_other_run(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    settings = config(dataset, protocol="supervised", method="supervised", epochs=1)
    folder = train(settings, str(tmp_path / "labels"))
    assert float(folder.read_history()[0]["classification"]) > 0


def test_starting_runs_that_do_not_fit_are_refused(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    cases: dict[str, dict[str, Any]] = {
        "knows the layouts kinect_v2_25, h36m_17, this run reads 'smpl_24'": {
            "layouts": ("smpl_24",)
        },
        "holds no run": {"init": str(tmp_path)},
    }
    for said, changes in cases.items():
        with pytest.raises(InputError, match=said):
            train(labelled(dataset, **{"init": str(run.path), **changes}), str(tmp_path / "new"))
    with pytest.raises(InputError, match="was trained with --width=2, not --width=4"):
        with_initial_run({"init": str(run.path), "width": 4})
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    (copy / "model.weights.h5").write_bytes(b"damaged")
    with pytest.raises(InputError, match="is damaged"):
        train(labelled(dataset, str(copy)), str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_run_with_labels_reads_the_first_of_several_layouts(
    dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    settings = config(dataset, layouts=(), protocol="supervised", method="supervised", epochs=1)
    folder = train(settings, str(tmp_path / "labels"))
    recorded = folder.config()
    assert open_data(recorded).names == dataset.layouts[:1]
    evaluated = evaluate_run(folder, recorded, Choices(probes=("knn",), figures=False))
    assert [layout.name for layout in evaluated.features] == [dataset.layouts[0]]
    assert "classifier/top1" in evaluated.result.metrics
    readings = Readings(folder, recorded, open_data(recorded))
    with pytest.raises(InputError, match=r"--unseen: .* protocol supervised"):
        readings.check(Choices(unseen=("smpl_24",)))
    other = changed(recorded, layouts=("smpl_24",))
    with pytest.raises(InputError, match="was started with --layouts="):
        train(other, str(folder.path))


def test_dropout_of_the_encoder_is_drawn_when_labels_train_it(
    run: RunFolder, dataset: ClipDataset
) -> None:
    settings = config(dataset, protocol="supervised", dropout=0.5, shear=0.0)
    data = open_data(settings)
    model = build_learner(settings, run_shape(settings, data))
    assert isinstance(model, Recogniser)
    poses = tf.random.stateless_normal([4, 8, data.persons, 25, 3], [1, 2])
    batch = {"poses": poses, "label": tf.zeros([4], tf.int32)}
    first, again, later = (
        float(model.losses(batch, tf.constant([0, step]))[0]) for step in (0, 0, 1)
    )
    assert first == pytest.approx(again, abs=1e-6)
    assert first != pytest.approx(later, abs=1e-6)
