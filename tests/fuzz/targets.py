"""What can be fuzzed: readers by format, datasets, runs, artefacts, the flags of commands."""

from __future__ import annotations

import abc
import contextlib
import importlib
import json
import pathlib

from tests.fuzz import cases, folders, minimise
from tests.fuzz.promise import Failure
from tests.fuzz.seeds import SEEDS


class Fuzzed(abc.ABC):
    """One thing whose cases are numbered.

    Attributes:
        name: for ``--format``.
        memory: bytes that its cases may need.
        share: of the cases that are asked for, where one takes long.
    """

    name: str
    memory: int = 512 << 20
    share: float = 1.0

    @abc.abstractmethod
    def prepare(self, folder: pathlib.Path) -> None:
        """Makes what all cases need, and has what is loaded late loaded, before memory is limited.

        Raises:
            Failure: undamaged it is not as it should be.
        """

    def forget(self) -> None:  # noqa: B027 - most have nothing to forget
        """Makes room for the next one."""

    @abc.abstractmethod
    def trial(self, number: int, folder: pathlib.Path) -> str:
        """Runs a case in an empty folder; says what came of it.

        Raises:
            Failure: not what a user is promised.
        """

    @abc.abstractmethod
    def keep(self, number: int, kind: str, folder: pathlib.Path, place: pathlib.Path) -> None:
        """Keeps a small version of a case that failed."""


class Reader(Fuzzed):
    """The reader of a format."""

    def __init__(self, name: str) -> None:
        self.name = name

    def prepare(self, folder: pathlib.Path) -> None:
        for seed in range(len(SEEDS[self.name])):
            cases.seed_files(self.name, seed)

    def trial(self, number: int, folder: pathlib.Path) -> str:
        return cases.run_case(cases.make_case(self.name, number), folder)

    def keep(self, number: int, kind: str, folder: pathlib.Path, place: pathlib.Path) -> None:
        case = minimise.smallest(cases.make_case(self.name, number), kind, folder)
        for name, content in case.files.items():
            path = place / self.name / f"case_{number}" / f"seed_{case.seed}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


class Folder(Fuzzed):
    """What reads a folder that a command wrote."""

    def __init__(self, subject: folders.Subject) -> None:
        self.name, self.subject = subject.name, subject
        self.memory, self.share = subject.memory, subject.share

    def prepare(self, folder: pathlib.Path) -> None:
        for act in self.subject.acts:
            whole = folders.FolderCase(self.subject, {}, act)
            # Libraries load others, and list the system's fonts, the first time they are used.
            with contextlib.suppress(Failure):
                folders.run_case(whole, folder)
            outcome = folders.run_case(whole, folder)
            assert outcome == folders.USED, f"{self.name}: {act} refuses what is not damaged"

    def trial(self, number: int, folder: pathlib.Path) -> str:
        return folders.run_case(folders.make_case(self.subject, number), folder)

    def keep(self, number: int, kind: str, folder: pathlib.Path, place: pathlib.Path) -> None:
        case = folders.smallest(folders.make_case(self.subject, number), kind, folder)
        path = place / self.name / f"case_{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(case.to_json(), indent=1) + "\n")


# Modules are imported when they are asked for: some of them import TensorFlow.
TARGETS = ("readers", "dataset", "run", "artefact", "flags")
_FOLDERS = {"dataset": "datasets", "run": "runs", "artefact": "artefacts"}


def fuzzed(target: str) -> dict[str, Fuzzed]:
    """All of a target, by name."""
    if target == "readers":
        return {name: Reader(name) for name in SEEDS}
    if target in _FOLDERS:
        subjects = importlib.import_module(f"tests.fuzz.{_FOLDERS[target]}").SUBJECTS
        return {subject.name: Folder(subject) for subject in subjects}
    made: dict[str, Fuzzed] = importlib.import_module("tests.fuzz.commands").COMMANDS
    return made
