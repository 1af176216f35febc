"""Runs that a signal ends, and checkpoints within an epoch: they go on to the same bytes."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.runs.checkpoint_files import CheckpointFiles, Position
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.stopping import Stopped, on_signals
from ms2l_tf.training.callbacks import FeatureMonitor
from ms2l_tf.training.checkpoints import Checkpoints
from ms2l_tf.training.train import train
from tests.helpers import TrainedRun
from tests.training.test_train import assert_same_weights

STEPS = 3  # an epoch, of the run of the fixture


@pytest.fixture(scope="module")
def config(trained_run: TrainedRun) -> RunConfig:
    return trained_run.config


@contextlib.contextmanager
def in_step(position: Position, number: int) -> Iterator[None]:
    """A signal comes while the step after this position is computed; a kill where it is 0."""
    original = Checkpoints.on_train_batch_begin

    def begin(self: Checkpoints, batch: int, logs: Any = None) -> None:
        original(self, batch, logs)
        if self.position == position:
            if not number:
                raise OSError("killed")
            signal.raise_signal(number)

    with pytest.MonkeyPatch.context() as patch, on_signals():
        patch.setattr(Checkpoints, "on_train_batch_begin", begin)
        yield


def positions(folder: pathlib.Path) -> list[Position]:
    return CheckpointFiles(folder / "checkpoint").positions()


def assert_goes_on(
    whole: TrainedRun, path: pathlib.Path, config: RunConfig, *, minutes: float = 10
) -> None:
    folder = train(config, str(path), strategy="one", checkpoint_minutes=minutes)
    assert folder.history.read_text() == whole.folder.history.read_text()
    assert_same_weights(whole.folder, folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_the_step_that_is_done(
    trained_run: TrainedRun, config: RunConfig, tmp_path: pathlib.Path, number: int
) -> None:
    """The metrics' sums too: the epoch's row in the history is that of all its steps."""
    status = {signal.SIGTERM: 75, signal.SIGINT: 130}[number]
    with in_step(Position(1, 1), number), pytest.raises(Stopped, match="step 2 of epoch 2") as e:
        train(config, str(tmp_path), strategy="one")
    assert e.value.status == status
    assert "kept as it is after step 2 of epoch 2; the same command goes on there" in str(e.value)
    assert positions(tmp_path) == [Position(1, 2), Position(1)]
    assert_goes_on(trained_run, tmp_path, config)


def test_a_signal_in_the_last_step_of_an_epoch_leaves_its_end_to_the_next_command(
    trained_run: TrainedRun, config: RunConfig, tmp_path: pathlib.Path
) -> None:
    with in_step(Position(1, 2), signal.SIGTERM), pytest.raises(Stopped):
        train(config, str(tmp_path), strategy="one")
    assert positions(tmp_path) == [Position(1, STEPS), Position(1)]
    assert len(RunFolder(tmp_path).read_history()) == 1, "monitors may take a while"
    assert_goes_on(trained_run, tmp_path, config)


@pytest.mark.slow
def test_a_signal_while_a_monitor_reads(
    trained_run: TrainedRun,
    config: RunConfig,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FeatureMonitor, "readings", lambda _: signal.raise_signal(signal.SIGTERM))
        with on_signals(), pytest.raises(Stopped):
            train(config, str(tmp_path), strategy="one")
    assert positions(tmp_path) == [Position(1, STEPS), Position(1)]
    assert_goes_on(trained_run, tmp_path, config)


def test_a_signal_before_the_first_step_leaves_no_checkpoint(
    trained_run: TrainedRun, config: RunConfig, tmp_path: pathlib.Path
) -> None:
    """The first step is not waited for: it is traced then, which may take long."""
    with in_step(Position(), signal.SIGTERM), pytest.raises(Stopped, match="no step was trained"):
        train(config, str(tmp_path), strategy="one")
    assert not positions(tmp_path)


@pytest.mark.slow
def test_a_signal_during_a_save_waits_for_it(
    trained_run: TrainedRun,
    config: RunConfig,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Checkpoints._write

    def write(self: Checkpoints, path: pathlib.Path) -> None:
        for _ in range(3):  # a scheduler may send several
            signal.raise_signal(signal.SIGTERM)
        original(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "_write", write)
        with on_signals(), pytest.raises(Stopped, match="epoch 1;"):
            train(config, str(tmp_path), strategy="one")
    assert positions(tmp_path) == [Position(1)]
    assert_goes_on(trained_run, tmp_path, config)


@pytest.mark.slow
def test_checkpoints_within_an_epoch_are_taken_up_after_a_kill(
    trained_run: TrainedRun, config: RunConfig, tmp_path: pathlib.Path
) -> None:
    """Killed again and again; where the newest checkpoint is damaged, at the one before."""
    often = 1e-9
    for position in (Position(0, 2), Position(2, 2), Position(2, 2)):
        with in_step(position, 0), pytest.raises(OSError, match="killed"):
            train(config, str(tmp_path), strategy="one", checkpoint_minutes=often)
        there = [position, Position(position.epoch, position.step - 1)]
        assert positions(tmp_path) == there
        newest = CheckpointFiles(tmp_path / "checkpoint").prefix(position)
        if position.epoch:
            newest.with_name(f"{newest.name}.index").write_bytes(b"damaged")
    assert_goes_on(trained_run, tmp_path, config, minutes=often)


def test_a_clock_that_is_set_back_changes_nothing(
    trained_run: TrainedRun,
    config: RunConfig,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(moments)))
    with in_step(Position(3, 1), signal.SIGTERM), pytest.raises(Stopped):
        train(config, str(tmp_path), strategy="one")
    assert positions(tmp_path) == [Position(3, 2), Position(3)]
    assert_goes_on(trained_run, tmp_path, config)


@pytest.mark.slow
def test_a_folder_that_vanishes_is_not_made_anew(
    config: RunConfig, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network folder that is away for a while comes back with the whole run."""
    run, away = tmp_path / "run", tmp_path / "away"
    original = Checkpoints._save

    def save(self: Checkpoints) -> None:
        if self.position == Position(1, 1):
            shutil.move(run, away)
        original(self)

    monkeypatch.setattr(Checkpoints, "_save", save)
    with pytest.raises(InputError, match=r"ckpt-1-1: cannot be written \(.* is gone\); .* epoch 1"):
        train(config, str(run), strategy="one", checkpoint_minutes=1e-9)
    assert not run.exists()
    assert Position(1) in positions(away)


def test_a_renamed_checkpoint_is_not_believed(
    trained_run: TrainedRun, config: RunConfig, tmp_path: pathlib.Path, capsys: Any
) -> None:
    run = shutil.copytree(trained_run.folder.path, tmp_path / "run")
    (run / "model.weights.h5").unlink()
    for part in (run / "checkpoint").glob("ckpt-4.*"):
        part.unlink()
    for part in (run / "checkpoint").glob("ckpt-3.*"):
        part.rename(part.with_name(part.name.replace("-3.", "-4.")))
    with pytest.raises(InputError, match="ckpt-4: was written after epoch 3, whatever"):
        train(config, str(run), strategy="one")
