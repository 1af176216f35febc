"""The command, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from tests.data.videos.fakes import FakeModel, Person, draw, save_model, write_video

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "extract_poses.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    walk = Person(0, 200, np.arange(10.0, 20.0), np.full(10, 24.0))
    write_video(folder / "videos" / "walk.mov", draw(walk))
    write_video(folder / "videos" / "nod.mov", draw(walk)[:4])
    (folder / "labels.csv").write_text("file,label\nwalk.mov,walk\n")
    save_model(folder / "model", FakeModel())
    return folder


def test_a_folder_becomes_a_dataset(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    done = run(
        f"--video={inputs / 'videos'}",
        f"--model={inputs / 'model'}",
        "--layouts=smpl_24,kinect_v2_25",
        f"--labels={inputs / 'labels.csv'}",
        f"--out={out}",
        "--batch=3",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2 clips written, 10 frames a second",
        "labels:  1 walk, 1 unlabelled",
        f"dataset: {out}",
        f"report:  {out / 'extract_report.json'}",
    ]
    assert "14/14" in done.stderr  # the progress bar
    dataset = ClipDataset.open(out)
    assert (dataset.name, dataset.layouts) == ("mine", ("kinect_v2_25", "smpl_24"))
    assert dataset.poses("smpl_24").lengths.tolist() == [4, 10]
    assert dataset.source == "videos, poses detected by the model model"


def test_help_teaches() -> None:
    done = run("--help")
    assert done.returncode == 0
    for words in ("only a model you trust", "file,label,subject,camera", "ms2l-tf[video]"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"layouts": ""}, "--layouts is missing; name the skeleton layouts"),
        ({"persons": "0"}, "flag --persons=0: 0 is not a positive integer"),
    ],
)
def test_bad_input_is_one_line(
    inputs: Path, tmp_path: Path, flags: dict[str, str], message: str
) -> None:
    given = {
        "video": str(inputs / "videos"),
        "model": str(inputs / "model"),
        "layouts": "smpl_24",
        "out": str(tmp_path / "out"),
        **flags,
    }
    done = run(*(f"--{name}={value}" for name, value in given.items()))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
