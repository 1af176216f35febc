"""`predictions.csv`: what is written is read again; what is damaged is told in a line."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.predictions import (
    Predictions,
    predictions_name,
    read_predictions,
    write_predictions,
)

NAMES = ("wave, high", 'say "hi"')


def written(path: pathlib.Path) -> pathlib.Path:
    test = ClipFeatures(np.eye(3), np.array([0, 1, -1]), names=["a\nb", "é", "c"])
    predicted = {
        "linear": np.array([0, 0, 1]),
        "knn/5": np.array([1, 1, 1]),
        "floor/raw/linear": np.array([0, 0, 0]),
    }
    write_predictions(path, test, predicted, NAMES)
    return path


def test_what_is_written_is_read_again(tmp_path: pathlib.Path) -> None:
    read = read_predictions(written(tmp_path / "p.csv"))
    wave, hi = NAMES
    assert read == Predictions(
        ("a\nb", "é", "c"), (wave, hi, ""), {"linear": (wave, wave, hi), "knn/5": (hi, hi, hi)}
    )
    assert read.top1("linear") == read.top1("knn/5") == 50.0
    assert np.isnan(Predictions(("a",), ("",), {"svm": ("x",)}).top1("svm"))


def test_validation_clips_have_a_file_of_their_own() -> None:
    assert predictions_name("test") == "predictions.csv"
    assert predictions_name("validation") == "predictions_validation.csv"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must have the columns clip, label"),
        (b"clip,label\na,b\n", "must have the columns clip, label"),
        (b"clip,label,svm,svm\na,b,c,d\n", "must have the columns clip, label"),
        (b"clip;label;svm\na;b;c\n", "must have the columns clip, label"),
        (b"clip,label,svm\n", "holds no clip"),
        (b"clip,label,svm\na,b,c\nd,e\n", "row 2 has 2 of 3 columns"),
        ("clip,label,svm\n".encode("utf-16"), "is not a table of text"),
        (b"clip,label,svm\na,b," + b"x" * 200_000, "is not a table of text"),
    ],
)
def test_a_damaged_file_is_one_line(content: bytes, said: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as raised:
        read_predictions(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_one_line(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(tmp_path / "none.csv")


def test_windows_line_ends_are_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"\xef\xbb\xbfclip,label,svm\r\na,b,c\r\n")
    assert read_predictions(path) == Predictions(("a",), ("b",), {"svm": ("c",)})
