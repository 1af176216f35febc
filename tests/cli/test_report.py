"""ms2l-report from the command line."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable

import pytest

from ms2l_tf.runs.folder import RunFolder
from tests.cli.conftest import Command
from tests.helpers import TrainedRun, write_dataset
from tests.page_checks import check_page, held_clips


@pytest.fixture
def folder(trained_run: TrainedRun, tmp_path: pathlib.Path) -> RunFolder:
    return RunFolder(shutil.copytree(trained_run.folder.path, tmp_path / "run"))


def test_a_page_of_two_runs_whose_dataset_has_moved(
    command: Command,
    folder: RunFolder,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = shutil.copytree(folder.path, tmp_path / "other")
    out = tmp_path / "page.html"
    flags = [f"--workdir={folder.path},{other}", f"--out={out}"]
    flags.append(f"--data={write_dataset(tmp_path / 'moved').path}")
    assert command("report", *flags) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "  run: features of 12 + 6 clips",
        "  other: features of 12 + 6 clips",
        f"page to look at: {out}",
    ]
    assert printed.err.splitlines() == [
        f"warning: {path}: not evaluated on the test clips yet: "
        f"ms2l-evaluate --workdir={path.name} brings the rest"
        for path in (folder.path, other)
    ]
    page = out.read_text("utf-8")
    check_page(page)
    assert page.count('role="listbox"') == 2
    assert len(held_clips(page)["clips"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "--workdir: name the folders of one run or several, RUN,RUN"),
        (("--workdir=a",), "--out: name the page to write, for example report.html"),
        (("--workdir=a", "--out=a.txt"), "--out=a.txt: must be named like a page"),
        (("--workdir=a", "--out=no/a.html"), "--out=no/a.html: no is no folder; make it first"),
        (("--workdir=none", "--out=a.html"), "--workdir: none holds no run (no flags.json)"),
        (("--workdir=a,", "--out=a.html"), "--workdir: a name is empty"),
    ],
)
def test_bad_flags_are_one_line(
    flags: tuple[str, ...],
    said: str,
    command: Command,
    last_error: Callable[[], str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("report", *flags) == 2
    assert last_error().startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_record_is_one_line(
    command: Command, folder: RunFolder, tmp_path: pathlib.Path, last_error: Callable[[], str]
) -> None:
    folder.flags.write_text('{"protocol": 3}')
    out = tmp_path / "page.html"
    assert command("report", f"--workdir={folder.path}", f"--out={out}") == 2
    assert last_error() == f"{folder.flags}: entry 'protocol' is damaged"
    assert not out.exists()
