"""Damaged sources of every format become a dataset that verifies, or one line, within bounds.

`python -m tests.fuzz --cases=10000 --format=ntu` runs more cases; what they find goes to `corpus`.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from ms2l_tf.data.formats import FORMATS
from tests.fuzz.cases import DATASET, Case, run_case
from tests.fuzz.promise import REFUSED
from tests.fuzz.seeds import SEEDS, files_of, seed_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(__file__).parent / "corpus"
# Folders corpus/<format>/<fault>/seed_<number>, each the source that had this fault once.
FOUND = sorted(CORPUS.glob("*/*/seed_*"))
CASES = int(os.environ.get("FUZZ_CASES", "2500"))  # of each format, in the slow test


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, whose memory is bounded."""
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)


def test_every_format_is_fuzzed() -> None:
    assert SEEDS.keys() == FORMATS.keys()
    assert len(FOUND) > 15, "the corpus is not there"


@pytest.mark.parametrize("format_name", SEEDS)
def test_valid_sources_become_datasets(format_name: str, tmp_path: pathlib.Path) -> None:
    for seed in range(len(SEEDS[format_name])):
        case = Case(format_name, seed, seed_files(format_name, seed), lenient=False)
        assert run_case(case, tmp_path) == DATASET


@pytest.mark.parametrize("source", FOUND, ids=lambda path: "-".join(path.parts[-3:-1]))
def test_what_was_found_once(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    seed = int(source.name.removeprefix("seed_"))
    for lenient in (True, False):
        case = Case(source.parts[-3], seed, files_of(source), lenient)
        assert run_case(case, tmp_path) in (DATASET, REFUSED)


def test_some_cases_of_every_format() -> None:
    made = run("--cases=20")
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.count(" cases a second") == len(FORMATS)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", SEEDS)
def test_many_cases(format_name: str) -> None:
    made = run(f"--cases={CASES}", "--first=1000000", f"--format={format_name}")
    assert made.returncode == 0, made.stdout + made.stderr
