"""ms2l-prepare --inspect --report: the page is written last, a bad place for it is told first."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from tests.cli.conftest import Command
from tests.data.report_data import write_set
from tests.page_checks import check_page


def test_the_command(
    tmp_path: pathlib.Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_set(tmp_path / "set")
    page = tmp_path / "page.html"
    flags = [f"--inspect={dataset.path}", f"--out={tmp_path / 'out'}", f"--report={page}"]
    assert command("prepare", *flags) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"page to look at: {page}"
    assert "halves: 2 test clips share frames with training clips" in out
    check_page(page.read_text("utf-8"))


def test_a_bad_place_is_told_before_anything_is_read(
    tmp_path: pathlib.Path, command: Command, last_error: Callable[[], str]
) -> None:
    assert command("prepare", "--inspect=none", f"--report={tmp_path / 'no' / 'r.html'}") == 2
    assert "cannot be written" in last_error()
    assert command("prepare", "--format=synthetic", "--out=x", "--report=r.html") == 2
    assert last_error() == "--report belongs to --inspect=DIR; leave it out"
