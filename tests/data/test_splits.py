from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ms2l_tf.data import Clip, ClipDataset, label_fraction, validation_split
from ms2l_tf.data.splits import held_out_by
from ms2l_tf.errors import InputError


def test_split_is_read_as_sorted_indices(tiny: ClipDataset) -> None:
    split = tiny.split("by_camera")
    assert split.train.tolist() == [0, 3]
    assert split.test.tolist() == [1, 2]


def test_user_adds_a_split_file(tiny: ClipDataset) -> None:
    content = {"train": ["wave_1", "walk_1"], "test": ["unknown"], "description": "mine"}
    (tiny.path / "splits" / "mine.json").write_text(json.dumps(content))
    assert tiny.split_names == ("by_camera", "mine")
    split = tiny.split("mine")
    assert (split.train.tolist(), split.test.tolist()) == ([0, 2], [4])
    assert split.description == "mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": ["walk_1"]}, "'test' must be a list"),
        ({"train": [1], "test": []}, "'train' must be a list of clip names"),
        ({"train": ["walk_1"], "test": ["nobody"]}, "lacks: 'nobody'"),
        ({"train": ["walk_1"], "test": ["walk_1"]}, "both a training and a test clip"),
        ([], "must hold a JSON object"),
    ],
)
def test_invalid_split_file(tiny: ClipDataset, content: object, message: str) -> None:
    (tiny.path / "splits" / "mine.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"mine.json: .*{message}"):
        tiny.split("mine")


@pytest.mark.parametrize("by", ["camera", "subject", "clip"])
def test_validation_holds_out_whole_values(tiny: ClipDataset, by: str) -> None:
    train = np.array([3, 0, 1, 2])
    fit, held = validation_split(tiny.clips, train, by, seed=1)
    assert sorted([*fit, *held]) == [0, 1, 2, 3]
    field = {"camera": tiny.cameras, "subject": tiny.subjects, "clip": tiny.names}[by]
    assert not set(field[fit]) & set(field[held])
    again = validation_split(tiny.clips, train[::-1], by, seed=1)
    np.testing.assert_array_equal(again[1], held)


def test_impossible_validation(tiny: ClipDataset) -> None:
    train = np.arange(5)
    with pytest.raises(InputError, match="use one of camera"):
        validation_split(tiny.clips, train, "colour")
    with pytest.raises(InputError, match="1 setup value"):
        validation_split(tiny.clips, train, "setup")
    with pytest.raises(InputError, match="between 0 and 1"):
        validation_split(tiny.clips, train, fraction=1.0)


@pytest.mark.parametrize(
    ("clips", "by"),
    [
        ([Clip("a", subject="1"), Clip("b", subject="2"), Clip("c", subject="2")], "subject"),
        ([Clip("a", group="1", subject="1"), Clip("b", group="2", subject="1")], "group"),
        ([Clip("a"), Clip("b")], "clip"),
        ([Clip("a")], "none"),
        ([], "none"),
    ],
)
def test_what_is_held_out_where_nobody_noted_two_subjects(clips: list[Clip], by: str) -> None:
    others = [Clip("x", subject="8", group="8"), Clip("y", subject="9", group="9")]  # test clips
    train = np.arange(len(clips))
    assert held_out_by([*clips, *others], train, "subject") == by
    for field in ("camera", "setup", "group", "clip", "none"):
        assert held_out_by([*clips, *others], train, field) == field


@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    fraction=st.floats(0.01, 1.0),
    seed=st.integers(0, 99),
)
def test_balanced_fraction_takes_its_share_of_every_class(
    counts: list[int], fraction: float, seed: int
) -> None:
    labels = np.repeat(np.arange(-1, len(counts) - 1), counts)
    drawn = label_fraction(labels, fraction, "balanced", seed)
    assert len(set(drawn.tolist())) == len(drawn)
    assert (labels[drawn] >= 0).all()
    for label, count in enumerate(counts[1:]):
        share = int((labels[drawn] == label).sum())
        assert share == min(count, max(1, int(np.floor(fraction * count + 0.5))))


def test_random_fraction_and_nesting() -> None:
    labels = np.repeat([0, 1, 2, -1], 50)
    one, ten = (label_fraction(labels, f, "random", seed=3) for f in (0.01, 0.1))
    assert (len(one), len(ten)) == (2, 15)
    assert set(one) <= set(ten)
    assert (label_fraction(labels, 1.0, "random") == np.arange(150)).all()


def test_invalid_fraction() -> None:
    with pytest.raises(InputError, match=r"\(0, 1\]"):
        label_fraction(np.zeros(3), 0.0)
    with pytest.raises(InputError, match="'balanced' or 'random'"):
        label_fraction(np.zeros(3), 0.5, "fair")
