"""ms2l-export as it is typed."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import pytest

from ms2l_tf import load_model
from ms2l_tf.data import ClipDataset
from tests.cli.conftest import Command
from tests.helpers import TrainedRun

Read = Callable[[], str]


@pytest.mark.slow
def test_a_run_is_exported_shown_and_read(
    command: Command,
    trained_run: TrainedRun,
    tiny_dataset: ClipDataset,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the command changes it
    out = tmp_path / "model"
    flags = [f"--workdir={trained_run.folder.path}", f"--out={out}", "--head=linear"]
    assert command("export", *flags, "--formats=savedmodel,keras") == 0
    said = capsys.readouterr().out
    for line in ("head: linear, fitted on 12", "keras: as the live model", f"{out}: written"):
        assert line in said
    assert command("export", f"--show={out}") == 0
    shown = capsys.readouterr().out
    for part in ("tiny_5, 5 joints", "2: left, right", "linear", "sha256", "tensorflow 2."):
        assert part in shown
    assert (out / "model.keras").is_file()
    labels = load_model(out).predict(tiny_dataset)
    assert set(np.unique(labels)) <= {"left", "right"}
    assert command("export", *flags) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--workdir: name the folder of a trained run"),
        (["--workdir=x"], "--out: name the folder to write"),
        (["--workdir=x", "--out=y"], "run: x holds no run"),
        (["--workdir=x", "--out=y", "--formats=pt"], "--formats: 'pt' is not one of savedmodel"),
        (["--workdir=x", "--out=y", "--k=0"], "--k=0: must be at least 1"),
        (["--show=x"], "x: no such folder"),
    ],
)
def test_what_is_wrong_is_one_line(
    flags: list[str],
    message: str,
    command: Command,
    last_error: Read,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert command("export", *flags) == 2
    assert message in last_error()
    assert not list(tmp_path.iterdir())
