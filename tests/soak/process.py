"""Commands in processes of their own that start at once: copies of one that has imported all."""

from __future__ import annotations

import contextlib
import importlib
import os
import pathlib
import signal
import sys
import time
import traceback

from tests.cli.conftest import MODULES

Listing = frozenset[tuple[str, int]]


def warm_up() -> None:
    """Imports what commands import. No operation of TensorFlow may run before the copies."""
    for name in ("tensorflow", "keras", "sklearn.svm", "matplotlib.pyplot", "h5py"):
        importlib.import_module(name)


class Process:
    """A command on its way.

    Args:
        words: the command's name and flags.
        log: file for what it prints.
    """

    def __init__(self, words: list[str], log: pathlib.Path) -> None:
        self.began = time.monotonic()
        self.status: int | None = None
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            _become(words, log)

    def poll(self) -> int | None:
        """The exit status, that of a signal below 0; None: it has not ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status

    def wait(self, seconds: float) -> int | None:
        """The exit status, after so many seconds at most."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return self.status

    def send(self, number: int) -> None:
        """Sends a signal to it and, where it is SIGKILL, to the processes it has started."""
        if self.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if number == signal.SIGKILL else os.kill)(self.pid, number)


def _become(words: list[str], log: pathlib.Path) -> None:
    """Turns this copy into the command; does not return."""
    status = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.argv = words
        importlib.import_module(MODULES[words[0]]).entry()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def listing(folder: pathlib.Path) -> Listing:
    """Names and sizes of what is in a folder now."""
    found: set[tuple[str, int]] = set()
    pending = [os.fspath(folder)]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                    found.add((entry.path, -1))
                else:
                    found.add((entry.path, entry.stat(follow_symlinks=False).st_size))
    return frozenset(found)


def is_temporary(path: str) -> bool:
    """Whether a file or folder stands for something that is being written."""
    name = path.rpartition("/")[2]
    return name.startswith(".") or "_temp" in path or name.endswith(".new")
