"""A few kills of a few commands; `make soak` has all of them, for an hour."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_commands_that_are_killed_lose_nothing() -> None:
    """In a process of its own: no operation of TensorFlow may have run in it."""
    commands = [f"--command={name}" for name in ("prepare", "cut", "ms2l")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--minutes=1", "--seed=3", *commands],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].endswith(" 0 losses"), done.stdout
