"""Semi-supervised, supervised and transfer runs on a tiny dataset, from command to result."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.pipeline import with_poses
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.evaluate import Choices, evaluate_run
from ms2l_tf.evaluation.features import class_logits
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.ms2l.settings import TaskSettings
from ms2l_tf.methods.registry import changed, run_config
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.runs.weights import load_weights
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training import train as module
from ms2l_tf.training.train import train
from tests.helpers import TINY, TrainedRun, tiny_config, write_dataset
from tests.training.test_train import assert_same_weights, interruption


def from_run(run: TrainedRun, **changes: Any) -> RunConfig:
    """Settings as the command makes them: what the initial run has, then what is asked for."""
    values = {
        **{name: value for name, value in TINY.items() if name in ("batch", "k", "raw_frames")},
        "data": run.config.data.data,
        "protocol": "semi",
        "init": str(run.folder.path),
        "epochs": 2,
        "classifier_units": 4,
        "classifier_hidden": (4,),
        "monitor_epochs": 1,
        **changes,
    }
    return run_config(with_initial_run(values))


def trained(folder: RunFolder, config: RunConfig) -> Learner:
    """The learner of a finished run."""
    learner = build_learner(config, run_shape(config, open_data(config)))
    load_weights(learner, folder.weights)
    return learner


MOVING = {"schedule": "moving", "moving_epochs": 1.0, "label_fraction": 0.5}


@pytest.fixture(scope="module")
def moving(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A semi-supervised run under the moving schedule, uninterrupted, on one device."""
    config = from_run(trained_run, **MOVING)
    folder = train(config, str(tmp_path_factory.mktemp("runs") / "moving"), strategy="one")
    return TrainedRun(folder, config, frozenset())


def test_the_settings_of_the_initial_run_are_taken_over(
    trained_run: TrainedRun, moving: TrainedRun
) -> None:
    source = trained_run.config
    assert moving.config.normaliser == dataclasses.replace(source.normaliser, persons=2), "as read"
    assert moving.config.network == source.network
    assert moving.config.model == source.model
    assert moving.config.of(TaskSettings).head == "mlp"
    assert moving.config.training.epochs == 2


def test_clips_are_those_of_the_initial_run_unless_chosen(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    """The first split there is need not be the one it was trained on."""
    copy = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "copy"))
    record = copy.record()
    record["settings"] |= {"split": "another", "validation": "camera"}
    copy.flags.write_text(json.dumps(record))
    values = {"init": str(copy.path), "protocol": "semi", "validation": "none"}
    found = with_initial_run(values)
    assert (found["split"], found["validation"]) == ("another", "none")
    found = with_initial_run({**values, "protocol": "transfer"})
    assert "split" not in found, "another dataset, other splits"


def test_what_a_moving_run_leaves(moving: TrainedRun) -> None:
    history = moving.folder.read_history()
    assert [float(row["theta"]) for row in history] == pytest.approx([1 / 3, 1.0]), "0, 1/3, 2/3"
    assert {"classification", "accuracy", "prediction", "jigsaw", "contrastive"} <= set(history[0])
    assert "val_knn" not in history[0]
    clips = json.loads(moving.folder.labelled.read_text())["clips"]
    assert len(clips) == 6
    assert json.loads(moving.folder.flags.read_text())["protocol"] == "semi"


@pytest.mark.slow
def test_resumed_on_two_devices_equals_uninterrupted_on_one(
    trained_run: TrainedRun, moving: TrainedRun, tmp_path: pathlib.Path
) -> None:
    with interruption(2), pytest.raises(KeyboardInterrupt):
        train(moving.config, str(tmp_path / "a"), strategy="one")
    folder = train(moving.config, str(tmp_path / "a"), strategy="mirrored")
    assert folder.timing()["epochs_timed"] == 1
    assert_same_weights(moving.folder, folder, 1e-4)


