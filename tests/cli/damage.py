"""Damages to a file of a run folder, and what a command may answer."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import sys
from collections.abc import Callable

import pytest


def _half(path: pathlib.Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _as_link(path: pathlib.Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _as_folder(path: pathlib.Path) -> None:
    path.unlink()
    path.mkdir()


# Of these files, root may read all but the last two: one that gives an error of the disk when it
# is read, and one that cannot even be opened.
DAMAGES: dict[str, Callable[[pathlib.Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": _half,
    "garbage": lambda path: path.write_bytes(b"\xff\x00\xfe\x80{\n" * 20),
    "text": lambda path: path.write_text("no such format, 3\n"),
    "a folder": _as_folder,
    "unreadable": lambda path: _as_link(path, "/proc/self/mem"),
    "a loop": lambda path: _as_link(path, path.name),
}


def _slow_but(*quick: str) -> list[object]:
    """All damages; a network is built for each, which together takes minutes."""
    slow = pytest.mark.slow
    return [name if name in quick else pytest.param(name, marks=slow) for name in DAMAGES]


ALL, FEWER = _slow_but("missing", "garbage"), _slow_but("missing")


@dataclasses.dataclass
class Answer:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    def check(self, *names: str) -> None:
        """One line, no traceback, and the damaged file named where something was said of it."""
        assert self.status in (0, 2), self.err
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        if self.status == 2:
            assert lines[-1].startswith("error: "), lines
            assert any(name in lines[-1] for name in names), lines
        own = [line for line in lines if line.startswith(("warning: ", "error: "))]
        assert lines == own, "nothing that is not the command's own"

    @property
    def first_epoch(self) -> int:
        """The first epoch that was trained; 0 if none was."""
        lines = [line for line in self.out.splitlines() if line.startswith("Epoch ")]
        return int(lines[0].split()[1].partition("/")[0]) if lines else 0


def damaged(run: pathlib.Path, copy: pathlib.Path, name: str, damage: str) -> pathlib.Path:
    """A copy of a run whose file or files (a pattern) are damaged.

    Args:
        run: the whole one.
        copy: where the other goes.
        name: of the file, or a pattern, from the run's folder.
        damage: a key of `DAMAGES`.
    """
    if damage == "unreadable" and sys.platform != "linux":
        pytest.skip("/proc/self/mem is Linux's")
    shutil.copytree(run, copy)
    paths = list(copy.glob(name))
    assert paths, name
    for path in paths:
        DAMAGES[damage](path)
    return copy
