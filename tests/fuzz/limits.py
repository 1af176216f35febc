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


@contextlib.contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Lets a block have so many bytes more than there are now; beyond there is a MemoryError."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def unlimited_memory() -> Iterator[None]:
    """Lifts the limit for a block that clears up after a MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
