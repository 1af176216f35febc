"""Work on a disk that fails at any of its file operations: done again, it ends with the same."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError
from tests.soak.faults import Fault, changes, struck
from tests.soak.works import Work, sources, works


def check_point(work: Work, fault: Fault, expected: dict[str, str]) -> None:
    """Strikes once, then does the work again on a whole disk.

    Raises:
        AssertionError: an error is no line to a user, or something is lost or half-written.
    """
    error = struck(lambda: work.run(fault.folder), fault)
    if isinstance(error, Exception) and not isinstance(error, InputError):
        assert common._of_the_system(error), f"a traceback: {error!r}"
    left = hidden(fault.folder)
    assert fault.kind != "full" or not left, f"half-written: {left}"
    refused = struck(lambda: work.run(fault.folder), Fault(fault.folder))
    # What is complete is not written again.
    assert refused is None or "is not empty" in str(refused), f"lost: {refused}"
    assert work.digest(fault.folder) == expected


def hidden(folder: pathlib.Path) -> list[str]:
    """Temporary files and folders, but what preparing keeps to go on from."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob(".*"))
    return [name for name in names if not name.startswith(".out.parts")]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("read")
    sources(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kill", "full", "read-only"])
@pytest.mark.parametrize(
    ("name", "every"),  # SOAK_EVERY=1 tries all points
    [
        ("preparing", 1),
        ("motions", 1),
        ("training", 10),
        ("training, a checkpoint a step", 15),
        ("closed form", 11),
    ],
)
def test_work_goes_on_after_a_fault_at_any_change_of_a_file(
    read: pathlib.Path, tmp_path: pathlib.Path, name: str, every: int, kind: str
) -> None:
    work, whole = works(read)[name], tmp_path / "whole"
    whole.mkdir()
    count = changes(lambda: work.run(whole), whole)
    expected = work.digest(whole)
    for at in range(1, count + 1, int(os.environ.get("SOAK_EVERY", every))):
        place = tmp_path / f"change_{at}_of_{count}"
        place.mkdir()
        check_point(work, Fault(place, at, kind), expected)
        shutil.rmtree(place)
