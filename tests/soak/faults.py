"""A disk that fails from a chosen file operation on, inside this process.

Python tells of every file it opens for writing, renames or removes before it does so (`sys.audit`),
whoever asks for it. Of what libraries write in C++ (a checkpoint of TensorFlow, HDF5) one sees the
operations before and after; `tests.soak` kills processes inside those.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import gc
import os
import pathlib
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate")


class Killed(BaseException):
    """Stands for SIGKILL: nothing that is done to files after it takes effect."""


@dataclasses.dataclass
class Fault:
    """What happens to changes of the files below a folder.

    Attributes:
        folder: that is watched.
        at: the number of the change, from 1, that fails; 0: none.
        kind: ``kill``: it and all later ones raise `Killed`; ``full``: it alone is refused, the
            disk has no space; ``read-only``: it and all later ones are refused.
        count: changes so far.
    """

    folder: pathlib.Path
    at: int = 0
    kind: str = "kill"
    count: int = 0

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Counts a change, and refuses it if it is its turn."""
        path = _changed(event, arguments)
        if path is None or not path.is_relative_to(self.folder):
            return
        self.count += 1
        if not self.at or self.count < self.at:
            return
        if self.kind == "kill":
            raise Killed
        if self.kind == "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        if self.count == self.at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


_ACTIVE: list[Fault] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _ACTIVE:
        _ACTIVE[-1].check(event, arguments)


sys.addaudithook(_hook)  # there is no way to take it away; it asks for nothing


def _changed(event: str, arguments: tuple[Any, ...]) -> pathlib.Path | None:
    """The file that an event changes; None where it changes none."""
    if event == "open":
        if not (arguments[2] or 0) & _WRITES:
            return None
        return _path(arguments[0])
    if event not in _CHANGES:
        return None
    folder = arguments[-1] if event in ("os.remove", "os.rmdir") else -1
    return _path(arguments[0], folder)


def _path(name: Any, folder: int = -1) -> pathlib.Path | None:
    if isinstance(name, int) or name is None:
        return None
    where = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 else ""
    return pathlib.Path(os.path.abspath(os.path.join(where, os.fsdecode(name))))


@contextlib.contextmanager
def failing(fault: Fault) -> Iterator[Fault]:
    """The fault is active in the block."""
    _ACTIVE.append(fault)
    try:
        yield fault
    finally:
        _ACTIVE.remove(fault)


def changes(work: Callable[[], object], folder: pathlib.Path) -> int:
    """How many changes of files below a folder a work makes that nothing disturbs."""
    with failing(Fault(folder)) as counted:
        work()
    return counted.count


def struck(work: Callable[[], object], fault: Fault) -> BaseException | None:
    """What a work on a failing disk ends with; None: it could do without the file."""
    with failing(fault):
        try:
            work()
        except (Killed, Exception) as error:
            _let_go(error)
            return error
    return None


def _let_go(error: BaseException | None) -> None:
    """Frees what an exception holds on to: the locks that a process which is killed lets go."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.with_traceback(None).__context__
    gc.collect()
