"""Whether a folder can hold a run: a new one, or one that goes on with the same flags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ms2l_tf import files
from ms2l_tf.errors import InputError, warn
from ms2l_tf.methods.registry import closed_form
from ms2l_tf.runs.checkpoint_files import CheckpointFiles
from ms2l_tf.runs.folder import RunFolder, shown
from ms2l_tf.runs.history_rows import history_rows

# Settings that may differ when a run goes on: where the data lies is checked by fingerprint, and
# probes are read again at evaluation.
_FREE = ("data", "pooling", "linear_c", "svm_c", "k", "raw_frames")
# What only the end of training and evaluations leave.
_OF_THE_END = ("timing.json", "weights.json", "result.json", "result_validation.json")


def check_folder(folder: RunFolder, record: Mapping[str, Any]) -> None:
    """Refuses a folder that cannot hold the run of this record.

    Raises:
        InputError: it belongs to a run with other flags or another dataset, holds something
            else, has lost the checkpoints of a run that was trained further than an epoch, or
            shall go on and has none.
    """
    _check_kinds(folder)
    if folder.flags.is_file():
        _check_same(folder, record)
        _check_not_lost(folder)
    elif folder.has_checkpoint or folder.finished:
        raise InputError(
            f"{folder.flags}: is missing, so it is not known with which flags {folder.path} was "
            "trained; put it back, or name a new --workdir"
        )
    elif folder.path.is_dir() and set(folder.path.iterdir()) - set(files.leftovers(folder.flags)):
        raise InputError(
            f"--workdir: {folder.path} is not empty and holds no run; name a new folder"
        )


def start_run(folder: RunFolder, record: Mapping[str, Any]) -> None:
    """Writes the record of a new run; that of a run that goes on stays as it is.

    Raises:
        InputError: see `check_folder`; or the folder cannot be made.
    """
    check_folder(folder, record)
    if folder.flags.is_file():
        if not folder.has_checkpoint:
            warn(f"{folder.path}: stopped before its first checkpoint; starts again at epoch 1")
        return
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--workdir: {folder.path} cannot be made ({error.strerror})") from None
    files.write_json(folder.flags, record)


def identity(record: Mapping[str, Any]) -> str:
    """A checksum of what a run trains: of its settings, but for those that may differ, and data."""
    settings = {name: value for name, value in record["settings"].items() if name not in _FREE}
    content = json.dumps([record["protocol"], record["fingerprint"], settings])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _check_kinds(folder: RunFolder) -> None:
    """Refuses at the start what would end training at its first writing, or its last."""
    state = CheckpointFiles(folder.checkpoint).state
    texts = (folder.flags, folder.prolonged, folder.origin, folder.labelled, folder.history)
    for path in (*texts, folder.timing_file, folder.weights, state):
        if path.is_dir():
            raise InputError(f"{path}: is a folder where a file of the run goes; move it away")
    for path in (folder.checkpoint, folder.tensorboard):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: is a file where a folder of the run goes; move it away")


def _check_not_lost(folder: RunFolder) -> None:
    if folder.finished or folder.has_checkpoint or closed_form(folder.config()):
        return  # in closed form there are no checkpoints; what is lost is computed again
    if trace := _trace(folder):
        raise InputError(
            f"{folder.checkpoint}: holds no checkpoint to go on from, but {trace}; put it back, "
            f"name a new --workdir, or delete {folder.path} to train from the start"
        )


def _trace(folder: RunFolder) -> str:
    """What says that training got further than its first epoch; empty if nothing does."""
    if part := CheckpointFiles(folder.checkpoint).left_over():
        return f"there is {part}"
    rows, flaw = history_rows(folder.history)
    if flaw or len(rows) > 1:  # one row may have been written without its checkpoint
        return f"{folder.history.name} {flaw or f'has {len(rows)} epochs'}"
    left = [name for name in _OF_THE_END if (folder.path / name).exists()]
    return f"there is {left[0]}" if left else ""


def _check_same(folder: RunFolder, record: Mapping[str, Any]) -> None:
    before = folder.record()
    if before["protocol"] != record["protocol"]:
        raise InputError(
            f"--workdir: {folder.path} is a run of protocol '{before['protocol']}'; name a new "
            "folder"
        )
    if before["fingerprint"] != record["fingerprint"]:
        raise InputError(
            f"{folder.path}: was started on dataset '{before['dataset']}' with other contents "
            f"than the '{record['dataset']}' given now; name a new --workdir"
        )
    check_settings(folder, record["settings"])


def check_settings(folder: RunFolder, told: Mapping[str, Any]) -> None:
    """Refuses settings that differ from those the run was started with.

    Raises:
        InputError: they do.
    """
    settings = folder.config().to_json()  # a setting the run's version did not know: its default
    _check_epochs(folder, told["epochs"])
    for name, value in told.items():
        if name not in (*_FREE, "epochs") and settings[name] != value:
            raise InputError(
                f"{folder.path}: was started with --{name}={shown(settings[name])}, now "
                f"--{name}={shown(value)}; use the same flags to go on, or a new --workdir"
            )


def _check_epochs(folder: RunFolder, epochs: int) -> None:
    """A run may be prolonged, from its checkpoint; it cannot be shortened."""
    before = folder.epochs()
    if epochs < before:
        raise InputError(
            f"{folder.path}: was told to train --epochs={before}, now --epochs={epochs}; a run "
            "can be prolonged, not shortened: use the same flags to go on, or a new --workdir"
        )
    if epochs > before and folder.finished and not folder.has_checkpoint:
        raise InputError(
            f"{folder.path}: has no checkpoint any more to go on from to --epochs={epochs}; name "
            "a new --workdir to train anew"
        )
