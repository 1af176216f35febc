"""Features and labels are checked where they enter, and errors name the clip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures, check_features, check_labels


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_features_name_the_clip(bad: float) -> None:
    features = np.ones((4, 3), np.float32)
    features[2, 1] = bad
    with pytest.raises(InputError, match=r"test features: NaN or infinite values in clip 'walk_2'"):
        ClipFeatures(
            features, np.zeros(4, int), names=[f"walk_{i}" for i in range(4)], what="test features"
        )


def test_non_finite_features_without_names_give_the_row_and_the_count() -> None:
    features = np.ones((4, 3))
    features[1:3] = np.nan
    with pytest.raises(InputError, match=r"row 1 \(and 1 more\)"):
        check_features(features, "training features")


@pytest.mark.parametrize("shape", [(4,), (4, 3, 2), (4, 0)])
def test_features_must_be_a_matrix(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected an array"):
        check_features(np.zeros(shape), "features")


def test_features_must_be_numbers() -> None:
    with pytest.raises(InputError, match="expected numbers"):
        check_features(np.array([["a"]]), "features")


def test_whole_and_half_numbers_become_float32() -> None:
    assert check_features(np.ones((1, 2), np.int8), "features").dtype == np.float32
    assert check_features(np.ones((1, 2), np.float16), "features").dtype == np.float32
    assert check_features(np.ones((1, 2), np.float64), "features").dtype == np.float64


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 1], "expected 3 labels"), ([0.0, 1.0, 2.0], "whole numbers"), ([0, -2, 1], "label -2")],
)
def test_bad_labels(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_labels(np.array(labels), 3, "labels")


def test_names_and_groups_must_match() -> None:
    with pytest.raises(InputError, match="2 rows but 1 clip names"):
        ClipFeatures(np.ones((2, 2)), np.zeros(2, int), names=["a"])
    with pytest.raises(InputError, match="2 rows but 3 groups"):
        ClipFeatures(np.ones((2, 2)), np.zeros(2, int), groups=np.arange(3))


def test_labelled_leaves_out_minus_one() -> None:
    clips = ClipFeatures(np.ones((3, 2)), np.array([0, -1, 2]))
    np.testing.assert_array_equal(clips.labelled, [True, False, True])
    np.testing.assert_array_equal(clips.names, ["row 0", "row 1", "row 2"])
