"""Whole runs on a tiny dataset: what they leave, how they go on, what they refuse."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.lock import locked
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training import train as module
from ms2l_tf.training.checkpoints import Checkpoints
from ms2l_tf.training.train import train
from tests.helpers import RUN_CHANGES, TrainedRun, assert_close, tiny_config, write_dataset


@pytest.fixture(scope="module")
def config(trained_run: TrainedRun) -> RunConfig:
    return trained_run.config


def weights(folder: RunFolder) -> dict[str, np.ndarray]:
    """Arrays of the final weights by their path in the file."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(folder.weights) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def assert_same_weights(one: RunFolder, other: RunFolder, tolerance: float = 0.0) -> None:
    expected, actual = weights(one), weights(other)
    assert expected.keys() == actual.keys()
    assert len(expected) > 10
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=0, atol=tolerance, err_msg=name)


@contextlib.contextmanager
def interruption(at_epoch: int) -> Iterator[None]:
    """Training inside it is interrupted just before an epoch's checkpoint is written."""
    original = Checkpoints.on_epoch_end

    def stop(self: Checkpoints, epoch: int, logs: Any = None) -> None:
        if epoch + 1 == at_epoch:
            raise KeyboardInterrupt
        original(self, epoch, logs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "on_epoch_end", stop)
        yield


