"""Checkpoints of a run: written after each epoch and within long ones, taken up if readable."""

from __future__ import annotations

import contextlib
import pathlib
import time
from typing import Any

import keras
import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from ms2l_tf import files, stopping
from ms2l_tf.errors import InputError, one_line, warn
from ms2l_tf.runs.checkpoint_files import START, CheckpointFiles, Position
from ms2l_tf.runs.folder import RunFolder

# What TensorFlow raises for files that are missing, damaged, or of another model.
_UNREADABLE = (
    *(tf.errors.OpError, DecodeError, OSError, RuntimeError),
    *(IndexError, KeyError, TypeError, ValueError, AssertionError),
)


class Checkpoints(keras.callbacks.Callback):
    """Weights, optimiser state and position; the newest checkpoint and the one before are kept.

    Every random draw of a step depends on the seed and the optimiser's step count, so this is all
    a resumed run needs to equal the uninterrupted one; within an epoch also what its metrics have
    summed up so far.

    Args:
        model: what is trained, compiled.
        folder: of the run.
        minutes: after which a checkpoint is written within an epoch; 0: after each epoch only.
        writes: False: another worker writes the checkpoints that all of them take up.

    Attributes:
        position: how far the run is.
        saved: how far its newest checkpoint is.
    """

    def __init__(
        self, model: keras.Model, folder: RunFolder, *, minutes: float = 0.0, writes: bool = True
    ) -> None:
        super().__init__()
        model.optimizer.build(model.trainable_variables)
        self.position = self.saved = START
        self._epoch, self._step = (
            tf.Variable(0, dtype=tf.int64, trainable=False) for _ in range(2)
        )
        # The variables themselves: through lists of layers, as the model's tasks are,
        # `tf.train.Checkpoint` does not find them, and moving statistics would be lost.
        whole = {
            "weights": [variable.value for variable in model.weights],
            "optimizer": [variable.value for variable in model.optimizer.variables],
            "epoch": self._epoch,
        }
        self._metrics = [value.value for metric in model.metrics for value in metric.variables]
        self._after_epoch = tf.train.Checkpoint(**whole)
        # Made now: runs of earlier versions have it.
        self._counter = self._after_epoch.save_counter
        self._within = tf.train.Checkpoint(**whole, step=self._step, metrics=self._metrics)
        self._folder = folder
        self._files = CheckpointFiles(folder.checkpoint)
        self._minutes = minutes
        self._writes = writes
        self._written_at = time.monotonic()  # a clock that nobody sets back
        self._first_step = 0
        self._sums: list[Any] = []

    def restore(self) -> Position:
        """Takes up the newest checkpoint that can be read; returns how far it is.

        What is not as a run leaves it is said: a checkpoint that cannot be read, a state file that
        does not name the newest one, and that there is none in a run that was started before.

        Raises:
            InputError: there are checkpoints, and none can be read.
        """
        flaws: list[str] = []
        there = self._files.positions()
        if there and (flaw := self._files.state_flaw()):
            newest = self._files.prefix(there[0]).name
            warn(f"{self._files.state}: {flaw}; the newest checkpoint beside it is {newest}")
        for position in there:
            path = self._files.prefix(position)
            try:
                self._read(position, path)
            except _UNREADABLE as error:
                flaws.append(f"{path.name}: {one_line(error)}")
                continue
            if flaws:
                warn(f"{self._files.folder}: cannot read {'; '.join(flaws)}; {path.name} can be")
            self.position = self.saved = position
            return position
        if flaws:
            raise InputError(
                f"{self._files.folder}: the checkpoint cannot be read ({'; '.join(flaws)}); name a "
                f"new --workdir, or delete the folder {self._folder.path} to train from the start"
            )
        return START

    def _read(self, position: Position, path: pathlib.Path) -> None:
        self._state(position).read(str(path)).assert_consumed()
        self._sums = [value.numpy() for value in self._metrics] if position.step else []
        held = Position(int(self._epoch.numpy()), int(self._step.numpy()) if position.step else 0)
        if held != position:
            raise ValueError(f"was written after {held}, whatever its name says")

    def _state(self, position: Position) -> tf.train.Checkpoint:
        return self._within if position.step else self._after_epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._first_step = self.position.step
        if self._first_step:  # Keras has set them to zero
            self.restore_metrics()

    def restore_metrics(self) -> None:
        """Gives the metrics what they had summed up at the checkpoint that was taken up."""
        for value, total in zip(self._metrics, self._sums, strict=True):
            value.assign(total)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # The first step after a checkpoint can be lost: tracing it may take a minute.
        if self.position != self.saved:
            stopping.hold()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        stopping.hold()
        self.position = Position(self.position.epoch, self._first_step + batch + 1)
        waited = time.monotonic() - self._written_at
        last = batch + 1 == self.params["steps"]  # after which there is one anyway
        if self._minutes and waited >= 60 * self._minutes and not last:
            self._save()
        stopping.release()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        with stopping.held():
            self.position = Position(epoch + 1)
            self._save()

    def keep(self) -> None:
        """Writes what is not written yet, of a run that is asked to end."""
        if self.position != self.saved:
            self._save()

    def _save(self) -> None:
        if self._writes:
            self._write_all()
        self.saved, self._written_at = self.position, time.monotonic()

    def _write_all(self) -> None:
        path = self._files.prefix(self.position)
        self._epoch.assign(self.position.epoch)
        self._step.assign(self.position.step)
        self._counter.assign(self.position.epoch)
        try:
            if not self._folder.flags.is_file():  # TensorFlow would make the folder anew
                raise FileNotFoundError(f"{self._folder.flags} is gone")
            # Those before the last, and damaged ones that may be in the way.
            self._files.remove_others(self.saved)
            self._write(path)
        except (OSError, tf.errors.OpError) as error:
            with contextlib.suppress(OSError):
                self._files.remove_others(self.saved)
            raise InputError(
                f"{path}: cannot be written ({one_line(error)}); free some space on the disk or "
                f"check the folder; then the same command goes on after {self.saved}"
            ) from error

    def _write(self, path: pathlib.Path) -> None:
        self._state(self.position).write(str(path))
        for part in path.parent.glob(f"{path.name}.*"):
            files.flush(part)  # before the checkpoint that it takes the place of is removed
        self._files.write_state()
