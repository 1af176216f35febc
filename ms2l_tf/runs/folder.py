"""The working folder of a run: what it was started with, where it stands, what it gave."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from ms2l_tf import files
from ms2l_tf.errors import InputError, warn
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.checkpoint_files import CheckpointFiles
from ms2l_tf.runs.history_rows import history_rows
from ms2l_tf.settings.config import RunConfig, TrainingConfig

FORMAT_VERSION = 1  # of ``flags.json``; runs without one are of the same
# What it may hold; runs of earlier versions lack all but the first.
_ALWAYS = ("protocol", "dataset", "fingerprint", "settings")
_ENTRIES = {
    **{"protocol": str, "dataset": str, "fingerprint": str, "settings": dict},
    **{"classes": int, "dataset_fingerprint": str, "poses": dict, "init": dict},
    **{"layouts": list, "normalisers": list, "trained_clips": int, "datasets": list},
}


class RunFolder:
    """Paths and records of one run.

    ``flags.json``, ``prolonged.json`` (number of epochs, of a run that was told to go on beyond
    those it was started with), ``origin.json`` (versions and machine), ``labelled.json`` (clips
    whose labels were read), ``checkpoint/``, ``history.csv``, ``tensorboard/``,
    ``model.weights.h5`` (last epoch), ``result.json``, ``figures/``.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.flags = self.path / "flags.json"
        self.prolonged = self.path / "prolonged.json"
        self.origin = self.path / "origin.json"
        self.checkpoint = self.path / "checkpoint"
        self.labelled = self.path / "labelled.json"
        self.history = self.path / "history.csv"
        self.weights = self.path / "model.weights.h5"
        self.result = self.path / "result.json"
        self.figures = self.path / "figures"
        self.tensorboard = self.path / "tensorboard"
        self.timing_file = self.path / "timing.json"

    def remove_leftovers(self) -> None:
        """Removes what a training left that was killed; to be called by who holds the lock."""
        texts = (self.flags, self.prolonged, self.origin, self.labelled, self.history)
        state, checksum = CheckpointFiles(self.checkpoint).state, self.path / "weights.json"
        for path in (*texts, self.timing_file, self.weights, checksum, state):
            for left in files.leftovers(path):
                left.unlink(missing_ok=True)

    @property
    def finished(self) -> bool:
        """Whether training ran to its last epoch."""
        return self.weights.is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether an interrupted run can go on from here."""
        return bool(CheckpointFiles(self.checkpoint).positions())

    def trained_to(self, epochs: int) -> bool:
        """Whether training ran to its last epoch and that is not before `epochs`."""
        return self.finished and epochs <= self.epochs()

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
        if epochs <= self.epochs():
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

    def epochs(self) -> int:
        """The epochs it was told last; at least those that its checkpoints have."""
        newest = CheckpointFiles(self.checkpoint).positions()[:1]
        trained = [epoch + (step > 0) for epoch, step in newest]
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
        record.setdefault("format_version", FORMAT_VERSION)
        files.check_version(record, FORMAT_VERSION, self.flags, "train the run again")
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
        if (epochs := self.epochs()) != self._started_epochs():
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
            values = files.read_json(self.timing_file)
        except InputError as error:
            warn(f"{error}; the result has no training time")
            return {}
        kept = {key: value for key, value in values.items() if isinstance(value, int | float)}
        if len(kept) < len(values):
            warn(f"{self.timing_file}: holds something else than numbers, which is left out")
        return kept

    def write_timing(self, seconds: float, epochs: int) -> None:
        """Keeps how long training took; if no epoch was left to train, what is there stands."""
        if epochs or not self.timing_file.is_file():
            timing = {"training_seconds": round(seconds, 1), "epochs_timed": epochs}
            files.write_json(self.timing_file, timing)

    def read_history(self) -> list[dict[str, str]]:
        """Rows of ``history.csv``, one an epoch; up to a damaged one, which is said."""
        rows, flaw = history_rows(self.history)
        if flaw:
            warn(f"{self.history}: {flaw}; {len(rows)} epochs before that are kept")
        return rows


def shown(value: Any) -> str:
    """A setting as it is written on a command line."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
