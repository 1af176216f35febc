"""Runs what is missing of the MS2L paper's tables on a dataset and prints them beside the paper's.

    python -m tools.reproduce --dataset=nw_ucla --data=data/nw_ucla --workdir=runs/tables \
      --tables=1,2,3,7,8 --seeds=1
    python -m tools.reproduce --dataset=synthetic --workdir=runs/quick --quick

Every cell is a run folder WORKDIR/<cell>/seed<k>, its log beside it; finished ones are not run
again, so the same command goes on after an interruption. Settings: flags/<dataset>/tables_*.cfg.
Written: tables.md, tables.json, figure4.png, figure4.json. Tables 3, 4 and 5 are the supervised
ones of NW-UCLA (and synthetic), PKU-MMD and NTU; Table 6 is pku2's and, in kind, synthetic's.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import NoReturn

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError
from tools.reproduce import report
from tools.reproduce.all_labels import SUPERVISED_TABLE
from tools.reproduce.checks import check_data, check_flags
from tools.reproduce.datasets import QUICK_CLIPS, data_folders, prepare_data, source_of
from tools.reproduce.peaks import write_figure_4
from tools.reproduce.running import run_missing, stop_running
from tools.reproduce.runs import Plan, Run, all_runs, missing_runs
from tools.reproduce.table import Table
from tools.reproduce.tables import DATASETS, QUICK_FLAGS, cells_of, table
from tools.reproduce.transfer import SOURCES

DATASET = flags.DEFINE_enum("dataset", None, list(DATASETS), "Dataset of the tables.")
DATA = flags.DEFINE_string(
    "data", "", "Its folder; empty: data/<dataset>, or for synthetic a set made in --workdir."
)
SOURCE_DATA = flags.DEFINE_list(
    "source_data", [], "Source datasets of Table 6: pku1=DIR,ntu60=DIR for pku2."
)
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the runs, tables and figure.")
TABLES = flags.DEFINE_list("tables", [], "Numbers, comma-separated; empty: all of the dataset.")
SEEDS = flags.DEFINE_integer("seeds", 1, "Seeds of every cell.", lower_bound=1)
FIRST_SEED = flags.DEFINE_integer("first_seed", 0, "The first of them.", lower_bound=0)
DRAWS = flags.DEFINE_integer(
    "draws", 0, "Label draws of the 1 % rows; 0: as many as --seeds.", lower_bound=0
)
QUICK = flags.DEFINE_bool("quick", False, "Tiny networks, 1 epoch, one cell of each kind.")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print the cells and which are done; run nothing.")
JOBS = flags.DEFINE_integer("jobs", 2, "Cells at a time.", lower_bound=1)
RESULTS_DIR = flags.DEFINE_string(
    "results_dir",
    "",
    "Keep the cells' results here too (of this project: results), in <dataset>/tables/<cell>.json; "
    "a result that lies here counts as done.",
)
FROM_RESULTS = flags.DEFINE_bool(
    "from_results", False, "Run nothing; make the tables of the results there are."
)


def chosen_tables(dataset: str, numbers: list[str], sources: list[str]) -> list[Table]:
    """The tables asked for.

    Raises:
        InputError: there is no such table, or not for this dataset.
    """
    known = [number for number in range(1, 9) if table(number, dataset)]
    chosen = []
    for text in numbers or [str(number) for number in known]:
        asked = table(int(text), dataset, sources) if text.isdecimal() else None
        if asked is None:
            raise InputError(
                f"--tables: there is no Table {text} of {dataset}; "
                f"known: {', '.join(map(str, known))} (supervised: {SUPERVISED_TABLE[dataset]})"
            )
        chosen.append(asked)
    return chosen


def _check_sources(dataset: str, numbers: list[str], folders: dict[str, str]) -> None:
    """Table 6 asked for by its number needs the datasets it transfers from."""
    missing = [name for name in SOURCES.get(dataset, ()) if name not in folders]
    if not missing:
        return
    names, wanted = " and ".join(missing), ",".join(f"{name}=DIR" for name in missing)
    if "6" in numbers and not FROM_RESULTS.value:
        raise InputError(f"--tables=6: prepare {names} first: --source_data={wanted}")
    print(f"Table 6 without the rows of {names}: --source_data={wanted} adds them")


def _plan(dataset: str, folders: dict[str, str], workdir: Path) -> Plan:
    first, seeds = FIRST_SEED.value, SEEDS.value
    draws = max(DRAWS.value, seeds)
    return Plan(
        dataset,
        folders,
        workdir,
        Path(RESULTS_DIR.value) if RESULTS_DIR.value else None,
        tuple(range(first, first + seeds)),
        tuple(range(first, first + draws)),
        QUICK_FLAGS if QUICK.value else {},
    )


def _command() -> str:
    """The command without the places of this machine."""
    given = [("dataset", DATASET.value), ("tables", ",".join(TABLES.value)), ("seeds", SEEDS.value)]
    given += [("first_seed", FIRST_SEED.value), ("draws", DRAWS.value)]
    texts = [f"--{name}={value}" for name, value in given if value]
    return " ".join(["python -m tools.reproduce", *texts, *(["--quick"] if QUICK.value else [])])


def _show_state(runs: list[Run], missing: list[Run]) -> None:
    for run in runs:
        state = "to do" if run in missing else "done"
        start = f"  from {'/seed'.join(map(str, run.start))}" if run.start else ""
        print(f"{state:5}  {run.name}{start}")
    print(f"{len(runs) - len(missing)} of {len(runs)} done")


def _stop(number: int, frame: object) -> NoReturn:
    stop_running()
    sys.exit(128 + number)


def main() -> None:
    """Reads the flags, runs what is missing and prints the tables."""
    dataset = DATASET.value
    if not dataset:
        raise InputError(f"--dataset: name one of {', '.join(DATASETS)}")
    if not WORKDIR.value:
        raise InputError("--workdir: name the folder of the runs")
    workdir = Path(WORKDIR.value)
    folders = data_folders(dataset, workdir, DATA.value, SOURCE_DATA.value)
    tables = chosen_tables(dataset, TABLES.value, list(folders))
    if any(chosen.number == 6 for chosen in tables):
        _check_sources(dataset, TABLES.value, folders)
    cells = cells_of(tables, quick=QUICK.value)
    plan = _plan(dataset, folders, workdir)
    runs = all_runs(plan, cells)
    for run in runs:
        check_flags(run)
        check_data(run)
    missing = missing_runs(runs)
    if DRY_RUN.value:
        _show_state(runs, missing)
        return
    if FROM_RESULTS.value and not any(run.result for run in runs):
        places = " nor ".join(text for text in (f"{workdir}", RESULTS_DIR.value) if text)
        raise InputError(f"--from_results: no result of these tables is in {places}")
    workdir.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _stop)  # Ctrl-C reaches the cells by itself
    try:
        if missing and not FROM_RESULTS.value:
            clips = QUICK_CLIPS if QUICK.value else None
            prepare_data(folders, dataset, [run.cell for run in missing], workdir, clips)
            run_missing(missing, jobs=JOBS.value)
    finally:  # what is done is kept, whatever stopped the rest
        if any(run.result for run in runs):
            report.keep_results(runs)
            results = report.collect(runs)
            source = source_of(Path(folders["target"]))
            text = report.write_tables(str(workdir), tables, dataset, results, _command(), source)
            print(f"\n{text}\n\n{workdir / 'tables.md'}\n{workdir / 'tables.json'}")
            write_figure_4(plan)


if __name__ == "__main__":
    common.run(main, "the same command goes on with what is missing")
