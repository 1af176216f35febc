"""The paper's tables by one command: cells, order, resumption, tables, and one real short run."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.result import EvaluationResult
from ms2l_tf.files import read_json, write_json
from tools.reproduce import report
from tools.reproduce.all_labels import SUPERVISED_TABLE
from tools.reproduce.checks import check_data, check_flags
from tools.reproduce.figure4 import task_peaks, tasks_figure
from tools.reproduce.running import run_missing
from tools.reproduce.runs import Plan, Run, all_runs, missing_runs
from tools.reproduce.table import Table
from tools.reproduce.tables import DATASETS, QUICK_CELLS, cells_of, table
from tools.results.store import RecipeResults

ROOT = Path(__file__).resolve().parents[2]
SCORES = {"ms2l": 70.0, "longt_gan": 60.0}


def plan_in(folder: Path, **changes: object) -> Plan:
    plan = Plan("nw_ucla", {"target": "data"}, folder / "runs", None, (0,), (0,))
    return dataclasses.replace(plan, **changes)  # type: ignore[arg-type]


def tables_of(*numbers: int, dataset: str = "nw_ucla") -> list[Table]:
    found = [table(number, dataset) for number in numbers]
    return [one for one in found if one is not None]


class FakeRunner:
    """Writes what a run leaves behind; a cell named in `fails` ends with an error."""

    def __init__(self, runs: Sequence[Run], fails: str = "") -> None:
        self._runs = {str(run.folder): run for run in runs}
        self._fails = fails
        self.commands: list[tuple[str, str]] = []

    def __call__(self, command: Sequence[str], log: Path, jobs: int) -> int:
        folder = next(text for text in command if text.startswith("--workdir=")).split("=", 1)[1]
        run, module = self._runs[folder], command[2].rsplit(".", 1)[1]
        self.commands.append((module, run.name))
        if run.cell.name == self._fails:
            log.write_text("one epoch\nerror: --units: too many\n")
            return 2
        if module == "train":
            if run.start:  # as ms2l-train would refuse it
                assert (run.plan.workdir / run.start[0] / f"seed{run.start[1]}").is_dir()
            run.folder.mkdir(parents=True)
            write_json(run.folder / "flags.json", {"settings": run.settings()})
            (run.folder / "model.weights.h5").touch()
        else:
            save_result(run, SCORES.get(run.cell.name, 50.0) + run.seed)
        return 0


def save_result(run: Run, value: float) -> None:
    probes = {"knn": "knn/1", "linear": "linear", "svm": "svm"}
    names = [probes[probe] for probe in run.cell.probes]
    metrics = {
        f"{prefix}{name}/top1": value - 10 * bool(prefix)
        for prefix in ("", "floor/raw/", "floor/random/")
        for name in names
    }
    protocol = run.cell.flags.get("protocol", "unsupervised")
    if protocol != "unsupervised":
        metrics["classifier/top1"] = value
    result = EvaluationResult(
        protocol, "nw_ucla", "cross_view_3", run.seed, 1, 60, metrics, {}, {}, {}
    )
    result.save(run.folder / "result.json")


def run_all(plan: Plan, tables: Sequence[Table], fails: str = "") -> tuple[list[Run], FakeRunner]:
    runs = all_runs(plan, cells_of(tables, quick=False))
    runner = FakeRunner(runs, fails)
    run_missing(missing_runs(runs), jobs=2, runner=runner, report=lambda _: None)
    return runs, runner


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_table_of_every_dataset_is_made_of_valid_runs(dataset: str, tmp_path: Path) -> None:
    sources = ["pku1", "ntu60", "synthetic_v1"]
    numbers = {1, 2, SUPERVISED_TABLE[dataset], 7, 8}
    numbers |= {6} if dataset in ("pku2", "synthetic") else set()
    found = [table(number, dataset, sources) for number in range(1, 9)]
    tables = [one for one in found if one is not None]
    assert {one.number for one in tables} == numbers
    cells = cells_of(tables, quick=False)
    before: set[str] = set()
    for cell in cells:
        assert cell.start in before | {""}, "a cell comes after the one it starts from"
        before.add(cell.name)
    plan = plan_in(tmp_path, dataset=dataset, data=dict.fromkeys(["target", *sources], "d"))
    for run in all_runs(plan, cells):
        settings = run.settings()  # raises if the flags contradict each other
        protocol = settings["protocol"]
        assert (protocol == "unsupervised") == ("recognise" not in run.cell.files)
        assert (protocol == "transfer") <= bool(run.start)
    for one in tables:
        named = {reading[0] for row in one.rows for reading in row.readings if reading}
        assert named <= before, "every number has a cell"
        assert all(len(row.readings) == len(one.columns) for row in one.rows)


def test_the_tables_share_pretraining_and_hold_the_papers_numbers() -> None:
    tables = tables_of(1, 2, 3, 7, 8)
    assert len(cells_of(tables, quick=False)) == 63
    published = {
        (one.number, row.title): row.published["nw_ucla"]
        for one in tables
        for row in one.rows
        if "nw_ucla" in row.published
    }
    assert published[1, "MS2L"] == 76.81
    assert published[2, "1 %, random: MS2L"] == 21.28
    assert published[3, "Joint, omega 1"] == published[7, "all"] == 86.75
    assert published[8, "temporal prediction"] == published[7, "prediction"] == 84.88
    assert (2, "1 %, balanced: MS2L") not in published
    pku2 = table(6, "pku2")
    assert pku2
    of_pku2 = [row.published.get("pku2") for row in pku2.rows]
    assert of_pku2 == [40.97, 43.61, 44.14, 44.83, 45.81, None, None], "the floors come last"
    assert {cell.name for cell in pku2.cells} == {"supervised_random"}, "no source, no cell"


@pytest.mark.parametrize("number", range(2, 9))
def test_every_table_has_the_floors(number: int) -> None:
    """Table 1 has its own names for them."""
    dataset = {4: "pku1", 5: "ntu60"}.get(number, "synthetic")
    one = table(number, dataset, ["synthetic_v1"])
    assert one is not None
    for floor in ("random", "raw"):
        read = [r for row in one.rows for r in row.readings if r and f"floor/{floor}/" in r[1]]
        assert any(metric.endswith("knn/1/top1") for _, metric in read)
        assert {cell for cell, _ in read} <= {cell.name for cell in one.cells}
    assert all(len(row.readings) in (0, len(one.columns)) for row in one.rows)


def test_quick_runs_a_cell_of_every_kind() -> None:
    found = [table(number, "synthetic", ["synthetic_v1"]) for number in range(1, 9)]
    cells = cells_of([one for one in found if one is not None], quick=True)
    assert {cell.name for cell in cells} == {
        name for name in QUICK_CELLS if "pku1" not in name and "ntu60" not in name
    }
    assert {cell.flags.get("protocol") for cell in cells} >= {"semi", "supervised", "transfer"}
    assert {cell.flags.get("schedule") for cell in cells} >= {"moving", "joint"}


def test_runs_start_after_what_they_start_from_and_are_not_repeated(tmp_path: Path) -> None:
    plan, tables = plan_in(tmp_path, seeds=(0, 1), draws=(0, 1, 2)), tables_of(1, 2)
    runs, runner = run_all(plan, tables)
    assert {name for _, name in runner.commands} == {run.name for run in runs}
    assert runner.commands.count(("train", "ms2l/seed0")) == 1
    third = next(run for run in runs if run.name == "semi_1_random_ms2l/seed2")
    assert third.start == ("ms2l", 0), "draws beyond the seeds take the pre-trained runs in turn"
    _, again = run_all(plan, tables)
    assert again.commands == []


def test_an_interrupted_table_goes_on(tmp_path: Path) -> None:
    plan, tables = plan_in(tmp_path), tables_of(1, 2)
    with pytest.raises(InputError, match=r"cell longt_gan/seed0: --units: too many; log: .*seed0"):
        run_all(plan, tables, fails="longt_gan")
    runs = all_runs(plan, cells_of(tables, quick=False))
    assert next(run for run in runs if run.cell.name == "ms2l").result, "what ran beside it is kept"
    (plan.workdir / "ms2l" / "seed0" / "result.json").unlink()
    _, runner = run_all(plan, tables)
    assert ("train", "ms2l/seed0") not in runner.commands, "trained already, evaluated again"
    assert ("evaluate", "ms2l/seed0") in runner.commands
    assert all(run.result for run in runs)


def test_other_flags_than_the_runs_are_refused(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    runs, _ = run_all(plan, tables_of(1))
    for run in runs:
        check_flags(run)
    changed = dataclasses.replace(plan, extra={"units": "31"})
    with pytest.raises(InputError, match=r"cell ms2l/seed0: .* --units=\d+, .* --units=31"):
        check_flags(dataclasses.replace(runs[0], plan=changed))
    draws = plan_in(tmp_path / "draws", draws=(0, 1), results_dir=tmp_path / "kept")
    second = run_all(draws, tables_of(2))[0]
    more = dataclasses.replace(draws, seeds=(0, 1))
    for workdir in (draws.workdir, tmp_path / "elsewhere"):
        report.keep_results(second)
        plans = dataclasses.replace(more, workdir=workdir)
        found = next(run for run in second if run.name == "semi_1_random_ms2l/seed1")
        with pytest.raises(InputError, match=r"starts from ms2l/seed0, .* from ms2l/seed1"):
            check_flags(dataclasses.replace(found, plan=plans))
    unknown = dataclasses.replace(plan, extra={"unit": "31"})
    with pytest.raises(InputError, match=r"'--unit=31' is no flag of ms2l-train"):
        check_flags(dataclasses.replace(runs[0], plan=unknown))


def test_runs_of_another_dataset_are_refused(tmp_path: Path, tiny_dataset: ClipDataset) -> None:
    plan = plan_in(tmp_path, data={"target": str(tiny_dataset.path)})
    run = all_runs(plan, cells_of(tables_of(1), quick=False))[0]
    check_data(run)
    record = {
        "dataset": "tiny",
        "fingerprint": tiny_dataset.fingerprint,
        "settings": {"layouts": [], "split": ""},
    }
    run.folder.mkdir(parents=True)
    write_json(run.folder / "flags.json", record)
    check_data(run)
    for change in ({"fingerprint": "other"}, {"dataset": "synthetic"}):
        write_json(run.folder / "flags.json", {**record, **change})
        with pytest.raises(InputError, match=r"which is not .*; name a new --workdir"):
            check_data(run)


def test_tables_give_mean_spread_and_a_dash_for_what_is_missing(tmp_path: Path) -> None:
    tables = tables_of(1, 3)
    runs, _ = run_all(plan_in(tmp_path, seeds=(0, 1)), tables[:1])
    results = report.collect(runs)
    text = report.write_tables(str(tmp_path), tables, "nw_ucla", results, "command")
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert rows["MS2L"] == "| MS2L | 76.81 | 70.50 ± 0.71 | 70.50 ± 0.71 | 70.50 ± 0.71 | 2 |"
    assert rows["Rand-U"].startswith("| Rand-U | 60.61 | 60.50 ± 0.71 |")
    assert rows["Joint, omega 1"] == "| Joint, omega 1 | 86.75 | - | - | - | - |"
    assert rows["HBRNN-L (published)"] == "| HBRNN-L (published) | 78.50 | - | - | - | - |"
    written = read_json(tmp_path / "tables.json")
    ms2l = next(row for row in written["tables"][0]["rows"] if row["title"] == "MS2L")
    assert ms2l["values"]["linear"] == {
        "mean": 70.5,
        "sd": pytest.approx(0.7071, abs=1e-4),
        "seeds": [0, 1],
    }
    assert "Split: cross_view_3." in text
    assert (tmp_path / "tables.md").read_text() == text + "\n"


def test_committed_results_stand_in_for_missing_runs(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, results_dir=tmp_path / "kept")
    tables = tables_of(1, 2)
    runs, _ = run_all(plan, tables)
    assert report.keep_results(runs) == len(runs)
    kept = tmp_path / "kept" / "nw_ucla" / "tables" / "semi_1_random_ms2l.json"
    assert str(tmp_path) not in kept.read_text()
    result = RecipeResults.load(kept).variants["recipe"].results[0]
    assert result.details["settings"]["label_fraction"] == 0.01
    elsewhere = dataclasses.replace(plan, workdir=tmp_path / "elsewhere")
    moved = all_runs(elsewhere, cells_of(tables, quick=False))
    for run in moved:
        check_flags(run)
    assert missing_runs(moved) == []
    # Their texts: one seed's deviation is not a number, and that equals nothing, not even itself.
    assert repr(report.collect(moved)) == repr(report.collect(runs))
    kept.unlink()
    wanted = [run.name for run in missing_runs(moved)]
    assert wanted == ["ms2l/seed0", "semi_1_random_ms2l/seed0"], "it starts from weights"
    with pytest.raises(InputError, match=r"longt_gan\.json, seed 0, has --units"):
        check_flags(
            dataclasses.replace(moved[1], plan=dataclasses.replace(elsewhere, extra={"units": "5"}))
        )


def test_figure_of_the_task_losses(tmp_path: Path) -> None:
    paths = []
    for name in ("pretraining", "fine_tuning", "moving"):
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text("epoch,prediction,jigsaw,contrastive\n1,0.5,1.7,2.0\n2,0.4,1.6,1.9\n")
    paths[1].write_text("epoch,prediction,jigsaw,contrastive\n1,0.8,1.6,0.0\n2,0.6,1.2,1.9\n")
    peaks = task_peaks(paths[0], paths[1])
    assert peaks == pytest.approx({"prediction": 2.0, "jigsaw": 1.0, "contrastive": 1.0})
    tasks_figure(tmp_path / "figure4.png", *paths)
    assert (tmp_path / "figure4.png").read_bytes().startswith(b"\x89PNG")


def reproduce(*flags: str) -> subprocess.CompletedProcess[str]:
    # In a process of its own: the command defines flags that other commands define too.
    return subprocess.run(
        [sys.executable, "-m", "tools.reproduce", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


BAD_INPUT = [
    (["--dataset=nw_ucla", "--tables=1,9"], "no Table 9 of nw_ucla; known: 1, 2, 3, 7, 8"),
    (["--dataset=pku2", "--tables=4", "--data=nowhere"], "prepare pku2 first: there is no reader"),
    (["--dataset=pku2", "--tables=6"], "prepare pku1 and ntu60 first: --source_data=pku1=DIR,ntu6"),
    (["--dataset=ntu60", "--from_results"], "--from_results: no result of these tables is in"),
    (["--dataset=nw_ucla", "--data=no where"], "--source=ARCHIVE '--out=no where'"),
    (["--dataset=nw_ucla", "--data=nowhere"], "prepare nw_ucla first: ms2l-prepare --format"),
    (["--dataset=pku2", "--source_data=pku3=x"], "pku2 takes pku1=DIR,ntu60=DIR"),
]
# All in one process, which takes seconds to start.
ERRORS = """
import json, sys
from absl import flags
from tools.reproduce import __main__ as reproduce
for given in json.load(sys.stdin):
    flags.FLAGS.unparse_flags()
    for flag in ("data", "tables", "source_data", "from_results"):
        flags.FLAGS[flag].unparse()
    flags.FLAGS(["reproduce", *given])
    try:
        reproduce.main()
    except reproduce.InputError as error:
        print(str(error))
