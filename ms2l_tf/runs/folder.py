"""The working folder of a run: what it was started with, where it stands, what it gave."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ms2l_tf import files
from ms2l_tf.errors import InputError, warn
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.checkpoint_files import CheckpointFiles
from ms2l_tf.runs.history_rows import history_rows
from ms2l_tf.settings.config import RunConfig, TrainingConfig

# Settings that may differ when a run goes on: where the data lies is checked by fingerprint, and
# probes are read again at evaluation.
_FREE = ("data", "pooling", "linear_c", "svm_c", "k", "raw_frames")


# What ``flags.json`` may hold; runs of earlier versions lack all but the first.
_ALWAYS = ("protocol", "dataset", "fingerprint", "settings")
_ENTRIES = {
    **{"protocol": str, "dataset": str, "fingerprint": str, "settings": dict},
    **{"classes": int, "dataset_fingerprint": str, "poses": dict, "init": dict},
    **{"layouts": list, "normalisers": list, "trained_clips": int},
}
# What only the end of training and evaluations leave.
_OF_THE_END = ("timing.json", "weights.json", "result.json", "result_validation.json")


class RunFolder:
    """Paths and records of one run.

    ``flags.json``, ``prolonged.json`` (number of epochs, of a run that was told to go on beyond
    those it was started with), ``labelled.json`` (clips whose labels were read), ``checkpoint/``,
    ``history.csv``, ``tensorboard/``, ``model.weights.h5`` (last epoch), ``result.json``,
    ``figures/``.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.flags = self.path / "flags.json"
        self.prolonged = self.path / "prolonged.json"
        self.checkpoint = self.path / "checkpoint"
        self.labelled = self.path / "labelled.json"
        self.history = self.path / "history.csv"
        self.weights = self.path / "model.weights.h5"
        self.result = self.path / "result.json"
        self.figures = self.path / "figures"
        self.tensorboard = self.path / "tensorboard"
        self._timing = self.path / "timing.json"

    @property
    def finished(self) -> bool:
        """Whether training ran to its last epoch."""
        return self.weights.is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether an interrupted run can go on from here."""
        return bool(CheckpointFiles(self.checkpoint).epochs())

    def trained_to(self, epochs: int) -> bool:
        """Whether training ran to its last epoch and that is not before `epochs`."""
        return self.finished and epochs <= self._epochs()

    def planned_epochs(self, epochs: int) -> int:
        """The epochs that schedules count on: those the run was started with.

        Args:
            epochs: of the run as it is told now; theirs, if it was never started.
        """
        return self._started_epochs() if self.flags.is_file() else epochs

    def prolong(self, epochs: int) -> None:
        """Writes down that the run goes on to this epoch; to be called by who holds the lock.

        The weights of its last epoch so far go: they stand in its checkpoint. So do the pages that
        show what they learnt.
        """
        if epochs <= self._epochs():
            return
        for path in (self.weights, *self.path.glob("showcase*.html")):
            path.unlink(missing_ok=True)
        files.write_json(self.prolonged, {"epochs": epochs})
        planned = self._started_epochs()
        print(
            f"{self.path}: goes on to epoch {epochs}; schedules stay those of the {planned} "
            "planned, and what ends with them keeps its last value"
        )

    def _started_epochs(self) -> int:
        epochs = self.record()["settings"].get("epochs", TrainingConfig().epochs)
        if not isinstance(epochs, int):
            raise InputError(f"{self.flags}: a setting has the wrong type (epochs)")
        return epochs

    def _epochs(self) -> int:
        """The epochs it was told last; at least those that its checkpoints have."""
        trained = CheckpointFiles(self.checkpoint).epochs()[:1]
        return max(self._started_epochs(), self._prolonged_to(), *trained)

    def _prolonged_to(self) -> int:
        if not os.path.lexists(self.prolonged):
            return 0
        try:
            epochs = files.read_json(self.prolonged).get("epochs")
            if not isinstance(epochs, int) or epochs < 1:
                raise InputError(f"{self.prolonged}: entry 'epochs' is missing or damaged")
        except InputError as error:
            warn(f"{error}; the run counts as told the epochs of its checkpoint")
            return 0
        return epochs

    def check(self, record: Mapping[str, Any]) -> None:
        """Refuses a folder that cannot hold the run of this record.

        Raises:
            InputError: it belongs to a run with other flags or another dataset, holds something
                else, has lost the checkpoints of a run that was trained further than an epoch, or
                shall go on and has none.
        """
        self._check_kinds()
        if self.flags.is_file():
            self._check_same(record)
            self._check_not_lost()
        elif self.has_checkpoint or self.finished:
            raise InputError(
                f"{self.flags}: is missing, so it is not known with which flags {self.path} was "
                "trained; put it back, or name a new --workdir"
            )
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise InputError(
                f"--workdir: {self.path} is not empty and holds no run; name a new folder"
            )

    def start(self, record: Mapping[str, Any]) -> None:
        """Writes the record of a new run; that of a run that goes on stays as it is.

        Raises:
            InputError: see `check`; or the folder cannot be made.
        """
        self.check(record)
        if self.flags.is_file():
            if not self.has_checkpoint:
                warn(f"{self.path}: stopped before its first checkpoint; starts again at epoch 1")
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--workdir: {self.path} cannot be made ({error.strerror})") from None
        files.write_json(self.flags, record)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second command from training the same, started run beside this one.

        The lock is the operating system's: it ends with the process, however that ends. On Windows
        there is none.

        Raises:
            InputError: another process holds it.
        """
        if sys.platform == "win32":
            yield
            return
        import fcntl

        try:
            lock = os.open(self.flags, os.O_RDWR)  # for writing: network folders insist
        except OSError as error:
            raise InputError(files.unwritable(self.flags, error)) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise InputError(
                f"--workdir: another command is training {self.path}; wait for it or stop it"
            ) from None
        except OSError as error:  # some network folders know no locks
            print(f"{self.path}: cannot be locked ({error.strerror})", file=sys.stderr)
        try:
            yield
        finally:
            os.close(lock)

    def _check_kinds(self) -> None:
        """Refuses at the start what would end training at its first writing, or its last."""
        state = CheckpointFiles(self.checkpoint).state
        of_the_run = (self.flags, self.prolonged, self.labelled, self.history, self._timing)
        for path in (*of_the_run, self.weights, state):
            if path.is_dir():
                raise InputError(f"{path}: is a folder where a file of the run goes; move it away")
        for path in (self.checkpoint, self.tensorboard):
            if path.exists() and not path.is_dir():
                raise InputError(f"{path}: is a file where a folder of the run goes; move it away")

    def _check_not_lost(self) -> None:
        if self.finished or self.has_checkpoint:
            return
        if trace := self._trace():
            raise InputError(
                f"{self.checkpoint}: holds no checkpoint to go on from, but {trace}; put it back, "
                f"name a new --workdir, or delete {self.path} to train from the start"
            )

    def _trace(self) -> str:
        """What says that training got further than its first epoch; empty if nothing does."""
        if part := CheckpointFiles(self.checkpoint).left_over():
            return f"there is {part}"
        rows, flaw = history_rows(self.history)
        if flaw or len(rows) > 1:  # one row may have been written without its checkpoint
            return f"{self.history.name} {flaw or f'has {len(rows)} epochs'}"
        left = [name for name in _OF_THE_END if (self.path / name).exists()]
        return f"there is {left[0]}" if left else ""

    def _check_same(self, record: Mapping[str, Any]) -> None:
        before = self.record()
        if before["protocol"] != record["protocol"]:
            raise InputError(
                f"--workdir: {self.path} is a run of protocol '{before['protocol']}'; name a new "
                "folder"
            )
        if before["fingerprint"] != record["fingerprint"]:
            raise InputError(
                f"{self.path}: was started on dataset '{before['dataset']}' with other contents "
                f"than the '{record['dataset']}' given now; name a new --workdir"
            )
        self.check_settings(record["settings"])

    def check_settings(self, told: Mapping[str, Any]) -> None:
        """Refuses settings that differ from those the run was started with.

        Raises:
            InputError: they do.
        """
        settings = self.config().to_json()  # a setting the run's version did not know: its default
        self._check_epochs(told["epochs"])
        for name, value in told.items():
            if name not in (*_FREE, "epochs") and settings[name] != value:
                raise InputError(
                    f"{self.path}: was started with --{name}={shown(settings[name])}, now "
                    f"--{name}={shown(value)}; use the same flags to go on, or a new --workdir"
                )

    def _check_epochs(self, epochs: int) -> None:
        """A run may be prolonged, from its checkpoint; it cannot be shortened."""
        before = self._epochs()
        if epochs < before:
            raise InputError(
                f"{self.path}: was told to train --epochs={before}, now --epochs={epochs}; a run "
                "can be prolonged, not shortened: use the same flags to go on, or a new --workdir"
            )
        if epochs > before and self.finished and not self.has_checkpoint:
            raise InputError(
                f"{self.path}: has no checkpoint any more to go on from to --epochs={epochs}; name "
                "a new --workdir to train anew"
            )

    def record(self) -> dict[str, Any]:
        """What `start` wrote.

        Raises:
            InputError: the folder holds no run.
        """
        if not self.flags.is_file():
            raise InputError(
                f"--workdir: {self.path} holds no run (no flags.json); train one first"
            )
        record = files.read_json(self.flags)
        for key, kind in _ENTRIES.items():
            if key not in record and key in _ALWAYS:
                raise InputError(f"{self.flags}: entry '{key}' is missing")
            if key in record and not isinstance(record[key], kind):
                raise InputError(f"{self.flags}: entry '{key}' is damaged")
        poses = record.get("poses")
        if poses is not None and not (
            isinstance(poses.get("layout"), str)
            and isinstance(poses.get("shape"), list)
            and len(poses["shape"]) == 4
            and all(type(length) is int and length > 0 for length in poses["shape"])
        ):
            raise InputError(f"{self.flags}: entry 'poses' is damaged")
        return record

    def config(self) -> RunConfig:
        """The settings the run was started with, and the epochs it was told last."""
        settings = dict(self.record()["settings"])
        if (epochs := self._epochs()) != self._started_epochs():
            settings["epochs"] = epochs
        try:
            return run_config(settings)
        except InputError as error:
            raise InputError(f"{self.flags}: {error}; a run of another version?") from None
        except TypeError as error:
            raise InputError(f"{self.flags}: a setting has the wrong type ({error})") from None

    def entry(self, key: str) -> Any:
        """An entry of `record` that the runs of a command have.

        Raises:
            InputError: this one lacks it.
        """
        record = self.record()
        if key not in record:
            raise InputError(f"{self.flags}: entry '{key}' is missing; a run of another version?")
        return record[key]

    def timing(self) -> dict[str, float]:
        """Seconds and epochs of training; without them, if their file is damaged, which is said."""
        try:
            values = files.read_json(self._timing)
        except InputError as error:
            warn(f"{error}; the result has no training time")
            return {}
        kept = {key: value for key, value in values.items() if isinstance(value, int | float)}
        if len(kept) < len(values):
            warn(f"{self._timing}: holds something else than numbers, which is left out")
        return kept

    def write_timing(self, seconds: float, epochs: int) -> None:
        """Keeps how long training took; if no epoch was left to train, what is there stands."""
        if epochs or not self._timing.is_file():
            timing = {"training_seconds": round(seconds, 1), "epochs_timed": epochs}
            files.write_json(self._timing, timing)

    def read_history(self) -> list[dict[str, str]]:
        """Rows of ``history.csv``, one an epoch; up to a damaged one, which is said."""
        rows, flaw = history_rows(self.history)
        if flaw:
            warn(f"{self.history}: {flaw}; {len(rows)} epochs before that are kept")
        return rows


def shown(value: Any) -> str:
    """A setting as it is written on a command line."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
