"""The benchmark's arithmetic, and one run of it that is too short to mean anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ms2l_tf.data import ClipDataset
from tools.benchmarks.preparing import prepare_rows

ROOT = Path(__file__).resolve().parents[2]
# In a process of its own: the script defines flags that tests of other commands define too.
ARITHMETIC = """
import json, sys
from tools.benchmarks import __main__ as benchmark
rows = benchmark.with_ratios(json.load(sys.stdin))
print(json.dumps({"rows": rows, "table": benchmark.as_table(rows)}))
"""


def row(name: str, **changes: Any) -> dict[str, Any]:
    base = {
        "name": name,
        "what": "step",
        "shape": "ntu",
        "cores": 1,
        "clips": 128,
        "frames": 200,
        "features": 150,
        "ms": 400.0,
        "ms_range": [390.0, 420.0],
        "clips_per_s": 320.0,
        "peak_mb": 900.0,
    }
    return {**base, **changes}


def benchmark(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.benchmarks", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_rows_are_compared_with_the_keras_step_of_their_shape_and_cores() -> None:
    rows = [
        row("Keras"),
        row("Keras", cores=2, clips_per_s=500.0),
        row("PyTorch", cores=2, clips_per_s=250.0),
        row("input pipeline", what="input", clips_per_s=3200.0),
        row("input pipeline", what="input", shape="nw_ucla"),
        row("Keras", shape="stgcn", clips=64, frames=50, features=75),
    ]
    done = subprocess.run(
        [sys.executable, "-c", ARITHMETIC],
        cwd=ROOT,
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    ratios = [one["speed_of_keras_step"] for one in answer["rows"]]
    assert ratios == [1.0, 1.0, 0.5, 10.0, None, 1.0]
    lines = answer["table"].splitlines()
    assert "| 384 x 200 x 150 |" in lines[2], "three versions of each clip"
    assert "| 128 x 200 x 150 |" in lines[5]
    assert "| 64 x 50 x 75 |" in lines[7], "the network alone, one version"
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--shapes=ntu60", "--shapes"),
        ("--what=all", "--what"),
        ("--what=predict", "--models"),
        ("--compare=torch", "torch_python"),
    ],
)
def test_bad_flags_are_one_line(flag: str, named: str) -> None:
    done = benchmark(flag)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "names"), [("nw_ucla", ["Keras", "input pipeline"]), ("stgcn", ["Keras"])]
)
def test_short_run(shape: str, names: list[str], tmp_path: Path) -> None:
    out = tmp_path / "benchmark.json"
    done = benchmark(f"--shapes={shape}", "--cores=1", "--repeats=1", "--steps=1", f"--out={out}")
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text(encoding="utf-8"))
    assert [one["name"] for one in result["rows"]] == names
    assert all(one["clips_per_s"] > 0 and one["peak_mb"] > 0 for one in result["rows"])
    assert {"tensorflow", "keras"} <= set(result["environment"])


def test_probes_are_timed_side_by_side(tmp_path: Path) -> None:
    out = tmp_path / "benchmark.json"
    flags = ("--what=probes", "--clips=100", "--clips=200", "--cores=1", f"--out={out}")
    done = benchmark(*flags)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "| seconds | 100 clips | 200 clips |"
    assert [line.split(" | ")[0] for line in lines[-3:-1]] == ["| processor time", "| peak MB"]
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert [row["clips"] for row in rows] == [100, 200]
    probes = {"knn", "linear", "ridge", "svm"}
    assert set(rows[0]["seconds"]) == probes | {f"floor/raw/{name}" for name in probes}


@pytest.mark.parametrize(("format_name", "frames"), [("nw_ucla", 31), ("ntu", 100)])
def test_preparing_is_timed(format_name: str, frames: int, tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    flags = ("--what=prepare", f"--format={format_name}", "--clips=130", "--cores=2")
    done = benchmark(*flags, f"--out={out}")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert [row[key] for key in ("format", "clips", "frames")] == [format_name, 130, frames]
    assert min(row["cpu_seconds"], row["peak_mb"], row["peak_mb_of_a_reader"]) > 0
    assert f"| {format_name} | 130 | 2 |" in done.stdout


@pytest.mark.slow
def test_predicting_is_timed(exported: Path, tiny_dataset: ClipDataset, tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    flags = ("--what=predict", f"--models={exported}", f"--data={tiny_dataset.path}")
    done = benchmark(*flags, f"--out={out}")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert row["clips_per_s"] > 0
    assert min(row["ms"][part] for part in ("read", "features", "total")) > 0
    assert done.stdout.startswith("| model | D | read, ms |")


@pytest.mark.slow
def test_memory_of_preparing_does_not_grow_with_the_clips() -> None:
    """600 more clips hold 29 MB of poses."""
    few, many = prepare_rows([100, 700], cores=2, format_name="nw_ucla", frames=200)
    for key in ("peak_mb", "peak_mb_of_a_reader"):
        assert many[key] < few[key] + 10
