"""The table over seeds, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ms2l_tf.evaluation.result import EvaluationResult

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.summarise", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def result(path: Path, seed: int, more: float) -> str:
    metrics = {
        "linear/top1": 60.0 + more,
        "floor/raw/linear/top1": 50.0,
        "layout/b/linear/top1": 70.0 + more,
        "floor/raw/layout/b/linear/top1": 55.0,
        "cross/a/b/linear/top1": 58.0 + more,
        "floor/raw/cross/a/b/linear/top1": 40.0,
        "floor/single/cross/a/b/linear/top1": 45.0 - more,
        "cross/b/a/linear/top1": 57.0,
        "floor/raw/cross/b/a/linear/top1": 41.0,
    }
    details = {"layouts": ["a", "b"]}
    one = EvaluationResult("unsupervised", "d", "s", seed, 3, 8, metrics, {}, {}, details)
    one.save(path)
    return str(path)


def test_probes_and_crossings_over_seeds(tmp_path: Path) -> None:
    paths = [result(tmp_path / f"{seed}.json", seed, 2.0 * seed) for seed in (0, 1)]
    done = run(f"--runs={','.join(paths)}", f"--json={tmp_path / 'mean.json'}")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["linear", "61.00", "±", "1.41", "50.00", "±", "0.00", "+11.00"] in lines
    cells = "61.0 ± 1.4 (50.0 ± 0.0, -)", "59.0 ± 1.4 (40.0 ± 0.0, 44.0 ± 1.4)"
    assert ["a", *" ".join(cells).split()] in lines
    assert not any(line and line[0].startswith("cross/") for line in lines)
    written = json.loads((tmp_path / "mean.json").read_text())
    assert written["cross/b/a/linear/top1"] == {"mean": 57.0, "sd": 0.0, "runs": 2}


def test_null_metrics_show_a_dash(tmp_path: Path) -> None:
    paths = [result(tmp_path / f"{seed}.json", seed, 0.0) for seed in (0, 1)]
    values = json.loads(Path(paths[1]).read_text())
    values["metrics"] |= {"linear/top1": None, "cross/a/b/linear/top1": None}
    Path(paths[1]).write_text(json.dumps(values))
    done = run(f"--runs={','.join(paths)}", f"--json={tmp_path / 'mean.json'}")
    assert done.returncode == 0, done.stderr
    assert "linear/top1/mean (nan)" in done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["linear", "-", "50.00", "±", "0.00", "-"] in lines
    written = json.loads((tmp_path / "mean.json").read_text())
    assert written["linear/top1"] == {"mean": None, "sd": None, "runs": 2}
    assert written["cross/b/a/linear/top1"]["mean"] == 57.0


def test_runs_that_do_not_belong_together(tmp_path: Path) -> None:
    paths = [result(tmp_path / f"{name}.json", 0, 0.0) for name in "ab"]
    done = run(f"--runs={','.join(paths)}")
    assert done.returncode == 2
    assert "error: results cannot be averaged: the same seed twice" in done.stderr
    assert run().returncode == 2
