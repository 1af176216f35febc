"""The files of an evaluation fail one by one, and no old one passes for new."""

from __future__ import annotations

import errno
import math
import os
import pathlib
from collections.abc import Callable

import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.outputs import Extras, write_result
from ms2l_tf.evaluation.result import EvaluationResult

RESULT = EvaluationResult("unsupervised", "d", "s", 0, 3, 8, {"knn/1/top1": 50.0}, {}, {}, {})


@pytest.fixture
def wrote() -> list[pathlib.Path]:
    return []


@pytest.fixture
def extras(tmp_path: pathlib.Path, wrote: list[pathlib.Path]) -> Extras:
    return Extras(tmp_path, wrote.append)


@pytest.fixture
def warning(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """The one line on stderr."""

    def read() -> str:
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("warning: ")
        return line.removeprefix("warning: ")

    return read


def test_what_is_drawn_is_reported(
    extras: Extras, wrote: list[pathlib.Path], tmp_path: pathlib.Path
) -> None:
    extras.add("figures/a.png", lambda path: path.write_text("new"))
    extras.add("table.csv", lambda path: path.write_text("new"))
    assert wrote == [tmp_path / "figures" / "a.png", tmp_path / "table.csv"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("{path}: 4 clips are too few"), "is left out: 4 clips are too few"),
        (ValueError("n_components=2 must be\nsmaller"), "n_components=2 must be smaller"),
        (MemoryError(), "is left out: MemoryError"),
        (ZeroDivisionError("division by zero"), "division by zero"),
        (OSError(errno.ENOSPC, "No space left", "x.png"), "is left out: x.png: No space left"),
    ],
)
@pytest.mark.parametrize("stale", [True, False])
def test_one_that_fails_costs_only_itself(
    error: Exception,
    said: str,
    stale: bool,
    extras: Extras,
    wrote: list[pathlib.Path],
    tmp_path: pathlib.Path,
    warning: Callable[[], str],
) -> None:
    path = tmp_path / "figures" / "a.png"
    path.parent.mkdir()
    if stale:
        path.write_text("of an earlier evaluation")
    if isinstance(error, InputError):
        error = InputError(str(error).format(path=path))

    def fail(_: pathlib.Path) -> None:
        raise error

    extras.add("figures/a.png", fail)
    extras.add("figures/b.png", lambda path: path.write_text("new"))
    line = warning()
    assert line.startswith(f"{path} is left out: ")
    assert said in line
    assert line.endswith("; the earlier evaluation's is removed") == stale
    assert not path.exists()
    assert wrote == [tmp_path / "figures" / "b.png"]


def test_a_folder_that_cannot_be_made(
    extras: Extras,
    wrote: list[pathlib.Path],
    tmp_path: pathlib.Path,
    warning: Callable[[], str],
) -> None:
    (tmp_path / "figures").write_text("a file")
    extras.add("figures/a.png", lambda path: path.write_text("new"))
    assert "figures/a.png is left out: " in warning()
    assert not wrote


def test_an_old_figure_that_cannot_be_removed_is_named(
    extras: Extras,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    warning: Callable[[], str],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    (tmp_path / "a.png").write_text("of an earlier evaluation")
    monkeypatch.setattr(os, "unlink", refuse)
    extras.leave_out("a.png", "no clips")
    assert warning().endswith(
        "a.png is left out: no clips; what lies there is of an earlier evaluation"
    )


def test_a_figure_without_use_is_removed(
    extras: Extras, tmp_path: pathlib.Path, warning: Callable[[], str]
) -> None:
    extras.forget("a.png")  # there is none: no word
    (tmp_path / "a.png").write_text("of an earlier evaluation")
    extras.forget("a.png")
    assert warning().endswith(
        "a.png is not of this evaluation; the earlier evaluation's is removed"
    )
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_result_that_cannot_be_written_is_one_line(
    code: int,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    warning: Callable[[], str],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(pathlib.Path, "write_text", refuse)
    monkeypatch.setattr(pathlib.Path, "unlink", refuse)  # as on a read-only file system
    with pytest.raises(InputError) as raised:
        write_result(RESULT, tmp_path / "result.json", InputError("F.npz: cannot be written"))
    text = str(raised.value)
    assert text.startswith(f"{tmp_path / 'result.json'}: cannot be written ({os.strerror(code)})")
    assert text.endswith("free space or make the folder writable, then evaluate again")
    assert "\n" not in text
    assert warning() == "F.npz: cannot be written"


def test_a_metric_that_is_not_finite_reads_as_nan_again(
    tmp_path: pathlib.Path, warning: Callable[[], str]
) -> None:
    path = tmp_path / "result.json"
    broken = {"linear/top1": math.nan, "knn/1/top1": 50.0}
    EvaluationResult("unsupervised", "d", "s", 0, 3, 8, broken, {"a": math.inf}, {}, {}).save(path)
    assert "metrics/linear/top1 (nan), timing/a (inf)" in warning()
    loaded = EvaluationResult.load(path)
    assert math.isnan(loaded.metrics["linear/top1"])
    assert math.isnan(loaded.timing["a"])
    assert loaded.metrics["knn/1/top1"] == 50.0
