"""Damaged run folders give one readable line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.evaluate import Choices, evaluate_run
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train
from tests.helpers import TrainedRun


def test_damaged_weights_are_named(trained_run: TrainedRun, tmp_path: Path) -> None:
    """By their checksum; in a run of an earlier version, which has none, by what reading gives."""
    folder = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))
    folder.weights.write_bytes(folder.weights.read_bytes()[:300])
    with pytest.raises(InputError, match=r"model\.weights\.h5: is damaged .* train again"):
        evaluate_run(folder, trained_run.config, Choices(figures=False))
    (folder.path / "weights.json").unlink()
    with pytest.raises(InputError, match=r"model\.weights\.h5: cannot be read .* train again"):
        evaluate_run(folder, trained_run.config, Choices(figures=False))


def test_damaged_checkpoint_is_named(trained_run: TrainedRun, tmp_path: Path) -> None:
    folder = RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))
    folder.weights.unlink()
    state = folder.checkpoint / "checkpoint"
    newest = next(folder.checkpoint.glob("*.index")).stem
    state.write_text(f'model_checkpoint_path: "{newest}"\nall_model_checkpoint_paths: "{newest}"\n')
    for part in folder.checkpoint.glob("*.data-*"):
        part.write_bytes(b"")
    with pytest.raises(InputError, match=r"checkpoint cannot be read .* delete the folder"):
        train(trained_run.config, str(folder.path), strategy="one")
