"""One command, killed at some moments and run again until it ends: does it leave the same?"""

from __future__ import annotations

import dataclasses
import pathlib
import random
import shutil
import signal
import time

from ms2l_tf.errors import RUN_AGAIN_STATUS
from tests.soak.commands import COMMANDS
from tests.soak.digest import Digest, differences, digest
from tests.soak.process import Process, is_temporary, listing

_LONGEST_S = 600  # that a command may take
_GRACE_S = 60  # to end after SIGTERM
_POLL_S = 0.002


class LostError(Exception):
    """What was promised did not hold."""


@dataclasses.dataclass
class Whole:
    """A command that nobody disturbed.

    Attributes:
        folder: what it left.
        seconds: it took.
        changes: of the names and sizes of files that were seen meanwhile.
        digest: of the files that are the same each time.
        varying: files that are not, which are compared by name.
    """

    folder: pathlib.Path
    seconds: float
    changes: int
    digest: Digest
    varying: list[str]


@dataclasses.dataclass
class Counts:
    """What was done."""

    kills: int = 0
    terminated: int = 0
    slowest_s: float = 0.0
    resumed: int = 0

    def __str__(self) -> str:
        terminated = f"{self.terminated} SIGTERMs (the slowest took {self.slowest_s:.1f} s)"
        return f"{self.kills} kills, {terminated}, {self.resumed} resumed equal"


class Series:
    """Kills of commands.

    Args:
        folder: for all files; the inputs are in ``read``.
        seed: of the moments.
    """

    def __init__(self, folder: pathlib.Path, seed: int) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self.wholes: dict[str, Whole] = {}
        self.counts = Counts()

    def _done(self) -> dict[str, pathlib.Path]:
        wholes = {name: whole.folder for name, whole in self.wholes.items()}
        return {"read": self._folder / "read", **wholes}

    def _begin(self, name: str, out: pathlib.Path) -> Process:
        words = COMMANDS[name].words(out, self._done())
        return Process(words, self._folder / f"{out.name}.log")

    def _place(self, name: str, where: str) -> pathlib.Path:
        out, start = self._folder / where, COMMANDS[name].start
        shutil.rmtree(out, ignore_errors=True)
        (self._folder / f"{where}.log").unlink(missing_ok=True)
        if start:
            shutil.copytree(self.wholes[start].folder, out)
        else:
            out.mkdir()
        return out

    def learn(self, name: str) -> Whole:
        """Runs a command twice undisturbed, and keeps what it left."""
        digests = []
        for where in (f"{name}.again", name):
            out = self._place(name, where)
            process, before, changes = self._begin(name, out), listing(out), 0
            while process.wait(_POLL_S) is None:
                if (now := listing(out)) != before:
                    before, changes = now, changes + 1
                if time.monotonic() - process.began > _LONGEST_S:
                    process.send(signal.SIGKILL)
            seconds = time.monotonic() - process.began
            if process.status != 0:
                raise LostError(f"{name}: ends with {process.status}: {self._said(out)}")
            digests.append(digest(out))
        varying = differences(*digests)
        kept = {key: "" if key in varying else value for key, value in digests[1].items()}
        self.wholes[name] = Whole(out, seconds, changes, kept, varying)
        return self.wholes[name]

    def disturb(self, name: str) -> None:
        """Kills a command one to three times, then lets it end, and compares.

        Raises:
            LostError: it does not end well, or leaves something else.
        """
        out, whole = self._place(name, "killed"), self.wholes[name]
        for _ in range(self._random.choice((1, 1, 2, 3))):
            if not self._kill(name, out):
                break
        process = self._begin(name, out)
        status = process.wait(_LONGEST_S)
        process.send(signal.SIGKILL)
        said = self._said(out)
        if status != 0 and "is not empty" not in said:  # what is complete is not written again
            raise LostError(f"{name}: ends with {status}: {said}")
        found = {key: "" if key in whole.varying else v for key, v in digest(out).items()}
        if differing := differences(found, whole.digest):
            raise LostError(f"{name}: other {', '.join(differing)}")
        self.counts.resumed += 1

    def _kill(self, name: str, out: pathlib.Path) -> bool:
        """Whether the command was ended before its end."""
        number = self._random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
        there = listing(out)  # with what a kill before this one has left
        process = self._begin(name, out)
        self._wait_for_moment(process, self.wholes[name], out)
        if process.poll() is not None:
            return False
        process.send(number)
        asked = time.monotonic()
        status = process.wait(_GRACE_S)
        process.send(signal.SIGKILL)
        if number == signal.SIGKILL:
            self.counts.kills += 1
            return True
        self.counts.terminated += 1
        self.counts.slowest_s = max(self.counts.slowest_s, time.monotonic() - asked)
        # Before the command has begun, the signal does what it does by itself.
        if status not in (0, RUN_AGAIN_STATUS, -signal.SIGTERM):
            raise LostError(f"{name}: SIGTERM ends it with {status}: {self._said(out)}")
        left = [path for path, _ in listing(out) - there if is_temporary(path)]
        left = [path for path in left if ".parts" not in path]  # to go on from
        if status == RUN_AGAIN_STATUS and left:
            raise LostError(f"{name}: SIGTERM leaves {', '.join(left)}")
        return status != 0

    def _wait_for_moment(self, process: Process, whole: Whole, out: pathlib.Path) -> None:
        """A random moment, one after a random change of the files, or one inside a writing."""
        kind = self._random.choice(("moment", "change", "change", "temporary"))
        until = process.began + self._random.uniform(0, whole.seconds)
        changes = self._random.randint(1, max(1, whole.changes))
        before = listing(out)
        while process.poll() is None and time.monotonic() - process.began < _LONGEST_S:
            if kind == "moment":
                process.wait(max(0.0, until - time.monotonic()))
                return
            if (now := listing(out)) != before:
                changes -= 1
                new = [path for path, _ in now - before]
                if changes <= 0 and (kind == "change" or any(map(is_temporary, new))):
                    time.sleep(self._random.choice((0, 0, 0.001, 0.01)))
                    return
                before = now
            time.sleep(_POLL_S)

    def _said(self, out: pathlib.Path) -> str:
        log = self._folder / f"{out.name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else ""
