"""A run done again from its records, and compared with what it gave."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from ms2l_tf import files
from ms2l_tf.errors import InputError
from ms2l_tf.methods.registry import changed
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.comparison import Difference, compare_histories, compare_weights
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import finished_run
from ms2l_tf.runs.origin import differences, recorded_origins
from ms2l_tf.runs.weights import sha256
from ms2l_tf.settings.config import RANDOM_INIT, RunConfig
from ms2l_tf.training.cluster import MULTIWORKER
from ms2l_tf.training.train import train

FORMAT_VERSION = 1
FILE = "repeat.json"


@dataclasses.dataclass(frozen=True)
class Repetition:
    """What a repeated run gave beside the original.

    Attributes:
        original: the run that was done again.
        folder: of the new one.
        weights, history: how far the two are apart.
        elsewhere: versions, code or machine that differ, each with both values; None: what the
            original was made with is not known.
    """

    original: RunFolder
    folder: RunFolder
    weights: Difference
    history: Difference
    elsewhere: tuple[str, ...] | None

    @property
    def broken(self) -> bool:
        """Whether other weights came out although nothing was different."""
        return not self.weights.equal and self.elsewhere == ()

    def to_json(self) -> dict[str, Any]:
        """What ``repeat.json`` keeps."""
        return {
            "format_version": FORMAT_VERSION,
            "original": str(self.original.path),
            "weights": self.weights.to_json(),
            "history": self.history.to_json(),
            "elsewhere": None if self.elsewhere is None else list(self.elsewhere),
            "reproduced": self.weights.equal,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        told = [f"{self.folder.path} repeats {self.original.path}: {self._weights_line()}"]
        if not self.history.equal:
            told.append(
                f"history: differs from {self.history.first} on, by at most "
                f"{self.history.largest:.3g} ({self.history.where})"
            )
        if self.elsewhere is None:
            told.append("versions and machine of the original are not known: it kept none")
        elif self.elsewhere:
            told.append(f"different from the original: {'; '.join(self.elsewhere)}")
        else:
            told.append("on the same versions, code and machine")
        return told

    def _weights_line(self) -> str:
        found = self.weights
        if found.equal:
            return f"its {found.compared} arrays of weights are equal to the bit"
        return (
            f"{found.differing} of its {found.compared} arrays of weights differ, by at most "
            f"{found.largest:.3g} ({found.where})"
        )


def repeat_run(
    original: str | os.PathLike[str],
    workdir: str,
    *,
    data: str = "",
    init: str = "",
    strategy: str = "auto",
    checkpoint_minutes: float = 10.0,
) -> Repetition:
    """Trains a finished run again, from its records alone, in another folder; goes on like a run.

    Args:
        original: the run.
        workdir: folder of the new one; ``repeat.json`` there keeps the comparison.
        data: where its data sets lie now, if they were moved.
        init: where the run it started from lies now, if that was moved.
        strategy: see `make_strategy`; not several workers.
        checkpoint_minutes: see `train`.

    Raises:
        InputError: the run is not finished, or its data or the weights it started from are not
            what they were; or see `train`.
    """
    if strategy == MULTIWORKER:
        raise InputError("--repeat: compares runs in one process; leave --strategy=multiworker out")
    before, folder = finished_run(os.fspath(original), "--repeat"), RunFolder(workdir)
    if folder.path.resolve() == before.path.resolve():
        raise InputError(f"--workdir: {folder.path} is the run to repeat; name another folder")
    moved = {name: value for name, value in (("data", data), ("init", init)) if value}
    config = changed(before.config(), **moved)
    _check_data(before, config)
    _check_initial(before, config)
    for epochs in _stages(before, folder, config.training.epochs):
        settings = changed(config, epochs=epochs)
        train(settings, workdir, strategy=strategy, checkpoint_minutes=checkpoint_minutes)
    found = Repetition(
        before,
        folder,
        compare_weights(before, folder),
        compare_histories(before, folder),
        _elsewhere(before, folder),
    )
    files.write_json(folder.path / FILE, found.to_json())
    return found


def _stages(before: RunFolder, folder: RunFolder, told: int) -> list[int]:
    """Epochs to train to: a run that was prolonged has the schedules of its first plan."""
    planned = before.planned_epochs(told)
    prolonged_too = folder.flags.is_file() and folder.epochs() > planned
    return [told] if planned == told or prolonged_too else [planned, told]


def _check_data(before: RunFolder, config: RunConfig) -> None:
    record = before.record()
    if open_data(config).fingerprint != record["fingerprint"]:
        raise InputError(
            f"--data: {config.data.data} has other contents than dataset '{record['dataset']}' had "
            f"when {before.path} was trained on it; name the folder that it was trained on"
        )


def _check_initial(before: RunFolder, config: RunConfig) -> None:
    """The run it started from has to have the weights that it had."""
    if config.protocol.init == RANDOM_INIT:
        return
    initial = finished_run(config.protocol.init)
    recorded = before.record().get("init", {}).get("weights_sha256")
    if recorded and sha256(initial.weights) != recorded:
        raise InputError(
            f"--init: {initial.weights} is not what {before.path} started from (its checksum "
            "differs); name the run with those weights"
        )


def _elsewhere(before: RunFolder, folder: RunFolder) -> tuple[str, ...] | None:
    """What differs in versions, code and machine, over all parts of both runs."""
    origins = recorded_origins(before)
    if not origins or not all(origins):
        return None
    made = [*origins[1:], *recorded_origins(folder)]
    return tuple(dict.fromkeys(one for now in made for one in differences(origins[0], now)))
