"""Kills every command again and again, and counts what was lost: nothing.

    python -m tests.soak --minutes=60 --seed=0

runs each command of `tests.soak.commands` twice undisturbed, then kills it (SIGKILL, or SIGTERM,
which has to end it with status 75) at random moments, also inside the writing of a file, and runs
the same command again until it ends. It has to leave the same: weights, histories, records,
datasets, results, features, exported files. A line a loss names the command; its files are kept.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

from tests.soak.commands import COMMANDS, inputs, with_needs
from tests.soak.kills import LostError, Series
from tests.soak.process import warm_up


def main(arguments: list[str] | None = None) -> int:
    """Runs the series; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", action="append", choices=COMMANDS, help="default: all")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the files of losses")
    given = parser.parse_args(arguments)
    until = time.monotonic() + 60 * given.minutes
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        losses = run_series(
            pathlib.Path(folder), given.command or list(COMMANDS), given.seed, until, given.keep
        )
    return int(losses > 0)


def run_series(
    folder: pathlib.Path, names: list[str], seed: int, until: float, keep: pathlib.Path | None
) -> int:
    """Kills the commands by turns until a time of the monotonic clock; returns the losses."""
    series, losses, rounds = Series(folder, seed), 0, 0
    (folder / "read").mkdir()
    inputs(folder / "read")
    for name in dict.fromkeys(need for each in names for need in with_needs(each)):
        whole = series.learn(name)
        by_name = f"; by name alone: {', '.join(whole.varying)}" if whole.varying else ""
        print(
            f"{name}: {whole.seconds:.0f} s, {whole.changes} changes seen, "
            f"{len(whole.digest)} files compared{by_name}",
            flush=True,
        )
    while rounds == 0 or time.monotonic() < until:
        for name in names:
            try:
                series.disturb(name)
            except LostError as error:
                losses += 1
                print(f"lost: {error}", flush=True)
                if keep is not None:
                    for what in folder.glob("killed*"):
                        place = keep / f"{losses}_{name}_{what.name}"
                        (shutil.copytree if what.is_dir() else shutil.copy)(what, place)
            if rounds and time.monotonic() >= until:
                break
        rounds += 1
        print(f"after {rounds} rounds: {series.counts}, {losses} losses", flush=True)
    return losses


if __name__ == "__main__":
    sys.exit(main())