PROTOCOLS: dict[str, dict[str, Any]] = {
    "random": {**TINY, "protocol": "supervised", "init": "random"},
    "pretrained": {"protocol": "supervised"},
    "frozen": {"train": "classifier", "label_fraction": 0.5},
    "joint": {**TINY, "protocol": "supervised", "schedule": "joint", "init": "random"},
    "semi joint": {"schedule": "joint", "label_fraction": 0.5},
    "transfer": {"protocol": "transfer"},
    "transfer from random weights": {**TINY, "protocol": "transfer", "init": "random"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_on_two_devices_equals_one(
    trained_run: TrainedRun, tmp_path: pathlib.Path, name: str
) -> None:
    changes = dict(PROTOCOLS[name])
    if changes.get("protocol") == "transfer":
        changes["data"] = str(write_dataset(tmp_path / "other", seed=5).path)
    config = from_run(trained_run, **{**changes, "epochs": 2, "monitor_epochs": 0})
    one = train(config, str(tmp_path / "one"), strategy="one")
    two = train(config, str(tmp_path / "two"), strategy="mirrored")
    assert_same_weights(one, two, 1e-4)


def test_labels_of_other_clips_are_never_read(
    moving: TrainedRun, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong labels on all clips but the drawn ones change nothing."""
    kept = set(json.loads(moving.folder.labelled.read_text())["clips"])

    def spoiled(config: RunConfig) -> RunData:
        data = open_data(config)
        others = ~np.isin(data.dataset.names, list(kept))
        before = data.dataset.labels.copy()
        data.dataset.labels[others] = 1 - before[others]
        assert (data.dataset.labels != before).sum() == others.sum() == 12, "they are spoiled"
        return data

    # The draw itself asks which clips have labels, and of which class.
    original = open_data(moving.config)
    drawn = np.flatnonzero(np.isin(original.dataset.names, list(kept)))
    monkeypatch.setattr(module, "draw_labelled", lambda *_: drawn)
    monkeypatch.setattr(module, "open_data", spoiled)
    folder = train(moving.config, str(tmp_path / "a"), strategy="one")
    assert_same_weights(moving.folder, folder)


@pytest.mark.slow
def test_evaluation_scores_classifier_and_probes_on_the_same_labels(moving: TrainedRun) -> None:
    result = evaluate_run(
        moving.folder, moving.config, Choices(probes=("knn", "linear"), figures=True)
    ).result
    keys = {"classifier/top1", "classifier/mean_per_class", "linear/top1", "knn/1/top1"}
    assert keys <= set(result.metrics)
    assert {"floor/raw/linear/top1", "floor/random/linear/top1"} <= set(result.metrics)
    assert result.protocol == "semi"
    assert result.details["train_clips"] == 6, "the probes see no more labels than the run"
    assert result.details["label_fraction"] == 0.5
    assert "/" not in result.details["init"]
    data = open_data(moving.config)
    model, store = trained(moving.folder, moving.config), data.reference.store
    clips = with_poses(store, data.reference.test)
    logits = class_logits(model, store, clips, data.normalisers[0])
    right = logits.argmax(axis=1) == data.dataset.labels[clips]
    assert result.metrics["classifier/top1"] == pytest.approx(100 * right.mean())
    with pytest.raises(InputError, match="read the labels of the validation clips"):
        evaluate_run(moving.folder, moving.config, Choices(test_on="validation"))


def test_training_the_classifier_alone_keeps_the_encoder(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    config = from_run(trained_run, protocol="supervised", train="classifier", rotate=0.0)
    folder = train(config, str(tmp_path / "run"), strategy="one")
    model = trained(folder, config)
    source = trained(trained_run.folder, trained_run.config)
    for mine, its in zip(model.encoder.weights, source.encoder.weights, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert "prediction" not in folder.read_history()[0]
    assert "val_accuracy" not in folder.read_history()[0], "validation clips are trained on"


@pytest.mark.slow
def test_watched_tasks_are_logged_and_change_nothing(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    watched, plain = (
        train(
            from_run(trained_run, protocol="supervised", watch_tasks=watch, monitor_epochs=0),
            str(tmp_path / f"run{watch}"),
            strategy="one",
        )
        for watch in (True, False)
    )
    rows = watched.read_history(), plain.read_history()
    assert {"prediction", "jigsaw", "contrastive"} <= set(rows[0][0]) - set(rows[1][0])
    for one, other in zip(*rows, strict=True):
        assert float(one["classification"]) == pytest.approx(float(other["loss"]), rel=1e-4)


def test_validation_clips_that_are_held_out_are_read(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = tiny_config(
        data=str(tiny_dataset.path),
        protocol="supervised",
        train_on="fit",
        classifier_units=0,
        epochs=1,
    )
    folder = train(config, str(tmp_path / "run"), strategy="one")
    assert "val_accuracy" in folder.read_history()[0]
    result = evaluate_run(folder, config, Choices(probes=("knn",), test_on="validation")).result
    assert "classifier/top1" in result.metrics
    names = {path.name for path in folder.path.iterdir()}
    assert {"result_validation.json", "figures_validation", "per_class_validation.csv"} <= names
    assert not {"result.json", "figures", "per_class.csv"} & names


def test_weights_that_know_the_test_clips_are_refused(
    trained_run: TrainedRun, moving: TrainedRun, tmp_path: pathlib.Path
) -> None:
    """Another split of the same dataset, clips held out later, and labels read before."""
    copy = shutil.copytree(trained_run.config.data.data, tmp_path / "data")
    split = json.loads((copy / "splits" / "cross_subject.json").read_text())
    split["train"], split["test"] = split["test"], split["train"]
    (copy / "splits" / "turned.json").write_text(json.dumps({**split, "name": "turned"}))
    for protocol in ("semi", "transfer"):
        config = from_run(
            trained_run, data=str(copy), split="turned", protocol=protocol, validation="none"
        )
        with pytest.raises(InputError, match="was trained on 12 test clips of this run"):
            train(config, str(tmp_path / "run"))
    with pytest.raises(InputError, match=r"validation clips of this run .*train_on=all"):
        train(from_run(trained_run, train_on="fit"), str(tmp_path / "run"))
    labels = from_run(moving, label_fraction=0.2)
    with pytest.raises(InputError, match=r"has read the labels of .* clips that this run may not"):
        train(labels, str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_damaged_weights_of_the_initial_run(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    copy = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "copy"))
    content = bytearray(copy.weights.read_bytes())
    content[len(content) // 2] ^= 1
    copy.weights.write_bytes(content)
    config = from_run(TrainedRun(copy, trained_run.config, frozenset()))
    with pytest.raises(InputError, match=r"is damaged or of another run \(its checksum differs"):
        train(config, str(tmp_path / "run"), strategy="one")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_goes_on_where_the_initial_run_is_gone(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    copy = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "copy"))
    config = from_run(TrainedRun(copy, trained_run.config, frozenset()), monitor_epochs=0)
    with interruption(2), pytest.raises(KeyboardInterrupt):
        train(config, str(tmp_path / "run"), strategy="one")
    shutil.rmtree(copy.path)
    protocol = {"init": config.protocol.init, "protocol": config.protocol.protocol}
    for workdir in ("", str(tmp_path / "elsewhere")):
        with pytest.raises(InputError, match="holds no run"):
            with_initial_run(protocol, workdir)
    found = with_initial_run(protocol, str(tmp_path / "run"))
    assert found["units"] == config.to_json()["units"]
    assert found["frames"] == config.normaliser.frames
    assert train(config, str(tmp_path / "run"), strategy="one").finished
    record = json.loads((tmp_path / "run" / "flags.json").read_text())
    assert record["init"]["protocol"] == "unsupervised"


@pytest.mark.slow
def test_from_random_weights_and_from_a_recogniser(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    changes: dict[str, Any] = {
        "data": str(tiny_dataset.path),
        "protocol": "supervised",
        "classifier_units": 0,
        "classifier_hidden": (),
        "epochs": 1,
        "monitor_epochs": 0,
    }
    joint = tiny_config(**changes, schedule="joint", tasks=("jigsaw",), init="random")
    folder = train(joint, str(tmp_path / "joint"), strategy="one")
    values = {**changes, "init": str(folder.path)}
    plain = run_config(with_initial_run(values))
    assert plain.of(TaskSettings).tasks == ("jigsaw",)
    assert train(plain, str(tmp_path / "plain"), strategy="one").finished


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 8}, r"--init: .* was trained with --units=4, not --units=8"),
        ({"centre": "clip"}, r"--init: .* with --centre=frame, not --centre=clip"),
        ({"init": "nowhere"}, r"--init: nowhere holds no run"),
    ],
)
def test_what_an_initial_run_refuses(
    trained_run: TrainedRun, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        from_run(trained_run, **changes)


def test_another_dataset_needs_transfer(trained_run: TrainedRun, tmp_path: pathlib.Path) -> None:
    other = write_dataset(tmp_path / "other", seed=5)
    config = from_run(trained_run, data=str(other.path))
    with pytest.raises(InputError, match=r"other contents than 'tiny'; .* use --protocol=transfer"):
        train(config, str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    config = from_run(trained_run, data=str(other.path), protocol="transfer", monitor_epochs=0)
    assert config.normaliser.persons == 2, "as the source had them"
    assert train(config, str(tmp_path / "run"), strategy="one").finished


def test_transfer_to_poses_of_another_shape_names_what_differs(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    other = write_dataset(tmp_path / "other", seed=5, flaws=False)  # one person
    config = from_run(trained_run, data=str(other.path), protocol="transfer")
    with pytest.raises(InputError, match=r"trained on poses of 2 persons, this run reads 1"):
        train(changed(config, persons=1), str(tmp_path / "run"))
    copy = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "copy"))
    text = copy.flags.read_text().replace("tiny_5", "smpl_24").replace("neck", "left wrist")
    copy.flags.write_text(text)
    with pytest.raises(InputError, match=r"layouts smpl_24, this run reads 'tiny_5'") as caught:
        train(changed(config, init=str(copy.path)), str(tmp_path / "run"))
    assert "joints without counterpart by name: neck; name a layout" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_weights_of_another_shape_are_refused(
    trained_run: TrainedRun, tmp_path: pathlib.Path
) -> None:
    """A record and weights that do not belong together."""
    copy = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "copy"))
    record = json.loads(copy.flags.read_text())
    record["settings"]["units"] = 6
    copy.flags.write_text(json.dumps(record))
    config = from_run(TrainedRun(copy, trained_run.config, frozenset()))
    with pytest.raises(InputError) as caught:
        train(config, str(tmp_path / "run"), strategy="one")
    # Only what differs, the smallest first: no optimiser's variables, no head of the same shape.
    assert str(caught.value).endswith(
        "it holds weights of shape [2, 12], [4, 12], [8, 8], [8, 30], 1 more, the model wants "
        "[2, 18], [6, 18], [12, 8], [12, 30], 1 more"
    )
    assert not (tmp_path / "run").exists()
