"""Numbers that are not finite cost themselves, not the file they are in."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.measures import write_measures

KINDS: dict[str, Any] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "minus_inf": -np.inf,
    "float32": np.float32("nan"),
    "float16": np.float16("inf"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("holder", ["mapping", "list", "tuple", "array", "nested"])
def test_null_stands_for_it_and_a_line_names_it(
    kind: str, holder: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = KINDS[kind]
    value, place, read = {
        "mapping": ({"a": number, "b": 1.5}, "x/a", {"a": None, "b": 1.5}),
        "list": ([2, number], "x/1", [2, None]),
        "tuple": ((number, 3.0), "x/0", [None, 3.0]),
        "array": (np.array([[1.0, 2.0], [4.0, number]]), "x/1/1", [[1.0, 2.0], [4.0, None]]),
        "nested": ({"a": [{"b": number}]}, "x/a/0/b", {"a": [{"b": None}]}),
    }[holder]
    path = tmp_path / "a.json"
    write_measures(path, {"x": value})
    assert json.loads(path.read_text()) == {"x": read}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {path}: no finite number, so null in the file: {place} (")
    assert str(float(number)) in line


def test_many_are_counted(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_measures(tmp_path / "a.json", dict.fromkeys("abcdefgh", float("nan")))
    line = capsys.readouterr().err
    assert "e (nan) and 3 more" in line
    assert "f (nan)" not in line


def test_finite_values_are_written_as_they_are(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"a": 1.25, "b": [1, None, "nan", True], "c": np.arange(2), "d": np.float32(0.5)}
    write_measures(tmp_path / "a.json", values)
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "a": 1.25, "b": [1, None, "nan", True], "c": [0, 1], "d": 0.5,
    }  # fmt: skip
    assert capsys.readouterr().err == ""


def test_what_cannot_be_written_is_not_said_to_be_in_the_file(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_measures(tmp_path / "no" / "a.json", {"a": float("nan")})
    assert capsys.readouterr().err == ""
