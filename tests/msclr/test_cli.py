"""msclr-train and msclr-evaluate from the command line, each in a process of its own."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from ms2l_tf.files import read_json

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = (
    "--width=2", "--blocks=2", "--frames=8", "--epochs=1", "--batch=8", "--projection=4",
    "--temporal_kernel=3", "--monitor_epochs=0", "--layouts=kinect_v2_25,h36m_17",
)  # fmt: skip


def run(name: str, *flags: str) -> subprocess.CompletedProcess[str]:
    module = {"train": "msclr.cli.train", "evaluate": "ms2l_tf.cli.evaluate"}[name]
    command = [sys.executable, "-m", module, *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_teaches() -> None:
    done = run("train", "--help")
    assert done.returncode == 0
    assert "msclr-train --recipe=synthetic/msclr_demo" in done.stdout
    for flag in ("--layouts", "--method", "--pairs", "--queue", "--inputs", "--init"):
        assert f"{flag}:" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("train", [], "--workdir: name the folder of the run"),
        ("train", ["--workdir=x", "--widht=3"], "Unknown command line flag 'widht'"),
        ("train", ["--workdir=x"], "--data: name the folder of a prepared dataset"),
        ("train", ["--workdir=x", "--temporal_kernel=2"], "--temporal_kernel=2: must be odd"),
        ("evaluate", ["--workdir=nowhere"], "nowhere holds no run"),
    ],
)
def test_bad_input_is_one_line(name: str, flags: list[str], said: str) -> None:
    done = run(name, *flags)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.slow
def test_without_data_synthetic_motions_are_made_learnt_and_evaluated(
    tmp_path: pathlib.Path,
) -> None:
    workdir = tmp_path / "run"
    done = run("train", f"--workdir={workdir}", "--synthetic_clips=48", *TINY)
    assert done.returncode == 0, done.stderr
    assert f"making 48 clips of synthetic motions in {workdir}_data" in done.stdout
    again = run("train", f"--workdir={workdir}", "--synthetic_clips=60", *TINY)
    assert again.returncode == 2
    assert "_data has 48 clips in h36m_17, kinect_v2_25, this run wants 60" in again.stderr
    done = run("evaluate", f"--workdir={workdir}", "--probes=knn,linear", "--k=1")
    assert done.returncode == 0, done.stderr
    assert "trained in \\ tested in" in done.stdout
    result = read_json(workdir / "result.json")
    assert result["details"]["layouts"] == ["kinect_v2_25", "h36m_17"]
    assert (workdir / "figures" / "alignment.png").is_file()
