"""Damaged datasets, runs, models and odd flags: what is promised, or one line, within bounds.

`python -m tests.fuzz --target=dataset --cases=10000` runs more cases; what they find goes to
`corpus/<target>/<name>/<fault>.json`.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.fuzz import folders
from tests.fuzz.commands import COMMANDS, Command
from tests.fuzz.folders import USED, FolderCase, Odd
from tests.fuzz.promise import REFUSED, Failure
from tests.fuzz.targets import TARGETS, Folder, fuzzed

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(__file__).parent / "corpus"
FOUND = sorted(path for target in TARGETS for path in CORPUS.glob(f"{target}/*/*.json"))
# Of each, in the slow test: what takes about a minute.
CASES = {"dataset": 1500, "run": 60, "artefact": 600, "flags": 150}
SHARE = float(os.environ.get("FUZZ_SHARE", "1"))


@pytest.fixture
def work(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """An empty folder that is called alike at any time, and all of what is made beside it."""
    place = tmp_path / "a" / "b"
    (place / "w").mkdir(parents=True)
    monkeypatch.chdir(place)
    return pathlib.Path("w")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, whose memory is bounded."""
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)


def _marks(path: pathlib.Path) -> list[pytest.MarkDecorator]:
    """All but datasets need a run, which is trained first."""
    return [] if path.parts[-3] == "dataset" else [pytest.mark.slow]


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=_marks(path), id="-".join(path.parts[-3:])) for path in FOUND],
)
def test_what_was_found_once(path: pathlib.Path, work: pathlib.Path) -> None:
    target, name = path.parts[-3:-1]
    kept, one = json.loads(path.read_text()), fuzzed(target)[name]
    if isinstance(one, Folder):
        case = FolderCase.from_json(one.subject, kept)
        assert folders.run_case(case, work) in (USED, REFUSED)
    else:
        assert isinstance(one, Command)
        one.prepare(work)
        assert one.again(kept) in ("ran", REFUSED)
        one.forget()


def test_datasets(work: pathlib.Path) -> None:
    one = fuzzed("dataset")["dataset"]
    one.prepare(work)
    assert {one.trial(number, work) for number in range(60)} == {USED, REFUSED}


def test_kept_cases_are_the_same(work: pathlib.Path) -> None:
    subject = fuzzed("dataset")["dataset"].subject  # type: ignore[attr-defined]
    for number in range(30):
        case = folders.make_case(subject, number)
        kept = json.loads(json.dumps(case.to_json()))
        assert FolderCase.from_json(subject, kept) == case


def _subject(act: Callable[[pathlib.Path, pathlib.Path], object]) -> folders.Subject:
    def write(folder: pathlib.Path) -> None:
        folder.mkdir()
        for name in ("one", "two"):
            (folder / name).write_bytes(name.encode() * 50)

    return folders.Subject("made", write, {"read": act}, seconds=1.0)


def test_a_failing_folder_is_made_small(work: pathlib.Path) -> None:
    def read(place: pathlib.Path, _: pathlib.Path) -> None:
        if b"fault" in (place / "one").read_bytes():
            raise KeyError("fault")

    changes: dict[str, folders.Content | None] = {"two": Odd("folder")}
    changes["one"] = b"a" * 99 + b"fault" + b"b" * 99
    case = FolderCase(_subject(read), changes, "read")
    with pytest.raises(Failure) as caught:
        folders.run_case(case, work)
    assert folders.smallest(case, caught.value.kind, work).changes == {"one": b"fault"}


def test_folders_left_behind_and_waiting_are_failures(work: pathlib.Path) -> None:
    def leave(_: pathlib.Path, out: pathlib.Path) -> None:
        from ms2l_tf.errors import InputError

        out.mkdir()
        raise InputError("--x: no")

    with pytest.raises(Failure, match="is left after an error"):
        folders.run_case(FolderCase(_subject(leave), {}, "read"), work)
    wait = _subject(lambda place, _: (place / "one").read_bytes())
    with pytest.raises(Failure) as caught:
        folders.run_case(FolderCase(wait, {"one": Odd("pipe")}, "read"), work)
    assert caught.value.kind.startswith("TooLong in ")


@pytest.mark.slow
@pytest.mark.parametrize("target", CASES)
def test_many_cases(target: str) -> None:
    cases = max(1, round(CASES[target] * SHARE))
    made = run(f"--target={target}", f"--cases={cases}", "--first=1000000")
    assert made.returncode == 0, made.stdout + made.stderr


def test_every_command_is_fuzzed() -> None:
    from tests.cli.conftest import MODULES

    assert set(COMMANDS) == set(MODULES) - {"msclr-evaluate"}  # which is ms2l-evaluate
