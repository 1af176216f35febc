"""Runs cells in processes of their own, several at a time, each after the one it starts from."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from ms2l_tf.errors import InputError
from tools.reproduce.runs import Run

Runner = Callable[[Sequence[str], Path, int], int]  # command, log, jobs -> exit status

_running: set[subprocess.Popen[bytes]] = set()


def run_command(command: Sequence[str], log: Path, jobs: int) -> int:
    """Runs a command, its output at the end of `log`; several jobs share the cores."""
    env = dict(os.environ)
    if jobs > 1:
        env |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    with (
        open(log, "a", encoding="utf-8") as stream,
        subprocess.Popen(command, stdout=stream, stderr=stream, env=env) as process,
    ):
        _running.add(process)
        try:
            return process.wait()
        finally:
            _running.discard(process)


def stop_running() -> None:
    """Ends the commands that `run_command` has running; they go on where they are the next time."""
    for process in tuple(_running):
        process.terminate()


class _Failed(Exception):
    """A cell's command failed; the text is its error."""


def run_missing(
    runs: Sequence[Run],
    *,
    jobs: int,
    runner: Runner = run_command,
    report: Callable[[str], None] = print,
) -> None:
    """Trains and evaluates runs until all are done.

    Args:
        runs: those to do, each after the one it starts from; others are already done.
        jobs: how many at a time.
        runner: runs one command.
        report: gets a line for every start and end.

    Raises:
        InputError: a cell failed; those that were running have ended, no other was started.
    """
    waiting, began = list(runs), time.monotonic()
    failures: list[str] = []
    seconds: list[float] = []  # of the finished ones
    running: dict[Future[None], tuple[int, Run, float]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while running or (waiting and not failures):
            while not failures and len(running) < jobs and (run := _next(waiting, running)):
                number = len(runs) - len(waiting)
                report(f"[{number}/{len(runs)}] {run.name} starts")
                future = pool.submit(_do, run, jobs, runner)
                running[future] = (number, run, time.monotonic())
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, run, started = running.pop(future)
                error = future.exception()
                if isinstance(error, _Failed):
                    failures.append(f"cell {run.name}: {error}")
                    report(f"[{number}/{len(runs)}] {run.name} failed: {error}")
                elif error is not None:
                    raise error
                else:
                    now = time.monotonic()
                    seconds.append(now - started)
                    left = sum(seconds) / len(seconds) * (len(runs) - len(seconds)) / jobs
                    report(
                        f"[{number}/{len(runs)}] {run.name} done in {_clock(seconds[-1])}; "
                        f"{_clock(now - began)} gone, about {_clock(left)} left"
                    )
    if failures:
        raise InputError("; ".join(failures))


def _next(waiting: list[Run], running: dict[Future[None], tuple[int, Run, float]]) -> Run | None:
    """Takes the first run whose start is neither waiting nor running."""
    busy = {(run.cell.name, run.seed) for run in waiting}
    busy |= {(run.cell.name, run.seed) for _, run, _ in running.values()}
    for position, run in enumerate(waiting):
        if run.start not in busy:
            return waiting.pop(position)
    return None


def _do(run: Run, jobs: int, runner: Runner) -> None:
    run.log.parent.mkdir(parents=True, exist_ok=True)
    train, evaluate = run.commands()
    for command in ([] if run.trained else [train]) + [evaluate]:
        status = runner(command, run.log, jobs)
        if status:
            raise _Failed(f"{_last_line(run.log, status)}; log: {run.log}")


def _last_line(log: Path, status: int) -> str:
    """The one-line error of a command, or the last line it wrote."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    line = (errors or lines or [f"exit status {status}"])[-1]
    return line.removeprefix("error: ")


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
