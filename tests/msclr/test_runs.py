"""Runs of the commands' library side on tiny networks: training, resuming, refusing."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.run_data import RunData
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.layout_features import untrained_learner
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training import train as training
from ms2l_tf.training.train import train
from msclr.batches import PairBatches
from msclr.model import MSCLR
from tests.msclr.tiny import LAYOUTS, assert_same_weights, config, train_one_epoch


def test_a_run_keeps_what_it_was_started_with(run: RunFolder) -> None:
    record = json.loads(run.flags.read_text())
    assert record["protocol"] == "unsupervised"
    assert [layout["name"] for layout in record["layouts"]] == list(LAYOUTS)
    assert record["settings"]["layouts"] == list(LAYOUTS)
    history = run.read_history()
    assert [row["epoch"] for row in history] == ["1", "2"]
    for name in ("loss", "info_nce", "d3m", "contrast_accuracy", "positives"):
        assert np.isfinite([float(row[name]) for row in history]).all()
    assert float(history[0]["positives"]) == 1.0, "neighbours count from half of the run on"
    assert float(history[1]["positives"]) > 1.0


@pytest.fixture
def all_trained(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """All 48 clips are trained on, those of the test set too."""
    clips = np.arange(48)
    monkeypatch.setattr(RunData, "trained", lambda self, train_on: clips)
    return clips


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 40}, "a --batch of at most 24 lets it hold half of the clips"),
        ({"queue": 30}, "the queue holds 30 keys for 48 training clips, .* --queue=0 takes half"),
        ({"scale": "none", "rotation": "none"}, "the noise has the unit of the poses"),
    ],
)
def test_what_is_warned_of(
    all_trained: np.ndarray, dataset: ClipDataset, changes: dict[str, Any], said: str
) -> None:
    settings = config(dataset, **changes)
    (line,) = PairBatches(settings, open_data(settings)).warnings()
    assert re.search(said, line)


def test_a_batch_larger_than_the_set_is_told_of(
    all_trained: np.ndarray, dataset: ClipDataset
) -> None:
    settings = config(dataset, batch=50)
    lines = PairBatches(settings, open_data(settings)).warnings()
    assert lines[1].startswith("--batch=50: is larger than the 48 training clips, so")
    assert len(lines) == 2, "and so is the queue, which holds a batch at least"


@pytest.mark.parametrize("contrast", ["skeletonclr", "aimclr"])
def test_a_lone_clip_is_refused(
    dataset: ClipDataset, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, contrast: str
) -> None:
    monkeypatch.setattr(RunData, "trained", lambda self, train_on: self.parts[0].train[:1])
    with pytest.raises(InputError, match="1 training clip is too few"):
        train(config(dataset, contrast=contrast, batch=1), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_clips_that_no_pair_can_use_are_told_of(
    all_trained: np.ndarray, dataset: ClipDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_poses = np.ones((2, 48), bool)
    has_poses[0, 20:] = False
    monkeypatch.setattr(RunData, "has_poses", lambda self: has_poses)
    settings = config(dataset, pairs="anchored", queue=12)
    lines = PairBatches(settings, open_data(settings)).warnings()
    assert [line.split(",")[0] for line in lines] == [
        "the queue holds 12 keys for 20 training clips",
        "28 of 48 training clips lack the layouts that --pairs=anchored needs; they are not used",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("decay", ["step", "cosine"])
def test_a_prolonged_run_keeps_the_schedules_it_was_planned_with(
    dataset: ClipDataset,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    decay: str,
) -> None:
    """Neighbours count from half of two epochs on, not of three; the cosine ends after two."""
    two, three = (config(dataset, decay=decay, epochs=epochs) for epochs in (2, 3))
    train(two, str(tmp_path / "run"))
    folder = train(three, str(tmp_path / "run"))
    assert folder.config().training.epochs == 3
    assert [row["epoch"] for row in folder.read_history()] == ["1", "2", "3"]
    monkeypatch.setattr(RunFolder, "planned_epochs", lambda self, epochs: 2)
    assert_same_weights(folder, train(three, str(tmp_path / "whole")), three)


def test_training_moves_both_encoders_apart_from_each_other(
    run: RunFolder, dataset: ClipDataset
) -> None:
    settings = config(dataset)
    model = untrained_learner(run, settings, open_data(settings))
    assert isinstance(model, MSCLR)
    before = [weight.copy() for weight in model.encoder.get_weights()]
    model.load_weights(run.weights)
    after, keys = model.encoder.get_weights(), model.key_encoder.get_weights()
    moved = [np.abs(a - b).max() for a, b in zip(before, after, strict=True)]
    assert max(moved) > 1e-3
    assert max(np.abs(a - k).max() for a, k in zip(after, keys, strict=True)) > 1e-4


@pytest.mark.slow
def test_a_resumed_run_equals_the_uninterrupted_one(
    run: RunFolder,
    dataset: ClipDataset,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train_one_epoch(config(dataset), tmp_path / "run", monkeypatch)
    resumed = train(config(dataset), str(tmp_path / "run"))
    assert_same_weights(resumed, run, config(dataset))


def test_a_finished_run_is_not_trained_again_and_other_flags_are_refused(
    run: RunFolder, dataset: ClipDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "run_epochs", None)
    train(config(dataset), str(run.path))
    with pytest.raises(InputError, match="was started with --width=2, now --width=4"):
        train(config(dataset, width=4), str(run.path))


@pytest.mark.slow
def test_two_devices_equal_one(
    run: RunFolder, dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    two = train(config(dataset), str(tmp_path / "two"), strategy="mirrored")
    assert_same_weights(two, run, config(dataset), atol=2e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"queue": 4}, "--queue=4: is smaller than --batch=8"),
        ({"layouts": ("kinect_v2_25", "nowhere_9")}, "--layouts: 'nowhere_9' is neither"),
        ({"data": "/nowhere"}, "/nowhere"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(
    dataset: ClipDataset, tmp_path: pathlib.Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        train(config(dataset, **changes), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_mapping_that_leaves_joints_out_is_refused(tmp_path: pathlib.Path) -> None:
    alone = generate(tmp_path / "k", clips=48, seed=1, layouts=["kinect_v2_25"], progress=False)
    with pytest.raises(InputError, match=r"--layouts: 'h36m_17' cannot be mapped .* of htop"):
        open_data(config(alone))


def test_a_long_queue_is_mentioned(
    dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "run_epochs", lambda *_, **__: None)
    train(config(dataset, queue=1000, epochs=1), str(tmp_path / "run"))
    said = capsys.readouterr().err
    assert "warning: the queue holds 1000 keys for" in said
