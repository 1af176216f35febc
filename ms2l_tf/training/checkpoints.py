"""Checkpoints of a run: written after each epoch, and taken up as far as they can be read."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from ms2l_tf import files
from ms2l_tf.errors import InputError, one_line, warn
from ms2l_tf.runs.checkpoint_files import CheckpointFiles
from ms2l_tf.runs.folder import RunFolder

# What TensorFlow raises for files that are missing, damaged, or of another model.
_UNREADABLE = (
    *(tf.errors.OpError, DecodeError, OSError, RuntimeError),
    *(IndexError, KeyError, TypeError, ValueError, AssertionError),
)


class Checkpoints(keras.callbacks.Callback):
    """Weights, optimiser state and epoch after each epoch; the newest and the one before are kept.

    Every random draw of a step depends on the seed and the optimiser's step count, so this is all
    a resumed run needs to equal the uninterrupted one.
    """

    def __init__(self, model: keras.Model, folder: RunFolder) -> None:
        super().__init__()
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        model.optimizer.build(model.trainable_variables)
        # The variables themselves: through lists of layers, as the model's tasks are,
        # `tf.train.Checkpoint` does not find them, and moving statistics would be lost.
        self._state = tf.train.Checkpoint(
            weights=[variable.value for variable in model.weights],
            optimizer=[variable.value for variable in model.optimizer.variables],
            epoch=self._epoch,
        )
        self._counter = self._state.save_counter  # made now: runs of earlier versions have it
        self._folder = folder
        self._files = CheckpointFiles(folder.checkpoint)

    def restore(self) -> int:
        """Takes up the newest checkpoint that can be read; returns the number of finished epochs.

        What is not as a run leaves it is said: a checkpoint that cannot be read, a state file that
        does not name the newest one, and that there is none in a run that was started before.

        Raises:
            InputError: there are checkpoints, and none can be read.
        """
        flaws: list[str] = []
        there = self._files.epochs()
        if there and (flaw := self._files.state_flaw()):
            newest = self._files.prefix(there[0]).name
            warn(f"{self._files.state}: {flaw}; the newest checkpoint beside it is {newest}")
        for epoch in there:
            path = self._files.prefix(epoch)
            try:
                self._state.read(str(path)).assert_consumed()
            except _UNREADABLE as error:
                flaws.append(f"{path.name}: {one_line(error)}")
                continue
            if flaws:
                warn(f"{self._files.folder}: cannot read {'; '.join(flaws)}; {path.name} can be")
            return int(self._epoch.numpy())
        if flaws:
            raise InputError(
                f"{self._files.folder}: the checkpoint cannot be read ({'; '.join(flaws)}); name a "
                f"new --workdir, or delete the folder {self._folder.path} to train from the start"
            )
        return 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        path, before = self._files.prefix(epoch + 1), int(self._epoch.numpy())
        for number in (self._epoch, self._counter):
            number.assign(epoch + 1)
        # Those before the last, and damaged ones that may be in the way.
        self._files.remove_others(before)
        try:
            self._write(path)
        except (OSError, tf.errors.OpError) as error:
            self._files.remove_others(before)
            raise InputError(
                f"{path}: cannot be written ({one_line(error)}); free some space on the disk or "
                f"check the folder; then the same command goes on after epoch {before}"
            ) from error

    def _write(self, path: pathlib.Path) -> None:
        self._state.write(str(path))
        for part in path.parent.glob(f"{path.name}.*"):
            files.flush(part)  # before the checkpoint that it takes the place of is removed
        self._files.write_state()
