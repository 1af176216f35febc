"""Files appear complete or not at all, and unreadable ones are one line."""

from __future__ import annotations

import errno
import json
import pathlib

import numpy as np
import pytest

from ms2l_tf import files
from ms2l_tf.errors import InputError
from tests.helpers import largest_file


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_takes_the_place_of_the_old(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.weights.h5"
    path.write_text("old")
    with files.replacing(path) as temporary:
        assert temporary.name.endswith(".weights.h5")
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.weights.h5"]


def test_after_an_exception_the_old_file_stands(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_missing_folder_is_one_line(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"x/a\.txt: cannot be written \(No such file"):
        files.write_text(tmp_path / "x" / "a.txt", "text")


def test_json_round_trip(tmp_path: pathlib.Path) -> None:
    value = {"name": "Größe", "values": [1, 2.5, None, True]}
    files.write_json(tmp_path / "a.json", value)
    assert files.read_json(tmp_path / "a.json") == value
    files.write_json(tmp_path / "b.json", {"a": np.float32(0.5), "b": np.arange(3)})
    assert json.loads((tmp_path / "b.json").read_text()) == {"a": 0.5, "b": [0, 1, 2]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_json_cannot_hold_leaves_no_file(tmp_path: pathlib.Path, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        files.write_json(tmp_path / "a.json", {"value": value})
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1', "is not valid JSON"),
        (b"", "is not valid JSON"),
        (b"\xff\xfe", "is UTF-16 text; save it as UTF-8"),
        (b"\xff{}", "is not UTF-8 text; save it as UTF-8"),
        (b"[1]", "must hold a JSON object"),
    ],
)
def test_unreadable_json(tmp_path: pathlib.Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.json: {message}"):
        files.read_json(path)


def test_missing_json(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"a\.json: cannot be read \(No such file"):
        files.read_json(tmp_path / "a.json")


def test_what_cannot_be_removed_hides_no_first_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that went read-only."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    def fill() -> None:
        with files.replacing(tmp_path / "a.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "unlink", refuse)
    with pytest.raises(InputError, match=r"a\.txt: .*\(No space left on device\); free some space"):
        fill()


def test_a_file_below_a_file_and_a_folder_in_its_place(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"file/a\.txt: cannot be written \(Not a directory"):
        files.write_text(tmp_path / "file" / "a.txt", "text")
    with pytest.raises(InputError, match=r"folder: .* a folder is in its place, move it away"):
        files.write_text(tmp_path / "folder", "text")
    with pytest.raises(InputError, match="/: is a folder"):
        files.write_text("/", "text")
    assert names(tmp_path) == ["file", "folder"]


def test_a_limit_of_the_system_is_met_before_writing(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.bin"
    with largest_file(1000), pytest.raises(OSError, match="File too large"):
        files.check_room(path, 1001)
    files.check_room(path, 1001)
    assert path.stat().st_size == 0


def test_json_nested_too_deeply_is_one_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="nested too deeply"):
        files.read_json(tmp_path / "a.json")
