"""Damages valid sources and reads them, within bounds of time and memory.

    python -m tests.fuzz --cases=10000 --format=ntu

prints how many became datasets and how many were refused, a line a format, then every fault that
was found once, with the number of its first case and its smallest source kept in `--keep`.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
import time

import scipy.io  # type: ignore[import-untyped]
import scipy.optimize  # type: ignore[import-untyped]  # noqa: F401

from tests.fuzz import trap
from tests.fuzz.cases import Case, Failure, make_case, run_case
from tests.fuzz.limits import limit_memory
from tests.fuzz.minimise import smallest
from tests.fuzz.seeds import SEEDS

MEMORY = 512 << 20  # bytes that reading sources of some kilobytes may need
_IN_MEMORY = pathlib.Path("/dev/shm")


def main(arguments: list[str] | None = None) -> int:
    """Runs cases; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--format", action="append", choices=SEEDS, help="default: all")
    parser.add_argument("--cases", type=int, default=100, help="of each format")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the sources that failed")
    given = parser.parse_args(arguments)
    limit_memory(MEMORY)
    trap.watch()
    where = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as folder:
        numbers = range(given.first, given.first + given.cases)
        formats = given.format or list(SEEDS)
        failed = [_run_format(each, numbers, pathlib.Path(folder), given.keep) for each in formats]
    return int(any(failed))


def _run_format(
    name: str, numbers: range, folder: pathlib.Path, keep: pathlib.Path | None
) -> dict[str, Failure]:
    """Runs the cases of a format and prints what came of them."""
    outcomes: dict[str, int] = {}
    failures: dict[str, Failure] = {}
    began = time.perf_counter()
    for number in numbers:
        case = make_case(name, number)
        try:
            outcome = run_case(case, folder)
        except Failure as failure:
            outcome = "failed"
            if failure.kind not in failures:
                failures[failure.kind] = failure
                print(f"{name}, case {number}: {failure.kind}\n{failure}", flush=True)
                if keep is not None:
                    _keep(smallest(case, failure.kind, folder), keep / name / f"case_{number}")
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    seconds = time.perf_counter() - began
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{name}: {counts}; {len(numbers) / seconds:.0f} cases a second", flush=True)
    return failures


def _keep(case: Case, folder: pathlib.Path) -> None:
    for name, content in case.files.items():
        path = folder / f"seed_{case.seed}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
