"""The stand-alone kNN command, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.feature_files import save_features

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "knn_eval.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Two classes on two axes; one of the four test clips is on the wrong axis."""
    train = ClipFeatures(np.eye(2)[[0, 0, 0, 1, 1, 1]], np.array([0, 0, 0, 1, 1, 1]))
    test = ClipFeatures(np.eye(2)[[0, 0, 1, 1, 0]], np.array([0, 0, 1, 0, -1]))
    path = tmp_path / "features.npz"
    save_features(path, train, test, ["wave", "sit"])
    return path


def test_table_and_json(features: Path, tmp_path: Path) -> None:
    out = tmp_path / "knn.json"
    done = run(f"--features={features}", "--k=3,1", "--metric=euclidean", f"--json={out}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "6 training and 4 test clips, 2 dimensions, euclidean distance",
        "1 unlabelled clips left out",
        "k  top-1 %  mean per class %",
        "-  -------  ----------------",
        "1    75.00             83.33",
        "3    75.00             83.33",
    ]
    assert json.loads(out.read_text())["metrics"]["knn/3/top1"] == 75.0


def test_default_neighbours_that_do_not_fit_are_left_out(features: Path) -> None:
    done = run(f"--features={features}")
    assert done.returncode == 0
    assert done.stderr == "warning: --k: 20 left out, for 6 labelled training clips\n"
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["1", "5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--k=1,many"], "error: --k: '1,many' is not a list of whole numbers"),
        (["--k=7"], "error: --k: 7 neighbours asked for, but only 6"),
    ],
)
def test_bad_input_is_one_line(features: Path, arguments: list[str], message: str) -> None:
    done = run(f"--features={features}", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_constant_features_are_spoken_of(tmp_path: Path) -> None:
    clips = ClipFeatures(np.ones((6, 4)), np.arange(6) % 2)
    path = tmp_path / "features.npz"
    save_features(path, clips, clips, ["wave", "sit"])
    done = run(f"--features={path}", "--k=1")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: features are (nearly) constant: the encoder has coll")
    assert "k  top-1 %" in done.stdout
