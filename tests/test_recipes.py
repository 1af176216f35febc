"""Every recipe in flags/: readable, true to its header; NTU recipes run on clips of that shape."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ms2l_tf.data.synthetic import generate
from ms2l_tf.files import read_json
from tools.results.recipes import results_path
from tools.results.store import FIGURE_4, RecipeResults

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted((ROOT / "flags").glob("*/*.cfg"))
# Those of datasets at hand; parts of the tables (tables_*.cfg) point to the tables.
MEASURED = [
    path
    for path in RECIPES
    if path.parent.name not in ("ntu60", "pku1", "pku2") and not path.stem.startswith("tables_")
]
# Small enough for a test; everything else is the recipe's own.
SMALL = [
    "--frames=20", "--batch=16", "--epochs=1", "--units=8", "--head_hidden=16", "--validation=none"
]  # fmt: skip


def recipe_flags(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line.startswith("--")]
    return dict(line.removeprefix("--").split("=", 1) for line in lines)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_header_states_command_expectation_and_minutes(path: Path) -> None:
    header = "\n".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    assert f"--recipe={path.parent.name}/{path.stem} " in header
    assert "Expected:" in header
    assert re.search(r"[Mm]inutes", header)


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_header_has_the_numbers_of_the_committed_results(path: Path) -> None:
    header = " ".join(
        line.removeprefix("#").strip()
        for line in path.read_text().splitlines()
        if line.startswith("#")
    )
    file = results_path(ROOT / "results", path)
    if "Expected: not run yet" in header:
        assert not file.is_file(), f"{path} has results that its header does not tell"
        return
    assert file.is_file(), f"no results of {path} are committed"
    variants = RecipeResults.load(file).variants
    numbers = [variants["recipe"], *(v for v in variants.values() if v.flags and not v.aside)]
    for summary in (variant.summary() for variant in numbers):
        metric = next(name for name in ("classifier/top1", "linear/top1") if name in summary)
        assert str(summary[metric]) in header


def test_every_mean_in_the_readme_is_one_of_the_results() -> None:
    measured = {
        str(summary)
        for file in (ROOT / "results").glob("*/**/*.json")
        if file.name != FIGURE_4
        for variant in RecipeResults.load(file).variants.values()
        for summary in variant.summary().values()
    }
    said = re.findall(r"\d+\.\d\d ± \d+\.\d\d", (ROOT / "README.md").read_text("utf-8"))
    assert len(said) > 20
    assert not set(said) - measured


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unsupervised_paper", "unsupervised_authors"])
def test_ntu_recipes_train_on_clips_of_that_shape(name: str, tmp_path: Path) -> None:
    path = ROOT / "flags" / "ntu60" / f"{name}.cfg"
    generate(tmp_path / "ntu", preset="ntu60", clips=240, seed=3, progress=False)
    observed = [] if float(recipe_flags(path)["observed"]) < 1 else ["--observed=5"]
    command = [
        *(sys.executable, "-m", "ms2l_tf.cli.train", f"--flagfile={path}"),
        *(f"--data={tmp_path / 'ntu'}", f"--workdir={tmp_path / 'run'}", *SMALL, *observed),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr[-2000:]}"
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    values = dict(zip(history[0].split(","), history[1].split(","), strict=True))
    assert np.isfinite(
        [float(values[key]) for key in ("prediction", "jigsaw", "contrastive")]
    ).all()
    assert read_json(tmp_path / "run" / "flags.json")["settings"]["persons"] == 2


@pytest.mark.slow
def test_the_ntu_recipe_of_msclr_trains_on_clips_of_that_shape(tmp_path: Path) -> None:
    path = ROOT / "flags" / "ntu60" / "msclr_paper.cfg"
    layouts = ["kinect_v2_25", "h36m_17"]
    generate(tmp_path / "ntu", preset="ntu60", clips=240, seed=3, layouts=layouts, progress=False)
    small = ["--frames=8", "--batch=32", "--epochs=1", "--width=2", "--queue=64"]
    command = [
        *(sys.executable, "-m", "msclr.cli.train", f"--flagfile={path}", "--validation=none"),
        *(f"--data={tmp_path / 'ntu'}", f"--workdir={tmp_path / 'run'}", *small),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr[-2000:]}"
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    values = dict(zip(history[0].split(","), history[1].split(","), strict=True))
    assert np.isfinite([float(values[key]) for key in ("info_nce", "d3m")]).all()
    record = read_json(tmp_path / "run" / "flags.json")
    assert record["settings"]["persons"] == 2
    assert sorted(layout["name"] for layout in record["layouts"]) == sorted(layouts)
