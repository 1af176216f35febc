"""The same seed gives the same bytes: over processes, and however many threads load the clips.

One or two replicas: `test_resumed_on_two_replicas_equals_one_device` in test_train.py, equal within
1e-4 of four epochs with Adam. A step's losses and gradients: `tests/methods/`, within 1e-5.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from ms2l_tf.data import ClipDataset, pipeline
from ms2l_tf.runs.comparison import compare_weights
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train
from tests.cli.test_train import as_flags
from tests.helpers import TINY, TrainedRun

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_over_processes(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    """Python orders its sets anew in every process; nothing may hang on that."""
    settings = {**TINY, "epochs": 2, "tasks": ("jigsaw", "contrastive"), "monitor_epochs": 1}
    folders = [RunFolder(tmp_path / name) for name in "ab"]
    for number, folder in enumerate(folders):
        flags = [f"--data={tiny_dataset.path}", f"--workdir={folder.path}", *as_flags(**settings)]
        subprocess.run(
            [sys.executable, "-m", "ms2l_tf.cli.train", *flags],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            check=True,
            capture_output=True,
        )
    one, other = folders
    for name in ("model.weights.h5", "history.csv", "flags.json", "origin.json"):
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes(), name


@pytest.mark.slow
def test_over_loader_threads(
    trained_run: TrainedRun, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "LOADER_THREADS", pipeline.LOADER_THREADS - 1)
    folder = train(trained_run.config, str(tmp_path / "run"), strategy="one")
    # The file also holds names that Keras numbers by the models a process has made before.
    assert compare_weights(folder, trained_run.folder).equal
    assert folder.history.read_bytes() == trained_run.folder.history.read_bytes()
