"""Bounds on the time and the memory of a case."""

from __future__ import annotations

import contextlib
import pathlib
import resource
import signal
from collections.abc import Iterator
from typing import NoReturn

_WAITING = 12  # times as long a case may take on a busy machine, or wait for something


class TooLong(BaseException):
    """A case takes too long; no handler of exceptions takes it for one of its own."""


@contextlib.contextmanager
def limited_time(seconds: float) -> Iterator[None]:
    """Raises `TooLong` in a block that takes more seconds of a processor, or waits without end."""

    def stop(*_: object) -> NoReturn:
        raise TooLong(f"more than {seconds:g} seconds")

    timers = (
        (signal.ITIMER_PROF, signal.SIGPROF, 1),
        (signal.ITIMER_REAL, signal.SIGALRM, _WAITING),
    )
    before = [signal.signal(of_timer, stop) for _, of_timer, _ in timers]
    try:
        for timer, _, times in timers:
            signal.setitimer(timer, seconds * times)
        yield
    finally:
        for (timer, of_timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(of_timer, handler)


def limit_memory(more: int) -> None:
    """Lets this process have so many bytes more than it has now; beyond there is a MemoryError."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
