"""docs/results.md is what results/ says; runs are added to their recipe, or put together."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.files import write_json
from tools.flag_settings import all_values, typed_settings
from tools.results.adding import add_runs
from tools.results.page import check_page, page_text, write_page
from tools.results.recipe_tables import recipe_table
from tools.results.recipes import recipe_of
from tools.results.store import AS_IT_IS, RecipeResults, Variant

PROJECT = Path(__file__).resolve().parents[2]
WIDE = "nw_ucla/unsupervised_wide"
METRICS = {"linear/top1": 84.0, "knn/1/top1": 86.0, "floor/raw/linear/top1": 79.0}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.results", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def finished_run(folder: Path, seed: int, recipe: str = WIDE, **changes: Any) -> Path:
    """A run folder as the commands leave it, of a recipe with a few settings changed."""
    values = typed_settings([f"--flagfile={PROJECT / 'flags' / recipe}.cfg"], recipe)
    settings = all_values({**values, "seed": seed, "data": "/somewhere/data", **changes})
    details = {"evaluated_on": "test", "pooling": settings["pooling"]}
    folder.mkdir()
    shared = ("unsupervised", "nw_ucla", settings["split"], seed, settings["epochs"], 256)
    EvaluationResult(*shared, METRICS, {"knn": 0.1234567}, {}, details).save(folder / "result.json")
    write_json(folder / "flags.json", {"dataset": "nw_ucla", "settings": settings})
    return folder


def results_copy(folder: Path) -> Path:
    return Path(shutil.copytree(PROJECT / "results", folder / "results"))


def test_the_committed_page_is_what_the_results_say() -> None:
    done = command("--check")
    assert done.returncode == 0, done.stderr


def test_a_page_that_is_out_of_date_is_one_line(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "results.md"
    for text in ("", (PROJECT / "docs" / "results.md").read_text().replace("84.20", "85.20")):
        page.parent.mkdir(exist_ok=True)
        page.write_text(text)
        done = command("--check", f"--page={page}")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"error: {page}: line" in done.stderr
        assert done.stderr.count("\n") == 1
    page.unlink()
    with pytest.raises(InputError, match="line 1 is not what"):
        check_page(PROJECT / "results", page)
    write_page(PROJECT / "results", page)
    check_page(PROJECT / "results", page)


def test_the_page_is_short_and_its_links_lead_somewhere() -> None:
    page = PROJECT / "docs" / "results.md"
    text = page_text(PROJECT / "results", page)
    assert len(text.split()) < 3900
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    assert targets
    assert not [target for target in targets if not (page.parent / target).exists()]


CHANGED = [
    ("nw_ucla/unsupervised_wide.json", "svm/top1"),
    ("hdm05/multi.json", "cross/h36m_17/smpl_24/linear/top1"),
    ("hdm05/multi.json", "ensemble/linear/top1"),
    ("bandai_namco/single.json", "floor/random/knn/1/top1"),
    ("nw_ucla/aimclr.json", "linear_published/top1"),
    ("nw_ucla/tables/semi_1_balanced_rand.json", "classifier/top1"),
    ("nw_ucla/tables/pretrain_jigsaw.json", "knn/1/top1"),
]


@pytest.mark.parametrize(("file", "metric"), CHANGED)
def test_a_number_that_changes_changes_the_page(file: str, metric: str, tmp_path: Path) -> None:
    results, page = results_copy(tmp_path), tmp_path / "results.md"
    write_page(results, page)
    record = json.loads((results / file).read_text())
    record["variants"]["recipe"]["metrics"][metric][0] += 9
    write_json(results / file, record)
    with pytest.raises(InputError, match="is not what"):
        check_page(results, page)


def test_runs_go_to_the_recipe_with_their_settings(tmp_path: Path) -> None:
    results, page = results_copy(tmp_path), tmp_path / "docs" / "results.md"
    runs = [finished_run(tmp_path / f"run{seed}", seed) for seed in (7, 8)]
    done = command(f"--add={runs[0]},{runs[1]}", f"--results={results}", f"--page={page}")
    assert done.returncode == 0, done.stderr
    path = results / f"{WIDE}.json"
    assert str(path) in done.stdout
    variant = RecipeResults.load(path).variants["recipe"]
    assert list(variant.results) == [0, 1, 2, 7, 8]
    assert variant.results[7].metrics == METRICS
    assert variant.results[7].timing == {"knn": 0.123}
    assert variant.results[7].details["settings"]["units"] == 128
    assert "/somewhere" not in path.read_text()
    check_page(results, page)
    last = (results / "nw_ucla" / "log.md").read_text().splitlines()[-2:]
    for seed, line in zip((7, 8), last, strict=True):
        assert f"| `unsupervised_wide`, seed {seed} | 84.00 | 86.00 | - |" in line


REFUSED = [
    ({"seed": 1}, {}, r"seed 1 is there already; --replace"),
    ({"units": 99}, {}, r"no recipe has its settings; it has --units=99, .*wide has --units=128"),
    ({"units": 99, "flip": 0.0}, {}, r"and 1 more differ; to keep it beside: --recipe="),
    ({"units": 99}, {"recipe": WIDE}, r"it has --units=99, .* has --units=128; to keep"),
    ({}, {"recipe": "nw_ucla/aimclr"}, r"it has --.*, nw_ucla/aimclr has --"),
    ({}, {"recipe": "nw_ucla/none"}, r"--recipe=nw_ucla/none: there is no flags/nw_ucla/none\.cfg"),
    ({"split": "cross_view_3_no_copies"}, {}, r"--split=cross_view_3_no_copies"),
]


@pytest.mark.parametrize(("changes", "asked", "named"), REFUSED)
def test_other_runs_are_refused_and_nothing_changes(
    changes: dict[str, Any], asked: dict[str, str], named: str, tmp_path: Path
) -> None:
    results = results_copy(tmp_path)
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    good = finished_run(tmp_path / "good", 7)
    bad = finished_run(tmp_path / "bad", **{"seed": 8, **changes})
    with pytest.raises(InputError, match=named) as error:
        add_runs([bad] if asked else [good, bad], results, **asked)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    after = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    assert after == before, "neither the good one nor the log"


@pytest.mark.parametrize(
    ("recipe", "init"), [("supervised_random", "runs/a/b"), ("semi_1", "random")]
)
def test_a_recipe_begins_from_a_run_or_from_random_weights(
    recipe: str, init: str, tmp_path: Path
) -> None:
    run = finished_run(tmp_path / "run", 0, f"nw_ucla/{recipe}", init=init)
    with pytest.raises(InputError, match=f"it has --init={init}, nw_ucla/{recipe} has --init="):
        add_runs([run], tmp_path / "results", recipe=f"nw_ucla/{recipe}")


def test_a_run_that_is_not_of_test_clips_is_refused(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", 7)
    record = json.loads((run / "result.json").read_text())
    record["details"]["evaluated_on"] = "validation"
    write_json(run / "result.json", record)
    with pytest.raises(InputError, match="was evaluated on validation clips"):
        add_runs([run], results_copy(tmp_path))
    (run / "result.json").unlink()
    with pytest.raises(InputError, match=r"result\.json: cannot be read"):
        add_runs([run], tmp_path / "results")


def test_replace_takes_the_new_reading_and_the_log_says_so(tmp_path: Path) -> None:
    results, run = results_copy(tmp_path), finished_run(tmp_path / "run", 1)
    add_runs([run], results, replace=True)
    variant = RecipeResults.load(results / f"{WIDE}.json").variants["recipe"]
    assert variant.results[1].metrics == METRICS
    assert list(variant.results) == [0, 1, 2]
    log = (results / "nw_ucla" / "log.md").read_text()
    assert "seed 1, in place of an earlier reading" in log.splitlines()[-1]


def test_variants_keep_runs_beside_the_recipe(tmp_path: Path) -> None:
    results = results_copy(tmp_path)
    known = finished_run(tmp_path / "known", 5, split="cross_view_3_no_copies")

    def variants() -> dict[str, Variant]:
        return RecipeResults.load(results / f"{WIDE}.json").variants

    add_runs([known], results, recipe=WIDE, variant="no_copies")
    assert 5 in variants()["no_copies"].results
    wider = finished_run(tmp_path / "wider", 0, units=256, linear_c=(0.1, 1.0))
    add_runs([wider], results, recipe=WIDE, variant="wider")
    assert variants()["wider"].flags == {"units": "256", "linear_c": "0.1,1.0"}
    again = finished_run(tmp_path / "again", 1, units=256, linear_c=(0.1, 1.0))
    add_runs([again], results, recipe=WIDE, variant="wider")
    assert list(variants()["wider"].results) == [0, 1]
    assert "- wider |" in page_text(results, tmp_path / "page.md")


def test_a_recipe_without_results_gets_a_file(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", 0, "nw_ucla/longt_gan")
    add_runs([run], tmp_path / "results")
    assert (tmp_path / "results" / "nw_ucla" / "longt_gan.json").is_file()
    assert (tmp_path / "results" / "nw_ucla" / "log.md").is_file()
    assert "`longt_gan` | 84.00 (79.00, -) | 86.00" in page_text(tmp_path / "results", tmp_path)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--check", "--add=run"], "--check and --add: one at a time"),
        (["--replace"], "belong to --add"),
        (["--add=run", "--variant=x"], "--variant: name the recipe too"),
        (["--add=nowhere"], "nowhere/result.json: cannot be read"),
        (["--check", "--results=nowhere"], "nowhere: no results here"),
        (["--runs=nowhere"], "nowhere: cannot be read"),
    ],
)
def test_bad_flags_are_one_line(flags: list[str], named: str) -> None:
    done = command(*flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1


def test_readings_without_copies_get_a_row_where_there_are_any(tmp_path: Path) -> None:
    details = {"test_copies": 95}
    shared = ("unsupervised", "nw_ucla", "cross_view_3", 0, 80, 256)
    more = {"linear/others_top1": 72.0, "floor/raw/linear/others_top1": 61.0}
    results = (EvaluationResult(*shared, METRICS | new, {}, {}, details) for new in ({}, more))
    plain, told_apart = (
        recipe_table(
            [RecipeResults(tmp_path / "a.json", variants={AS_IT_IS: Variant(results={0: one})})]
        )
        for one in results
    )
    assert "no copies" not in plain
    row = "| - on the test clips that are no copies | 72.00 (61.00, -) | - | - | 1 |"
    assert told_apart.splitlines() == [*plain.splitlines(), row]


def over_seeds(path: Path, seed: int, more: float) -> str:
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
    paths = [over_seeds(tmp_path / f"{seed}.json", seed, 2.0 * seed) for seed in (0, 1)]
    done = command(f"--runs={','.join(paths)}", f"--json={tmp_path / 'mean.json'}")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["linear", "61.00", "±", "1.41", "50.00", "±", "0.00", "+11.00"] in lines
    cells = "61.0 ± 1.4 (50.0 ± 0.0, -)", "59.0 ± 1.4 (40.0 ± 0.0, 44.0 ± 1.4)"
    assert ["a", *" ".join(cells).split()] in lines
    assert not any(line and line[0].startswith("cross/") for line in lines)
    written = json.loads((tmp_path / "mean.json").read_text())
    assert written["cross/b/a/linear/top1"] == {"mean": 57.0, "sd": 0.0, "runs": 2}


def test_runs_that_do_not_belong_together(tmp_path: Path) -> None:
    paths = [over_seeds(tmp_path / f"{name}.json", 0, 0.0) for name in "ab"]
    done = command(f"--runs={','.join(paths)}")
    assert done.returncode == 2
    assert "error: results cannot be averaged: the same seed twice" in done.stderr


OWN_RECIPES = sorted(
    path.relative_to(PROJECT / "flags").with_suffix("").as_posix()
    for path in (PROJECT / "flags").glob("*/*.cfg")
    if not path.stem.startswith("tables_")
)


@pytest.mark.parametrize("recipe", OWN_RECIPES)
def test_a_run_of_a_recipe_is_of_no_other(recipe: str, tmp_path: Path) -> None:
    header = (PROJECT / "flags" / f"{recipe}.cfg").read_text()
    init = "runs/a/b" if f"--recipe={recipe} --init=" in header else "random"
    run = finished_run(tmp_path / "run", 0, recipe, init=init)
    dataset = recipe.split("/")[0]
    result = dataclasses.replace(EvaluationResult.load(run / "result.json"), dataset=dataset)
    found = recipe_of(run, result, tmp_path / "results", AS_IT_IS)
    assert found == PROJECT / "flags" / f"{recipe}.cfg"
