"""Labels, names and splits beside arrays: the writer of a dataset takes what its reader reads."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import ms2l_tf
from ms2l_tf.api.arrays import dataset_of
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from tests.helpers import random_poses

LAYOUT = "kinect_v1_20"
CLIPS = [random_poses(3, 20, 3, seed=number) for number in range(4)]
GAP = np.nan


class Series:
    """As much of a column of a table, or of a tensor, as is asked for."""

    def __init__(self, values: list[Any]) -> None:
        self.values, self.shape = values, np.shape(values)

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return np.array(self.values, object)

    def __iter__(self) -> Iterator[Any]:
        return iter([f"tensor({value})" for value in self.values])


TAKEN: list[tuple[Any, tuple[str, ...], list[int]]] = [
    (["b", "a", "a", "b"], ("a", "b"), [1, 0, 0, 1]),
    (["b", None, "", "b"], ("b",), [0, -1, -1, 0]),
    ([10, 9, 9, 10], ("9", "10"), [1, 0, 0, 1]),
    ([1.0, GAP, 0.0, 1.0], ("0", "1"), [1, -1, 0, 1]),
    (np.array([1, 0, 0, 1], np.float32), ("0", "1"), [1, 0, 0, 1]),
    (np.array([1, 0, 0, 1], np.uint8), ("0", "1"), [1, 0, 0, 1]),
    ([True, False, False, True], ("False", "True"), [1, 0, 0, 1]),
    (np.array([True, False, False, True]), ("False", "True"), [1, 0, 0, 1]),
    (np.ma.array([1, 0, 0, 1], mask=[False, True, False, False]), ("0", "1"), [1, -1, 0, 1]),
    (Series([1, None, 0, 1]), ("0", "1"), [1, -1, 0, 1]),
    (iter("baab"), ("a", "b"), [1, 0, 0, 1]),
]
REFUSED: list[tuple[Any, str]] = [
    ([0.5, 1, 0, 1], "entry 0, given as a number, is 0.5; expected a whole number"),
    ([np.inf, 1, 0, 1], "entry 0, given as a number, is inf; expected a whole number"),
    ([1, 1j, 0, 1], "entry 1 is 1j; expected a text"),
    ([b"a", b"b", b"a", b"b"], "entry 0 is b'a'; expected a text"),
    (["a", ["b"], "a", "b"], r"entry 1 is \['b'\]; expected a text"),
    (["a", "b\n", "a", "b"], "entry 1 'b.n' needs printable characters"),
    (np.eye(4), r"shape \(4, 4\); expected a text or number for each of 4 clips"),
    (np.ones((4, 1)), r"shape \(4, 1\); expected a text or number for each of 4 clips"),
    ({"a", "b", "c", "d"}, ".*; expected a text or number for each of 4 clips"),
    ({"a": 0, "b": 1, "c": 2, "d": 3}, ".*; expected a text or number for each of 4 clips"),
    ("abab", "'abab'; expected a text or number for each of 4 clips"),
    (3, "3; expected a text or number for each of 4 clips"),
    ([0, 1], "are 2; there are 4 clips"),
]


@pytest.mark.parametrize(("labels", "names", "numbers"), TAKEN)
def test_labels_that_are_taken(labels: Any, names: tuple[str, ...], numbers: list[int]) -> None:
    dataset = ms2l_tf.from_arrays(CLIPS, labels, layout=LAYOUT)
    assert dataset.label_names == names
    assert dataset.labels.tolist() == numbers


@pytest.mark.parametrize(("values", "message"), REFUSED)
def test_what_is_no_column_is_refused(values: Any, message: str, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    for column in ("labels", "names", "subjects", "cameras"):
        with pytest.raises(InputError, match=f"^{column}: {message}"):
            ms2l_tf.from_arrays(CLIPS, **{column: values}, layout=LAYOUT, out=out)
    with pytest.raises(InputError, match=f"^y: {message}"):
        dataset_of(CLIPS, values, out, load_layout(LAYOUT))
    assert not out.exists()


def test_estimators_name_classes_in_the_same_way(tmp_path: pathlib.Path) -> None:
    dataset = dataset_of(CLIPS, [1.0, None, 0, GAP], tmp_path / "out", load_layout(LAYOUT))
    assert dataset.label_names == ("0", "1")
    assert dataset.labels.tolist() == [1, -1, 0, -1]


def test_minus_one_is_a_class_which_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    dataset = ms2l_tf.from_arrays(CLIPS, [1, -1, 1, -1], layout=LAYOUT)
    assert dataset.label_names == ("-1", "1")
    said = "warning: labels: -1 is a class as any other; unlabelled clips are None or NaN\n"
    assert capsys.readouterr().err == said


MASK = np.array([True, True, False, False])


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"s": (MASK, ~MASK)}, "'s': a mask; expected indices of clips, as np.flatnonzero"),
        ({"s": ([True, False], [])}, "'s': a mask; expected indices of clips"),
        ({"s": ([0.5], [1])}, "'s': an index of a clip is 0.5; expected a whole number"),
        ({"s": ([GAP], [1])}, "'s': an index of a clip is nan; expected a whole number"),
        ({"s": ([-1], [0])}, "'s': there is no clip -1; they are 0 to 3"),
        ({"s": ([4], [0])}, "'s': there is no clip 4; they are 0 to 3"),
        ({"s": (["0"], ["1"])}, "'s': an index of a clip is '0'; expected a whole number"),
        ({"s": ([0],)}, r"'s': .*; expected indices of \(training, test\) clips"),
        ({"s": ([0], [1], [2])}, r"'s': .*; expected indices of \(training, test\) clips"),
        ({"s": {"train": [0], "test": [1]}}, r"'s': .*; expected indices of \(training, test\)"),
        ({"s": None}, "'s': None; expected indices of"),
        ({"s": (0, 1)}, "'s': 0; expected indices of clips"),
        ([("s", ([0], [1]))], r".*; expected \{name: \(training, test\)\}"),
        (3, r"3; expected \{name: \(training, test\)\}"),
    ],
)
def test_what_is_no_split_is_refused(splits: Any, message: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=f"^splits: {message}"):
        ms2l_tf.from_arrays(CLIPS, layout=LAYOUT, splits=splits, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_indices_of_splits_are_whole_numbers_of_any_kind() -> None:
    splits: dict[str, Any] = {
        "a": (range(2), np.array([3], np.uint8)),
        "b": ([0.0, 2.0], iter([1])),
    }
    dataset = ms2l_tf.from_arrays(CLIPS, layout=LAYOUT, splits=splits)
    assert dataset.split("a").train.tolist() == [0, 1]
    assert dataset.split("a").test.tolist() == [3]
    assert dataset.split("b").train.tolist() == [0, 2]
    assert dataset.split("b").test.tolist() == [1]


@pytest.mark.parametrize("layout", [3, None, b"kinect_v1_20", ["kinect_v1_20"]])
def test_what_names_no_layout_is_refused(layout: Any) -> None:
    with pytest.raises(InputError, match="expected a packaged id"):
        ms2l_tf.from_arrays(CLIPS, layout=layout)