@pytest.fixture(scope="module")
def stopped(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The run of `trained_run`, interrupted in its third epoch; copy it before going on."""
    path = tmp_path_factory.mktemp("runs") / "stopped"
    with interruption(3), pytest.raises(KeyboardInterrupt):
        train(config, str(path), strategy="one")
    return path


def test_history_has_a_row_an_epoch(trained_run: TrainedRun) -> None:
    with open(trained_run.folder.history, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert next(iter(rows[0])) == "epoch"
    losses = {"loss", "prediction", "jigsaw", "contrastive", "jigsaw_accuracy"}
    monitors = {"val_knn", "embedding_std", "effective_rank"}
    assert set(rows[0]) == {"epoch"} | losses | monitors
    for row in rows:
        assert_close(
            float(row["loss"]),
            sum(float(row[name]) for name in ("prediction", "jigsaw", "contrastive")),
            1e-3,
        )
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    for number, row in enumerate(rows, start=1):
        assert [row[name] != "" for name in monitors] == [number % 2 == 0] * 3
    assert 0 <= float(rows[1]["val_knn"]) <= 100
    assert 0 < float(rows[1]["embedding_std"]) < 2
    assert 1 < float(rows[1]["effective_rank"]) <= 8


def test_what_a_finished_run_leaves(trained_run: TrainedRun) -> None:
    assert trained_run.folder.finished
    names = {path.name for path in trained_run.folder.path.iterdir()}
    assert {"flags.json", "history.csv", "checkpoint", "model.weights.h5"} <= names
    assert not [name for name in names if name.startswith(".")], "temporary files"
    assert list(trained_run.folder.tensorboard.rglob("events*"))
    assert trained_run.folder.timing()["epochs_timed"] == 4
    assert trained_run.folder.timing()["training_seconds"] > 0


def test_no_test_clip_is_ever_read(trained_run: TrainedRun, config: RunConfig) -> None:
    data = open_data(config).reference
    assert trained_run.clips_read <= set(data.train.tolist())
    assert trained_run.clips_read == set(data.train.tolist()), "train_on=all"


def test_the_same_command_on_a_finished_run_returns_at_once(
    trained_run: TrainedRun, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a model was built")

    monkeypatch.setattr(module, "build_learner", never)
    before = trained_run.folder.weights.read_bytes()
    folder = train(config, str(trained_run.folder.path), strategy="one")
    assert folder.finished
    assert folder.weights.read_bytes() == before


def test_interrupted_then_resumed_equals_uninterrupted(
    trained_run: TrainedRun, config: RunConfig, stopped: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The third epoch is in the history but not in a checkpoint: it is computed again."""
    folder = RunFolder(shutil.copytree(stopped, tmp_path / "b"))
    assert not folder.finished
    assert [row["epoch"] for row in folder.read_history()] == ["1", "2", "3"]
    keras.utils.set_random_seed(99)  # what happened in between does not matter
    train(config, str(folder.path), strategy="one")
    assert folder.timing()["epochs_timed"] == 2
    assert folder.history.read_text() == trained_run.folder.history.read_text()
    assert_same_weights(trained_run.folder, folder)


PROLONGED = 7  # epochs, of a run of four


def prolonged(path: pathlib.Path, config: RunConfig, epochs: int) -> RunFolder:
    more = dataclasses.replace(config.training, epochs=epochs)
    return train(dataclasses.replace(config, training=more), str(path), strategy="one")


@pytest.mark.slow
@pytest.mark.parametrize("begun", ["finished", "interrupted", "twice"])
def test_a_prolonged_run_equals_one_of_so_many_epochs(
    trained_run: TrainedRun,
    config: RunConfig,
    stopped: pathlib.Path,
    tmp_path: pathlib.Path,
    begun: str,
) -> None:
    """Where the learning rate does not depend on their number, as with --decay=step."""
    source = stopped if begun == "interrupted" else trained_run.folder.path
    path = pathlib.Path(shutil.copytree(source, tmp_path / "prolonged"))
    if begun == "twice":
        assert prolonged(path, config, 5).trained_to(5)
    folder = prolonged(path, config, PROLONGED)
    whole = prolonged(tmp_path / "whole", config, PROLONGED)
    assert folder.finished
    assert folder.config() == whole.config()
    assert [row["epoch"] for row in folder.read_history()] == [str(n) for n in range(1, 8)]
    assert [row["loss"] for row in folder.read_history()] == [
        row["loss"] for row in whole.read_history()
    ]
    assert_same_weights(whole, folder)
    before = folder.weights.read_bytes()
    prolonged(path, config, PROLONGED)
    assert folder.weights.read_bytes() == before, "nothing is left to do"


@pytest.mark.slow
def test_a_prolonged_cosine_stays_at_its_end(
    config: RunConfig, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decay = dataclasses.replace(config.optimiser, decay="cosine", final_learning_rate=0.001)
    config = dataclasses.replace(config, optimiser=decay)
    train(config, str(tmp_path / "prolonged"), strategy="one")
    folder = prolonged(tmp_path / "prolonged", config, PROLONGED)
    original = module.build_optimizer

    def planned_for_four(*args: Any, **kwargs: Any) -> keras.optimizers.Optimizer:
        return original(*args, **{**kwargs, "epochs": 4})

    monkeypatch.setattr(module, "build_optimizer", planned_for_four)
    assert_same_weights(prolonged(tmp_path / "whole", config, PROLONGED), folder)


@pytest.mark.slow
def test_an_interrupted_prolongation_goes_on(
    trained_run: TrainedRun, config: RunConfig, tmp_path: pathlib.Path
) -> None:
    folder = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))
    with interruption(6), pytest.raises(KeyboardInterrupt):
        prolonged(folder.path, config, PROLONGED)
    assert not folder.finished, "the weights of four epochs are not taken for those of seven"
    with pytest.raises(InputError, match="was told to train --epochs=7, now --epochs=4"):
        train(config, str(folder.path), strategy="one")
    prolonged(folder.path, config, PROLONGED)
    assert_same_weights(prolonged(tmp_path / "whole", config, PROLONGED), folder)


