"""The scripts of examples/ run, on few clips and for an epoch."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import ms2l_tf
from ms2l_tf.data.synthetic import generate
from tests.test_packaging import ROOT

EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def motions(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "motions"
    generate(folder, preset="demo", clips=96, seed=1, layouts=("kinect_v2_25",), progress=False)
    return str(folder)


def test_every_example_has_a_test_here() -> None:
    assert [name for name in EXAMPLES if f"test_{name}" not in globals()] == []


@pytest.mark.slow
def test_own_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features = example("own_data").main(tmp_path, count=24, epochs=1)
    assert features.shape == (4, 60)
    assert np.isfinite(features).all()
    assert "floor/raw/knn/1/top1" in capsys.readouterr().out


def test_pipeline(motions: str, tmp_path: Path) -> None:
    settings = {"observed": 4, "units": 4, "validation": "none"}
    model = ms2l_tf.MS2L(epochs=1, frames=12, settings=settings, workdir=tmp_path / "run")
    model.fit(motions)
    assert 0.0 <= example("pipeline").main(str(tmp_path / "run"), motions) <= 1.0


@pytest.mark.slow
def test_long_recording(motions: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, model = tmp_path / "run", tmp_path / "model"
    ms2l_tf.Kernels(workdir=run, settings={"mixes": 60, "validation": "none"}).fit(motions)
    command = [sys.executable, "-m", "ms2l_tf.cli.export", f"--workdir={run}", f"--out={model}"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    told = example("long_recording").main(motions, str(model), str(tmp_path / "long.npy"))
    assert 0.0 <= told <= 100.0
    assert np.load(tmp_path / "long.npy").shape[1:] == (1, 25, 3)
    assert "frames are told rightly" in capsys.readouterr().out


@pytest.mark.slow
def test_compare_methods(motions: str) -> None:
    module = example("compare_methods")
    accuracies = module.main(motions, epochs=1, smaller={"width": 2, "blocks": 2})
    assert list(accuracies) == list(module.NAMES)
    assert all(0.0 <= accuracy <= 100.0 for accuracy in accuracies.values())
