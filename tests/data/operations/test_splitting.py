from __future__ import annotations

import json
import pathlib

import pytest

from ms2l_tf.data import Clip, ClipDataset
from ms2l_tf.data.operations import add_splits, cut, make_splits, stream_of, with_splits
from ms2l_tf.errors import InputError
from tests.data.operations.datasets import make, sides


@pytest.fixture
def dataset(tmp_path: pathlib.Path) -> ClipDataset:
    return make(tmp_path / "data")


@pytest.mark.parametrize("how", ["kfold:4", "kfold:3:subject", "kfold:2:camera", "kfold:3"])
def test_folds_share_out_the_clips(dataset: ClipDataset, how: str) -> None:
    splits = make_splits(dataset.clips, how)
    names = [clip.name for clip in dataset.clips]
    count = int(how.split(":")[1])
    expected = [f"fold_{number}_of_{count}" for number in range(1, count + 1)]
    assert [split.name for split in splits] == expected
    assert sorted(name for split in splits for name in split.test) == names
    for split in splits:
        assert sorted((*split.train, *split.test)) == names
        if "subject" in how:
            subject = {clip.name: clip.subject for clip in dataset.clips}
            assert not {subject[n] for n in split.train} & {subject[n] for n in split.test}
    if how == "kfold:4":  # a clip of each class in each fold
        label = {clip.name: clip.label for clip in dataset.clips}
        assert all({label[name] for name in split.test} == {0, 1, 2} for split in splits)
    assert splits == make_splits(dataset.clips, how)


def test_pieces_of_a_clip_are_in_one_fold(dataset: ClipDataset) -> None:
    pieces = cut(stream_of(dataset), "windows:5")
    source = {clip.name: clip.source for clip in pieces.clips}
    for split in make_splits(pieces.clips, "kfold:3"):
        train, test = ({source[name] for name in side} for side in (split.train, split.test))
        assert test
        assert not train & test


def test_by_subject_and_camera(dataset: ClipDataset) -> None:
    (split,) = make_splits(dataset.clips, "subject:0,1")
    assert split.name == "cross_subject"
    assert split.train == ("c02", "c05", "c08", "c11")
    assert len(split.test) == 8
    (split,) = make_splits(dataset.clips, "left=camera:0")
    assert (split.name, split.test[:2]) == ("left", ("c00", "c02"))
    assert [s.name for s in make_splits(dataset.clips, "mine=kfold:2")] == ["mine_1", "mine_2"]


def test_clips_of_no_known_subject_are_in_neither_list() -> None:
    clips = [Clip("a", subject="1"), Clip("b", subject="2"), Clip("c")]
    (split,) = make_splits(clips, "subject:2")
    assert (split.train, split.test) == (("a",), ("b",))


def test_files(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("clip,split\nc00,train\nc01,test\nc02,\n")
    (split,) = make_splits(dataset.clips, f"file:{table}")
    assert (split.name, split.train, split.test) == ("mine", ("c00",), ("c01",))
    file = tmp_path / "other.json"
    file.write_text(json.dumps({"train": ["c05"], "test": []}))
    (split,) = make_splits(dataset.clips, f"named=file:{file}")
    assert (split.name, split.train) == ("named", ("c05",))


def test_added_to_a_folder_nothing_else_changes(dataset: ClipDataset) -> None:
    before = {path: path.read_bytes() for path in dataset.path.rglob("*") if path.is_file()}
    add_splits(dataset, make_splits(dataset.clips, "subject:1"))
    again = ClipDataset.open(dataset.path)
    again.verify(force=True)
    assert again.split_names == ("cross_subject", "given")
    assert again.fingerprint == dataset.fingerprint
    assert sides(again, "cross_subject")[1] == ["c01", "c04", "c07", "c10"]
    assert all(path.read_bytes() == content for path, content in before.items())
    with pytest.raises(InputError, match="has a split cross_subject already; call the new one"):
        add_splits(again, make_splits(dataset.clips, "subject:2"))


def test_a_name_that_is_there(dataset: ClipDataset) -> None:
    splits = make_splits(dataset.clips, "given=subject:1")
    with pytest.raises(InputError, match=r"^--split: the dataset has a split given already"):
        with_splits(stream_of(dataset), splits)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("subject", "use "),
        ("people:1", "use "),
        ("subject:7", "the dataset has no subject '7'"),
        ("subject:0,1,2", "leaves no subject to train on"),
        ("setup:1", "the dataset has no setup '1'"),
        ("kfold:1", "use kfold:K"),
        ("kfold:x", "use kfold:K"),
        ("kfold:3:colour", "use kfold:K"),
        ("kfold:3:setup", "12 clips have no setup"),
        ("kfold:4:subject", "3 values of subject for 4 folds"),
        ("kfold:13", "12 recordings for 13 folds"),
        ("kfold:5", "no class has 5 clips"),
    ],
)
def test_bad_words(dataset: ClipDataset, how: str, line: str) -> None:
    with pytest.raises(InputError, match=f"^--split={how}: {line}"):
        make_splits(dataset.clips, how)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("clip,split\nc00,valid\n", "line 2: 'valid'; write train, test or nothing"),
        ("clip,split\nc99,train\n", "train names a clip the dataset lacks: 'c99'"),
        ("clip,split\nc00,train\nc00,test\n", "'c00' is both a training and a test clip"),
        ("clip,side\nc00,train\n", "the first line must name the columns clip, split"),
    ],
)
def test_bad_files(dataset: ClipDataset, tmp_path: pathlib.Path, text: str, line: str) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=f"^--split=file:{table}(, |: ){line}"):
        make_splits(dataset.clips, f"file:{table}")


def test_a_name_that_is_no_file_name(dataset: ClipDataset) -> None:
    with pytest.raises(InputError, match=r"^split '\.\./x'"):
        make_splits(dataset.clips, "../x=subject:1")
