"""What a harmful pickle calls, and what else must not happen while a source is read."""

from __future__ import annotations

import sys
from typing import Any

# Events that Python reports before it does them; see the table of audit events in its manual.
_FORBIDDEN = frozenset(
    (
        *("pickle.find_class", "os.system", "os.exec", "os.fork", "os.posix_spawn"),
        *("subprocess.Popen", "socket.connect", "shutil.unpack_archive", "ctypes.dlopen"),
    )
)
sprung: list[str] = []
_watching: list[bool] = []


def spring() -> None:
    """Takes down that something in a file was run."""
    sprung.append("trap")


def watch() -> None:
    """From now on takes down what must not happen."""
    if not _watching:
        _watching.append(True)
        sys.addaudithook(_note)


def _note(event: str, _: Any, forbidden: frozenset[str] = _FORBIDDEN) -> None:
    # Bound here: a process that ends takes a module's names away before its last events.
    if event in forbidden:
        sprung.append(event)
