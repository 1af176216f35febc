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
from ms2l_tf.stopping import Stopped, on_signals
from ms2l_tf.training.callbacks import FeatureMonitor
from ms2l_tf.training.checkpoints import Checkpoints
from ms2l_tf.training.train import train
from tests.helpers import TrainedRun, assert_close
from tests.training.test_train import assert_same_weights
from tests.training.tiny_loop import EPOCHS, STEPS, digest, run_tiny_loop

OFTEN = 1e-9  # minutes: a checkpoint after every step


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The uninterrupted run."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    run_tiny_loop(path)
    return path


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


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
@pytest.mark.parametrize("epoch", range(EPOCHS))
@pytest.mark.parametrize("step", range(1, STEPS - 1))
def test_a_signal_keeps_the_step_that_is_done(
    whole: pathlib.Path, tmp_path: pathlib.Path, epoch: int, step: int, number: int, status: int
) -> None:
    """The metrics' sums too: the epoch's row in the history is that of all its steps."""
    kept = Position(epoch, step + 1)
    with in_step(Position(epoch, step), number), pytest.raises(Stopped) as stopped:
        run_tiny_loop(tmp_path)
    assert stopped.value.status == status
    assert str(stopped.value) == (
        f"{tmp_path}: kept as it is after step {step + 1} of epoch {epoch + 1}; the same command "
        "goes on there"
    )
    assert positions(tmp_path) == [kept, Position(epoch)][: 1 + (epoch > 0)]
    run_tiny_loop(tmp_path)
    assert digest(tmp_path) == digest(whole)


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_a_signal_in_the_last_step_of_an_epoch_leaves_its_end_to_the_next_command(
    whole: pathlib.Path, tmp_path: pathlib.Path, epoch: int
) -> None:
    with in_step(Position(epoch, STEPS - 1), signal.SIGTERM), pytest.raises(Stopped):
        run_tiny_loop(tmp_path)
    assert positions(tmp_path)[0] == Position(epoch, STEPS)
    assert len(RunFolder(tmp_path).read_history()) == epoch, "monitors may take a while"
    run_tiny_loop(tmp_path)
    assert digest(tmp_path) == digest(whole)


def test_a_signal_while_a_monitor_reads(
    whole: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FeatureMonitor, "readings", lambda _: signal.raise_signal(signal.SIGTERM))
        with on_signals(), pytest.raises(Stopped):
            run_tiny_loop(tmp_path)
    assert positions(tmp_path) == [Position(1, STEPS), Position(1)]
    run_tiny_loop(tmp_path)
    assert digest(tmp_path) == digest(whole)


def test_a_signal_before_the_first_step_leaves_no_checkpoint(tmp_path: pathlib.Path) -> None:
    """The first step is not waited for: it is traced then, which may take long."""
    with in_step(Position(), signal.SIGTERM), pytest.raises(Stopped, match="no step was trained"):
        run_tiny_loop(tmp_path)
    assert not positions(tmp_path)


def test_a_signal_during_a_save_waits_for_it(
    whole: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Checkpoints._write

    def write(self: Checkpoints, path: pathlib.Path) -> None:
        for _ in range(3):  # a scheduler may send several
            signal.raise_signal(signal.SIGTERM)
        original(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "_write", write)
        with on_signals(), pytest.raises(Stopped, match="after epoch 1;"):
            run_tiny_loop(tmp_path)
    assert positions(tmp_path) == [Position(1)]
    run_tiny_loop(tmp_path)
    assert digest(tmp_path) == digest(whole)


def test_a_second_ctrl_c_waits_for_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Checkpoints, "_write", write)
    with on_signals(), pytest.raises(KeyboardInterrupt) as stopped:
        run_tiny_loop(tmp_path)
    assert not isinstance(stopped.value, Stopped)


def test_checkpoints_within_an_epoch_are_taken_up_after_a_kill(
    whole: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed again and again; where the newest checkpoint is damaged, at the one before."""
    for position in (Position(0, 2), Position(2, 2), Position(2, 2)):
        with in_step(position, 0), pytest.raises(OSError, match="killed"):
            run_tiny_loop(tmp_path, minutes=OFTEN)
        assert positions(tmp_path) == [position, Position(position.epoch, position.step - 1)]
        newest = CheckpointFiles(tmp_path / "checkpoint").prefix(position)
        if position.epoch:
            newest.with_name(f"{newest.name}.index").write_bytes(b"damaged")
    capsys.readouterr()
    run_tiny_loop(tmp_path, minutes=OFTEN)
    assert "cannot read ckpt-2-2: " in capsys.readouterr().err
    assert digest(tmp_path) == digest(whole)


def test_a_clock_that_is_set_back_changes_nothing(
    whole: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(moments)))
    with in_step(Position(2, 1), signal.SIGTERM), pytest.raises(Stopped):
        run_tiny_loop(tmp_path, minutes=OFTEN)
    assert positions(tmp_path) == [Position(2, 1), Position(2)], "a kept step is not waited for"
    run_tiny_loop(tmp_path)
    assert digest(tmp_path) == digest(whole)


def test_a_folder_that_vanishes_is_not_made_anew(
    whole: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network folder that is away for a while comes back with the whole run."""
    run, away = tmp_path / "run", tmp_path / "away"
    original = Checkpoints._save

    def save(self: Checkpoints) -> None:
        if self.position == Position(1, 1):
            shutil.move(run, away)
        original(self)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "_save", save)
        with pytest.raises(InputError, match=r"ckpt-1-1: cannot be .* is gone\); .* epoch 1$"):
            run_tiny_loop(run, minutes=OFTEN)
    assert not run.exists()
    run_tiny_loop(away)
    assert digest(away) == digest(whole)


def test_a_renamed_checkpoint_is_not_believed(whole: pathlib.Path, tmp_path: pathlib.Path) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    (run / "model.weights.h5").unlink()
    for part in (run / "checkpoint").glob("ckpt-3.*"):
        part.unlink()
    for part in (run / "checkpoint").glob("ckpt-2.*"):
        part.rename(part.with_name(part.name.replace("-2.", "-3.")))
    with pytest.raises(InputError, match="ckpt-3: was written after epoch 2, whatever"):
        run_tiny_loop(run)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["one", "mirrored"])
def test_a_method_on_one_or_two_replicas(
    trained_run: TrainedRun, tmp_path: pathlib.Path, strategy: str
) -> None:
    config, folder = trained_run.config, trained_run.folder
    with in_step(Position(1, 1), signal.SIGTERM), pytest.raises(Stopped):
        train(config, str(tmp_path), strategy=strategy)
    resumed = train(config, str(tmp_path), strategy=strategy)
    assert_same_weights(folder, resumed, 0.0 if strategy == "one" else 1e-4)
    for row, expected in zip(resumed.read_history(), folder.read_history(), strict=True):
        assert_close(float(row["loss"]), float(expected["loss"]), 1e-4)
    if strategy == "one":
        assert resumed.history.read_text() == folder.history.read_text()
