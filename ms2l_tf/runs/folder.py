"""The working folder of a run: what it was started with, where it stands, what it gave."""

from __future__ import annotations

import contextlib
import csv
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from ms2l_tf import files
from ms2l_tf.config import RunConfig
from ms2l_tf.errors import InputError
from ms2l_tf.options import Settings
from ms2l_tf.runs.data import RunData

AnySettings = TypeVar("AnySettings", bound=Settings)

# Settings that may differ when a run goes on: where the data lies is checked by fingerprint, and
# probes are read again at evaluation.
_FREE = ("data", "pooling", "linear_c", "svm_c", "k", "raw_frames")


# What ``flags.json`` may hold; runs of earlier versions lack all but the first.
_ALWAYS = ("protocol", "dataset", "fingerprint", "settings")
_ENTRIES = {
    **{"protocol": str, "dataset": str, "fingerprint": str, "settings": dict},
    **{"classes": int, "dataset_fingerprint": str, "poses": dict, "init": dict},
}


def run_record(
    config: Settings, protocol: str, data: RunData, shape: Sequence[int]
) -> dict[str, Any]:
    """What ``flags.json`` keeps.

    Args:
        config: settings of the run.
        protocol: that of the run.
        data: its clips.
        shape: (T, M, J, C) of what the encoder reads.
    """
    return {
        "protocol": protocol,
        "dataset": data.dataset.name,
        "fingerprint": data.fingerprint,
        "classes": len(data.dataset.label_names),
        "dataset_fingerprint": data.dataset.fingerprint,
        "poses": {
            "layout": data.layout,
            "shape": list(shape),
            "joints": list(data.store.layout.joints),
        },
        "settings": config.to_json(),
    }


class RunFolder(Generic[AnySettings]):
    """Paths and records of one run.

    ``flags.json``, ``prolonged.json`` (number of epochs, of a run that was told to go on beyond
    those it was started with), ``labelled.json`` (clips whose labels were read), ``checkpoint/``,
    ``history.csv``, ``tensorboard/``, ``model.weights.h5`` (last epoch), ``result.json``,
    ``figures/``.

    Args:
        path: the folder.
        settings: the dataclass of its settings.
    """

    @overload
    def __init__(self: RunFolder[RunConfig], path: str | os.PathLike[str]) -> None: ...
    @overload
    def __init__(self, path: str | os.PathLike[str], settings: type[AnySettings]) -> None: ...
    def __init__(self, path: str | os.PathLike[str], settings: Any = RunConfig) -> None:
        self._settings = settings
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

    @property
    def finished(self) -> bool:
        """Whether training ran to its last epoch."""
        return self.weights.is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether an interrupted run can go on from here."""
        return (self.checkpoint / "checkpoint").is_file()

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

        The weights of its last epoch so far go: they stand in its checkpoint.
        """
        if epochs <= self._epochs():
            return
        self.weights.unlink(missing_ok=True)
        files.write_json(self.prolonged, {"epochs": epochs})
        planned = self._started_epochs()
        print(
            f"{self.path}: goes on to epoch {epochs}; schedules stay those of the {planned} "
            "planned, and what ends with them keeps its last value"
        )

    def _started_epochs(self) -> int:
        epochs = self.record()["settings"].get("epochs", self._settings().to_json()["epochs"])
        if not isinstance(epochs, int):
            raise InputError(f"{self.flags}: a setting has the wrong type (epochs)")
        return epochs

    def _epochs(self) -> int:
        """The epochs it was told last."""
        if not self.prolonged.is_file():
            return self._started_epochs()
        epochs = files.read_json(self.prolonged).get("epochs")
        if not isinstance(epochs, int) or epochs < 1:
            raise InputError(f"{self.prolonged}: entry 'epochs' is missing or damaged")
        return epochs

    def check(self, record: Mapping[str, Any]) -> None:
        """Refuses a folder that cannot hold the run of this record.

        Raises:
            InputError: it belongs to a run with other flags or another dataset, or holds
                something else; or it shall go on and has no checkpoint.
        """
        if self.flags.is_file():
            self._check_same(record)
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

        with open(self.flags, "r+b") as stream:  # for writing: network folders insist
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"--workdir: another command is training {self.path}; wait for it or stop it"
                ) from None
            except OSError as error:  # some network folders know no locks
                print(f"{self.path}: cannot be locked ({error.strerror})", file=sys.stderr)
            yield

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
        settings = self.config().to_json()  # a setting the run's version did not know: its default
        self._check_epochs(record["settings"]["epochs"])
        for name, value in record["settings"].items():
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
        ):
            raise InputError(f"{self.flags}: entry 'poses' is damaged")
        return record

    def config(self) -> AnySettings:
        """The settings the run was started with, and the epochs it was told last."""
        settings = dict(self.record()["settings"])
        if self.prolonged.is_file():
            settings["epochs"] = self._epochs()
        unknown = sorted(set(settings) - set(self._settings().to_json()))
        if unknown:
            raise InputError(
                f"{self.flags}: unknown setting '{unknown[0]}'; a run of another command "
                "(ms2l-train, msclr-train) or another version?"
            )
        try:
            return self._settings.from_flat(settings)
        except InputError as error:
            raise InputError(f"{self.flags}: {error}") from None
        except TypeError as error:
            raise InputError(f"{self.flags}: a setting has the wrong type ({error})") from None

    def timing(self) -> dict[str, float]:
        """Seconds and epochs of training."""
        where = self.path / "timing.json"
        return files.read_json(where) if where.is_file() else {}

    def read_history(self) -> list[dict[str, str]]:
        """Rows of ``history.csv``, one an epoch."""
        if not self.history.is_file():
            return []
        with open(self.history, newline="", encoding="utf-8-sig") as stream:
            return list(csv.DictReader(stream))


def shown(value: Any) -> str:
    """A setting as it is written on a command line."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
