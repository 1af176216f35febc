"""Several workers of one run as processes of this machine, which meet on loopback."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ("-m", "ms2l_tf.cli.train")
LIMIT = 400.0  # seconds; workers that take longer hang


def tf_config(ports: Sequence[int], index: int) -> str:
    """The value of `TF_CONFIG` of one worker."""
    workers = [f"127.0.0.1:{port}" for port in ports]
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all are held until each is found, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a worker ended."""

    status: int
    out: str
    errors: str


class Workers:
    """Processes of one command, and what they print.

    Args:
        flags: of ``ms2l-train``.
        count: of workers.
        log: folder for what they print.
        own_flags: of one worker, after those of all.
    """

    def __init__(
        self,
        flags: Sequence[str],
        count: int,
        log: pathlib.Path,
        *,
        own_flags: Mapping[int, Sequence[str]] | None = None,
    ) -> None:
        log.mkdir(parents=True, exist_ok=True)
        ports = free_ports(count)
        self._log = log
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        for index in range(count):
            more = (own_flags or {}).get(index, ())
            own = {"TF_CONFIG": tf_config(ports, index), "OMP_NUM_THREADS": "1"}
            with open(log / f"out{index}", "wb") as out, open(log / f"err{index}", "wb") as err:
                self.processes[index] = subprocess.Popen(
                    [sys.executable, *PROGRAM, "--strategy=multiworker", *flags, *more],
                    stdout=out,
                    stderr=err,
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT), **own},
                )

    def wait_until(self, reached: Callable[[], bool], limit: float = LIMIT) -> None:
        """Waits; fails if a worker ends before or the time is up."""
        begun = time.monotonic()
        while not reached():
            ended = [i for i, one in self.processes.items() if one.poll() is not None]
            assert not ended, {i: self.printed(i, "err") for i in ended}
            assert time.monotonic() - begun < limit, "the workers hang"
            time.sleep(0.05)

    def ended(self, limit: float = LIMIT) -> dict[int, Ended]:
        """Waits for all of them, at most so many seconds."""
        until = time.monotonic() + limit
        for process in self.processes.values():
            process.wait(max(0.1, until - time.monotonic()))
        return {
            index: Ended(process.returncode, self.printed(index, "out"), self.printed(index, "err"))
            for index, process in self.processes.items()
        }

    def printed(self, index: int, where: str) -> str:
        """What a worker has printed so far: ``out`` or ``err``."""
        return (self._log / f"{where}{index}").read_text()


@contextmanager
def workers(*args: object, **named: object) -> Iterator[Workers]:
    """`Workers`, none of which outlives the block."""
    started = Workers(*args, **named)  # type: ignore[arg-type]
    try:
        yield started
    finally:
        for process in started.processes.values():
            process.kill()
            process.wait()
