"""The fuzzer notices what it is for: crashes, endless loops, code that runs, useless lines."""

from __future__ import annotations

import pathlib
import pickle
import random
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pytest

from ms2l_tf.data.formats.nw_ucla import NwUclaReader
from ms2l_tf.errors import InputError
from tests.fuzz import cases, trap
from tests.fuzz.cases import Case, make_case, run_case
from tests.fuzz.minimise import smallest
from tests.fuzz.mutations import fitting, mutate
from tests.fuzz.pickle_mutations import is_pickle
from tests.fuzz.promise import Failure
from tests.fuzz.seeds import SEEDS, seed_files

FORMAT = "nw_ucla"


def case(**files: bytes) -> Case:
    return Case(FORMAT, 0, files or seed_files(FORMAT, 0))


def breaking(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Has the reader do something before it reads a clip."""
    read = NwUclaReader.read_clip

    def read_clip(self: NwUclaReader, *given: Any) -> Any:
        what()
        return read(self, *given)

    monkeypatch.setattr(NwUclaReader, "read_clip", read_clip)


def failure(tmp_path: pathlib.Path, of: Case | None = None) -> Failure:
    with pytest.raises(Failure) as caught:
        run_case(of or case(), tmp_path)
    assert not list(tmp_path.iterdir())
    return caught.value


def stop(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), RecursionError(), SystemExit(1)])
def test_exceptions_of_any_kind(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    breaking(monkeypatch, lambda: stop(error))
    assert failure(tmp_path).kind.startswith(f"{type(error).__name__} in ")


def test_warnings(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, lambda: np.array([1.0]) / np.array([0.0]))
    assert failure(tmp_path).kind.startswith("RuntimeWarning in ")


def test_loops_without_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forever() -> None:
        while True:
            pass

    monkeypatch.setattr(cases, "SECONDS", 0.1)
    breaking(monkeypatch, forever)
    assert failure(tmp_path).kind.startswith("TooLong in ")


def test_code_that_runs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap.watch()
    harmful = b"ctests.fuzz.trap\nspring\n(tR."
    assert is_pickle(pickle.dumps({}))
    breaking(monkeypatch, lambda: pickle.loads(harmful))
    assert failure(tmp_path).kind == "runs pickle.find_class"
    assert "trap" in trap.sprung


@pytest.mark.parametrize(
    ("message", "kind"),
    [("it is broken", "an error names no place"), ("y" * 2000, "an error names no place")],
)
def test_lines_that_help_nobody(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, message: str, kind: str
) -> None:
    monkeypatch.setattr(NwUclaReader, "entries", lambda _: stop(InputError(message)))
    assert failure(tmp_path).kind == kind


def test_a_failing_source_is_made_small(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = list(seed_files(FORMAT, 0))

    def check(self: NwUclaReader, *_: Any) -> NoReturn:
        fault = any(b"fault" in self.files.read(name) for name in self.files.names)
        raise KeyError("fault") if fault else InputError(f"{names[0]}: none")

    monkeypatch.setattr(NwUclaReader, "entries", check)
    failing = case(**{**seed_files(FORMAT, 0), names[0]: b"a" * 99 + b"fault" + b"b" * 99})
    kind = failure(tmp_path, failing).kind
    assert smallest(failing, kind, tmp_path).files == {names[0]: b"fault"}


@pytest.mark.parametrize("format_name", SEEDS)
def test_mutations_change_what_they_get(format_name: str) -> None:
    """Nearly all do, and the same numbers give the same bytes."""
    for seed in range(len(SEEDS[format_name])):
        for content in seed_files(format_name, seed).values():
            assert len(fitting(content)) >= 9
            made = [mutate(content, random.Random(number)) for number in range(30)]
            assert sum(each != content for each in made) > 15
            assert made == [mutate(content, random.Random(number)) for number in range(30)]


def test_a_case_is_the_same_at_any_time() -> None:
    assert make_case(FORMAT, 7) == make_case(FORMAT, 7)
    assert len({tuple(make_case(FORMAT, number).files.values()) for number in range(20)}) > 15
