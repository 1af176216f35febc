"""Ending on request: SIGTERM and Ctrl-C end a command at once, or as soon as nothing is lost."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator

TERMINATED_STATUS = 75  # EX_TEMPFAIL of sysexits.h: the same command, run again, goes on
INTERRUPTED_STATUS = 130  # as of a program that Ctrl-C ends


class Stopped(KeyboardInterrupt):
    """A signal asks the command to end; what cleans up after Ctrl-C cleans up after SIGTERM.

    Who knows more of how to go on puts it into `args`.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    @property
    def status(self) -> int:
        """The command's exit status."""
        return TERMINATED_STATUS if self.number == signal.SIGTERM else INTERRUPTED_STATUS


@dataclasses.dataclass
class _Request:
    """The signal that was received, and whether it has to wait."""

    number: int = 0
    held: bool = False


_REQUEST = _Request()


@contextlib.contextmanager
def on_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise `Stopped` in the block, later where it is held off.

    Further SIGTERMs change nothing, as schedulers send several; a second Ctrl-C is the interrupt
    that waits for nothing. A signal that is ignored, as by `nohup`, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [
        number
        for number in (signal.SIGTERM, signal.SIGINT)
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    ]
    before = {number: signal.signal(number, _receive) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _REQUEST.number, _REQUEST.held = 0, False


def _receive(number: int, _: object) -> None:
    again = _REQUEST.number != 0
    if again and number == signal.SIGINT:
        raise KeyboardInterrupt
    _REQUEST.number = _REQUEST.number or number
    if not again and not _REQUEST.held:
        raise Stopped(number)


def hold() -> None:
    """Has a signal wait for `release`."""
    _REQUEST.held = True


def release() -> None:
    """Lets a signal end the command again.

    Raises:
        Stopped: there was one.
    """
    _REQUEST.held = False
    if _REQUEST.number:
        raise Stopped(_REQUEST.number)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """A block that a signal does not cut in two."""
    hold()
    yield
    release()