"""


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    workdir = tmp_path / "runs"
    cases = [[*flags, f"--workdir={workdir}"] for flags, _ in BAD_INPUT]
    done = subprocess.run(
        [sys.executable, "-c", ERRORS],
        cwd=ROOT,
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    for line, (_, named) in zip(lines, BAD_INPUT, strict=True):
        assert named in line
    assert not list(workdir.glob("*"))


def test_dry_run_shows_what_is_done_and_runs_nothing(tmp_path: Path) -> None:
    run_all(plan_in(tmp_path), tables_of(1))
    places = (f"--workdir={tmp_path / 'runs'}", f"--data={tmp_path / 'none'}")
    done = reproduce("--dataset=nw_ucla", *places, "--tables=1,2", "--dry_run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "done   ms2l/seed0"
    assert "to do  semi_1_random_ms2l/seed0  from ms2l/seed0" in lines
    assert lines[-1] == "2 of 22 done"
    assert not (tmp_path / "runs" / "tables.md").exists()


def test_the_command_ends_with_status_2_on_bad_input(tmp_path: Path) -> None:
    done = reproduce("--dataset=nw_ucla", f"--workdir={tmp_path}", "--tables=4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --tables: there is no Table 4 of nw_ucla")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_quick_tables_for_real(tmp_path: Path) -> None:
    flags = ("--dataset=synthetic", "--quick", f"--workdir={tmp_path}")
    done = reproduce(*flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "figure4.png").is_file()
    assert set(read_json(tmp_path / "figure4.json")) == {"largest loss over that of pre-training"}
    tables = {one["number"]: one for one in read_json(tmp_path / "tables.json")["tables"]}
    assert set(tables) == {1, 2, 3, 6, 7, 8}
    rows = {(number, row["title"]): row for number, one in tables.items() for row in one["rows"]}
    for number, title, column in (
        (1, "Rand-U", "SVM"),
        (1, "LongT GAN", "linear"),
        (2, "10 %, balanced: LongT GAN", "classifier"),
        (3, "Moving", "classifier"),
        (6, "MS2L from synthetic, Kinect v1 layout", "classifier"),
        (7, "all", "pre-train + fine-tune"),
        (8, "contrastive, spatial prediction and temporal jigsaw input", "joint"),
    ):
        assert 0 <= rows[number, title]["values"][column]["mean"] <= 100
    again = reproduce(*flags)
    assert again.returncode == 0, again.stderr
    assert "starts" not in again.stdout


@pytest.mark.slow
def test_quick_tables_of_the_larger_datasets_on_clips_of_their_shape(tmp_path: Path) -> None:
    folders = {}
    for number, (name, preset) in enumerate(
        [("pku1", "pku_mmd"), ("pku2", "pku_mmd"), ("ntu60", "ntu60")]
    ):
        folders[name] = tmp_path / name
        generate(folders[name], preset=preset, clips=480, seed=number, progress=False)
    sources = f"--source_data=pku1={folders['pku1']},ntu60={folders['ntu60']}"
    for name, number, titles, more in (
        ("pku2", 6, ("MS2L from PKU-I", "LongT GAN from NTU"), [sources]),
        ("pku1", 4, ("Moving",), []),
        ("ntu60", 5, ("BLSTM",), []),
    ):
        workdir = tmp_path / "runs" / name
        places = (f"--data={folders[name]}", f"--workdir={workdir}")
        done = reproduce(f"--dataset={name}", f"--tables={number}", "--quick", *places, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        (made,) = read_json(workdir / "tables.json")["tables"]
        rows = [row for row in made["rows"] if row["title"] in titles]
        assert len(rows) == len(titles)
        for row in rows:
            assert 0 <= row["values"]["classifier"]["mean"] <= 100
