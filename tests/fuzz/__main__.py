"""Damages what is valid and reads it, within bounds of time and memory.

    python -m tests.fuzz --target=readers --cases=10000 --format=ntu

prints how many cases were used and how many refused, a line a format, folder or command, then every
fault that was found once, with the number of its first case and its smallest version kept in
`--keep`.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Iterator

import scipy.io  # type: ignore[import-untyped]
import scipy.optimize  # type: ignore[import-untyped]  # noqa: F401

from tests.fuzz import trap
from tests.fuzz.limits import limited_memory
from tests.fuzz.promise import Failure
from tests.fuzz.targets import TARGETS, Fuzzed, fuzzed

_IN_MEMORY = pathlib.Path("/dev/shm")


def main(arguments: list[str] | None = None) -> int:
    """Runs cases; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", choices=TARGETS, default=TARGETS[0])
    parser.add_argument("--format", action="append", help="or folder, or command; default: all")
    parser.add_argument("--cases", type=int, default=100, help="of each, fewer of what takes long")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the cases that failed")
    given = parser.parse_args(arguments)
    there = fuzzed(given.target)
    if unknown := set(given.format or ()) - set(there):
        parser.error(f"--format={min(unknown)}: is not one of {', '.join(there)}")
    keep = None if given.keep is None else given.keep.absolute()
    faulthandler.enable()
    with _working_folder() as folder:
        chosen = [there[name] for name in given.format or there]
        failed = False
        for each in chosen:
            each.prepare(folder)
            trap.watch()
            with limited_memory(each.memory):
                count = max(1, round(given.cases * each.share))
                numbers = range(given.first, given.first + count)
                failed |= bool(_run(each, numbers, folder, keep))
            each.forget()
    return int(failed)


@contextlib.contextmanager
def _working_folder() -> Iterator[pathlib.Path]:
    """An empty folder by a short name: cases hold no path of this machine."""
    where, before = (_IN_MEMORY if _IN_MEMORY.is_dir() else None), pathlib.Path.cwd()
    with tempfile.TemporaryDirectory(dir=where) as parent:
        place = pathlib.Path(parent) / "a" / "b"
        (place / "w").mkdir(parents=True)
        os.chdir(place)
        try:
            yield pathlib.Path("w")
        finally:
            os.chdir(before)


def _run(
    one: Fuzzed, numbers: range, folder: pathlib.Path, keep: pathlib.Path | None
) -> dict[str, Failure]:
    """Runs the cases of one and prints what came of them."""
    outcomes: dict[str, int] = {}
    failures: dict[str, Failure] = {}
    began = time.process_time()
    for number in numbers:
        try:
            outcome = one.trial(number, folder)
        except Failure as failure:
            outcome = "failed"
            if failure.kind not in failures:
                failures[failure.kind] = failure
                print(f"{one.name}, case {number}: {failure.kind}\n{failure}", flush=True)
                if keep is not None:
                    one.keep(number, failure.kind, folder, keep)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    seconds = max(time.process_time() - began, 1e-9)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    rate = len(numbers) / seconds
    print(f"{one.name}: {counts}; {rate:.0f} cases a second of a processor", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
