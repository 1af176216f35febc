"""The file in `docs/methods.md` that adds a method and a network runs as it stands."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

from ms2l_tf.data import ClipDataset

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_LINES = 75


def documented_file() -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "methods.md").read_text(), re.S)
    (code,) = blocks
    return str(code)


def run_python(*arguments: str, folder: pathlib.Path) -> str:
    paths = os.pathsep.join([str(ROOT), str(folder)])
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_file_is_short() -> None:
    lines = [line for line in documented_file().splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES


@pytest.mark.slow
def test_the_file_trains_and_evaluates(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    own, run = tmp_path / "own.py", tmp_path / "run"
    own.write_text(documented_file())
    printed = run_python(str(own), str(tiny_dataset.path), str(run), folder=tmp_path)
    assert "floor/random/linear/top1" in printed
    assert (run / "model.weights.h5").is_file()


@pytest.mark.slow
def test_the_commands_know_it_once_it_is_imported(
    tiny_dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "own.py").write_text(documented_file())
    run = f"--workdir={tmp_path / 'run'}"
    chosen = ["--method=denoise", "--network=gru", "--noise=0.2", "--units=4", "--epochs=1"]
    for command, flags in (
        ("train", [*chosen, f"--data={tiny_dataset.path}"]),
        ("evaluate", ["--k=1", "--nofigures"]),
    ):
        code = f"import own; from ms2l_tf.cli.{command} import entry; entry()"
        printed = run_python("-c", code, run, *flags, folder=tmp_path)
    assert "random encoder" in printed