def test_a_run_that_another_command_trains_is_left_alone(
    config: RunConfig, stopped: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = RunFolder(shutil.copytree(stopped, tmp_path / "b"))
    folder.origin.unlink()  # this one would be written anew
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    with locked(folder), pytest.raises(InputError, match="another command is training"):
        train(config, str(folder.path), strategy="one")
    after = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert after == before


def test_a_run_that_diverges_is_stopped_before_its_weights_are_kept(
    config: RunConfig, tmp_path: pathlib.Path
) -> None:
    wild = dataclasses.replace(config.optimiser, learning_rate=1e30, decay="constant")
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(InputError, match=r"the loss of epoch 1 is (nan|inf); train in"):
        train(dataclasses.replace(config, optimiser=wild), str(folder.path), strategy="one")
    assert not folder.finished
    assert not any(np.isnan(float(row["loss"])) for row in folder.read_history())


@pytest.mark.slow
def test_resumed_on_two_replicas_equals_one_device(
    trained_run: TrainedRun, config: RunConfig, stopped: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = RunFolder(shutil.copytree(stopped, tmp_path / "c"))
    train(config, str(folder.path), strategy="mirrored")
    # Adam divides by the root of small squares, so rounding grows over the steps.
    assert_same_weights(trained_run.folder, folder, 1e-4)
    histories = folder.read_history(), trained_run.folder.read_history()
    for row, expected in zip(*histories, strict=True):
        assert_close(float(row["loss"]), float(expected["loss"]), 1e-4)


@pytest.mark.slow
def test_mixed_precision_resumes_with_its_loss_scale(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    config = tiny_config(
        data=str(tiny_dataset.path),
        precision="mixed_float16",
        epochs=3,
        tasks=["jigsaw"],
        monitor_epochs=0,
        train_on="fit",
    )
    whole = train(config, str(tmp_path / "whole"), strategy="one")
    with interruption(3), pytest.raises(KeyboardInterrupt):
        train(config, str(tmp_path / "parts"), strategy="one")
    assert_same_weights(whole, train(config, str(tmp_path / "parts"), strategy="one"))
    history = whole.read_history()
    assert np.isfinite([float(row["loss"]) for row in history]).all()
    assert set(history[0]) == {"epoch", "loss", "jigsaw", "jigsaw_accuracy"}, "no monitors"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 5}, "was started with --units=4, now --units=5"),
        ({"precision": "mixed_bfloat16"}, "--precision=float32, now --precision=mixed_bfloat16"),
    ],
)
def test_other_flags_are_refused(
    trained_run: TrainedRun, tiny_dataset: ClipDataset, changes: dict[str, Any], message: str
) -> None:
    config = tiny_config(data=str(tiny_dataset.path), **{**RUN_CHANGES, **changes})
    with pytest.raises(InputError, match=message):
        train(config, str(trained_run.folder.path), strategy="one")


def test_another_dataset_is_refused(trained_run: TrainedRun, tmp_path: pathlib.Path) -> None:
    other = write_dataset(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="other contents than the 'tiny' given now"):
        train(tiny_config(data=str(other.path), **RUN_CHANGES), str(trained_run.folder.path))


def test_the_dataset_may_have_moved(trained_run: TrainedRun, tmp_path: pathlib.Path) -> None:
    copy = write_dataset(tmp_path / "moved")
    assert train(
        tiny_config(data=str(copy.path), **RUN_CHANGES), str(trained_run.folder.path)
    ).finished


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotation": "in_plane"}, "--rotation=in_plane is for 2-D poses"),
        ({"split": "none_such"}, "no split 'none_such'"),
        ({"layouts": ("smpl_24",)}, "--layouts: 'smpl_24' is neither in .*tiny.* nor mapped from"),
        ({"batch": 3}, "--batch: 3 clips cannot be shared equally by 2 replicas"),
    ],
)
def test_a_refused_run_leaves_no_folder(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path, changes: dict[str, Any], message: str
) -> None:
    config = tiny_config(**{"data": str(tiny_dataset.path), **changes})
    with pytest.raises(InputError, match=message):
        train(config, str(tmp_path / "run"), strategy="mirrored")
    assert not (tmp_path / "run").exists()


def test_a_foreign_folder_is_refused(config: RunConfig, tmp_path: pathlib.Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="is not empty and holds no run"):
        train(config, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
