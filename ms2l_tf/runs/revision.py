"""Which code trains a run: a checksum of the packages, and their revision in a checkout."""

from __future__ import annotations

import functools
import hashlib
import pathlib
import subprocess
from typing import Any

_PACKAGES = ("ms2l_tf", "msclr")
_ROOT = pathlib.Path(__file__).resolve().parents[2]
_SUFFIXES = (".py", ".json")  # the layouts and presets are code as well
_SECONDS = 10
# What git shall not start for a question: a monitor of files that the checkout names.
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(_ROOT))


@functools.cache
def code_checksum() -> str:
    """SHA-256 of the sources of the packages, installed or in a checkout."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        files = (_ROOT / package).rglob("*")
        for path in sorted(path for path in files if path.suffix in _SUFFIXES):
            digest.update(f"{path.relative_to(_ROOT).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.cache
def revision() -> dict[str, Any] | None:
    """The commit of the checkout, and whether its tracked files are changed; None outside one."""
    if not (_ROOT / ".git").exists():
        return None
    commit = _asked("rev-parse", "HEAD")
    changes = _asked("status", "--porcelain", "--untracked-files=no")
    return None if commit is None or changes is None else {"commit": commit, "dirty": bool(changes)}


def _asked(*question: str) -> str | None:
    """Git's answer; None if there is no git, or it refuses."""
    try:
        done = subprocess.run(
            [*_GIT, *question], capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
