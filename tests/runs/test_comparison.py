"""How far two runs are apart."""

from __future__ import annotations

import json
import pathlib

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.runs.comparison import Difference, compare_histories, compare_weights
from ms2l_tf.runs.folder import RunFolder


def run(path: pathlib.Path, history: str = "", **arrays: np.ndarray) -> RunFolder:
    path.mkdir()
    folder = RunFolder(path)
    with h5py.File(folder.weights, "w") as file:
        for name, array in arrays.items():
            file[f"layers/{name}"] = array
    folder.history.write_text(history)
    return folder


def test_equal_to_the_bit_even_where_it_is_no_number(tmp_path: pathlib.Path) -> None:
    array = np.array([1.0, np.nan, -0.0], np.float32)
    one, other = (run(tmp_path / name, a=array, b=array) for name in "ab")
    assert compare_weights(one, other) == Difference(2)
    assert compare_weights(one, other).equal


def test_the_largest_difference_and_where(tmp_path: pathlib.Path) -> None:
    one = run(tmp_path / "a", a=np.zeros(3), b=np.ones(2), c=np.ones(1))
    other = run(tmp_path / "b", a=np.array([0, 0.5, 0]), b=np.array([1, 3.0]), c=np.ones(1))
    found = compare_weights(one, other)
    assert found == Difference(3, 2, 2.0, "layers/b", "layers/a")


@pytest.mark.parametrize(
    "array", [None, np.zeros(4), np.zeros(3, np.float32), np.array([0, np.nan, 0])]
)
def test_what_no_number_measures(tmp_path: pathlib.Path, array: np.ndarray | None) -> None:
    one = run(tmp_path / "a", a=np.zeros(3))
    named = {} if array is None else {"a": array}
    other = run(tmp_path / "b", "", **named)
    found = compare_weights(one, other)
    assert found.largest == float("inf")
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["largest"] is None


def test_epochs(tmp_path: pathlib.Path) -> None:
    one = run(tmp_path / "a", "epoch,loss,knn\n1,3,\n2,2,50\n3,1,60\n")
    other = run(tmp_path / "b", "epoch,loss,knn\n1,3,\n2,2.5,50\n3,1,62\n")
    assert compare_histories(one, one) == Difference(3)
    assert compare_histories(one, other) == Difference(3, 2, 2.0, "epoch 3", "epoch 2")


def test_a_damaged_file_is_named(tmp_path: pathlib.Path) -> None:
    one = run(tmp_path / "a", a=np.zeros(3))
    one.weights.write_text("no")
    with pytest.raises(InputError, match=r"model\.weights\.h5: cannot be read"):
        compare_weights(one, one)
