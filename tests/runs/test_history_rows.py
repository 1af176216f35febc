"""What is whole of a history is used, and what is not is told."""

from __future__ import annotations

import pathlib

import pytest

from ms2l_tf.runs.history_rows import history_rows, lacking

HEAD = "epoch,loss,val_knn\n"


@pytest.mark.parametrize(
    ("content", "epochs", "flaw"),
    [
        ("1,3.5,\n2,3.1,50\n", [1, 2], ""),
        ("2,3.1,50\n5,nan,\n", [2, 5], ""),
        ("1,3.5,\n2,3.1", [1], "line 3 is damaged"),
        ("1,3.5,\n2,3.1,50,7\n", [1], "line 3 is damaged"),
        ("1,3.5,\n1,3.5,\n", [1], "line 3 is damaged"),
        ("0,3.5,\n", [], "line 2 is damaged"),
        ("one,3.5,\n", [], "line 2 is damaged"),
        ("1,lots,\n2,3.1,50\n", [], "line 2 is damaged"),
        ("", [], "is empty"),
    ],
)
def test_rows_up_to_the_first_damaged_one(
    tmp_path: pathlib.Path, content: str, epochs: list[int], flaw: str
) -> None:
    path = tmp_path / "history.csv"
    path.write_text(HEAD + content)
    rows, told = history_rows(path)
    assert ([int(row["epoch"]) for row in rows], told) == (epochs, flaw)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a,b\n1,2\n", b"", HEAD.encode()])
def test_what_is_no_history(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    rows, told = history_rows(path)
    assert not rows
    assert told


def test_none_is_no_flaw(tmp_path: pathlib.Path) -> None:
    assert history_rows(tmp_path / "history.csv") == ([], "")


@pytest.mark.parametrize(
    ("epochs", "there", "text"),
    [(3, [1, 2, 3], ""), (0, [], ""), (7, [2, 6], "1, 3-5, 7"), (4, [], "1-4")],
)
def test_which_epochs_are_lacking(epochs: int, there: list[int], text: str) -> None:
    assert lacking([{"epoch": str(epoch)} for epoch in there], epochs) == text
