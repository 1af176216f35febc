"""Feature files: round trip, and refusal of everything that is not plain arrays."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.feature_files import load_features, save_features

NAMES = ("wave", "sit")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good feature file of six training and two test clips."""
    target = tmp_path / "features.npz"
    rng = np.random.default_rng(0)
    train = ClipFeatures(
        rng.normal(size=(6, 3)).astype(np.float32),
        np.array([0, 1, 0, 1, 0, -1]),
        names=[f"clip_{i}" for i in range(6)],
    )
    test = ClipFeatures(np.eye(2, 3, dtype=np.float32), np.array([0, 1]), names=["größe", "b"])
    save_features(target, train, test, NAMES)
    return target


def rewrite(path: Path, **changes: Any) -> None:
    """Saves the file again with some arrays replaced, or removed when None."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in file} | changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


def test_round_trip(path: Path) -> None:
    with np.load(path, allow_pickle=False) as file:
        assert set(file) == {
            "format_version",
            "label_names",
            *(f"{s}_{p}" for s in ("train", "test") for p in ("features", "labels", "names")),
        }
        assert all(file[key].dtype.kind != "O" for key in file)
        train_features = file["train_features"]
    loaded = load_features(path)
    assert loaded.label_names == NAMES
    assert_array_equal(loaded.train.features, train_features)
    assert_array_equal(loaded.train.labels, [0, 1, 0, 1, 0, -1])
    assert_array_equal(loaded.test.names, ["größe", "b"])
    assert [entry.name for entry in path.parent.iterdir()] == ["features.npz"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": np.array(2)}, "format_version 2, this program reads 1; install the n"),
        ({"test_names": np.array(["a", 1], object)}, "'test_names' holds Python objects"),
        ({"train_features": np.array([[1.0, {}]], object)}, "'train_features' holds Python"),
        ({"train_labels": None}, "'train_labels' is missing"),
        ({"test_names": np.array([b"a", b"b"])}, "unicode text"),
        ({"test_names": np.array(["a"])}, "2 rows but 1 clip names"),
        ({"test_features": np.ones((2, 4))}, "3 dimensions and test_features 4"),
        ({"test_features": np.array([[1, 2, np.nan], [0, 0, 0]])}, "clip 'größe'"),
        ({"test_labels": np.array([0, 2])}, "test_labels has 2 in row 1"),
        ({"test_labels": np.array([0.0, 1.0])}, "whole numbers"),
        ({"label_names": np.array(3)}, "'label_names' must be a list"),
    ],
)
def test_bad_arrays(path: Path, changes: dict[str, Any], message: str) -> None:
    rewrite(path, **changes)
    with pytest.raises(InputError, match=message) as caught:
        load_features(path)
    assert "\n" not in str(caught.value)
    assert "features.npz" in str(caught.value)


def test_not_a_feature_file(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_features(tmp_path / "other.npz")
    whole = path.read_bytes()
    for content in (b"hello", b"", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a readable"):
            load_features(path)
    np.save(tmp_path / "array.npy", np.ones(3))
    with pytest.raises(InputError, match="a single array"):
        load_features(tmp_path / "array.npy")


def test_members_that_are_no_arrays(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in members:
        with zipfile.ZipFile(path, "w") as archive:
            for each, content in members.items():
                archive.writestr(each, b"text" if each == name else content)
        key = name.removesuffix(".npy")
        with pytest.raises(InputError, match=rf"features.npz: '{key}' is no array"):
            load_features(path)


def test_missing_folder(path: Path, tmp_path: Path) -> None:
    loaded = load_features(path)
    with pytest.raises(InputError, match="cannot be written"):
        save_features(tmp_path / "no" / "f.npz", loaded.train, loaded.test, NAMES)
