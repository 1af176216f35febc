from __future__ import annotations

import pathlib

import pytest

from ms2l_tf.data.operations import ClipStream, stream_of, subset, write
from ms2l_tf.errors import InputError
from tests.data.operations.datasets import assert_same, content, make, sides


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> ClipStream:
    return stream_of(make(tmp_path_factory.mktemp("subset") / "data"))


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ("split:given:train", [0, 1, 3, 4, 6, 7, 9, 10]),
        ("split:given:test", [2, 5, 8, 11]),
        ("split:given", range(12)),
        ("subject:0,2", [0, 2, 3, 5, 6, 8, 9, 11]),
        ("camera:1", [1, 3, 5, 7, 9, 11]),
    ],
)
def test_clips_of_a_kind(
    stream: ClipStream, wanted: str, numbers: list[int], tmp_path: pathlib.Path
) -> None:
    dataset, lines = write(subset(stream, wanted), tmp_path / "out", progress=False)
    assert [clip.name for clip in dataset.clips] == [f"c{number:02}" for number in numbers]
    assert f"--subset={wanted}: {len(list(numbers))} of 12 clips" in lines
    train, test = sides(dataset, "given")
    assert set(train) | set(test) == {clip.name for clip in dataset.clips}


def test_content_is_kept(tmp_path: pathlib.Path) -> None:
    whole = make(tmp_path / "whole")
    some, _ = write(subset(stream_of(whole), "camera:0"), tmp_path / "out", progress=False)
    held = {name: told for name, told in content(whole).items() if int(name[1:]) % 2 == 0}
    assert_same(content(some), held)


def test_classes_are_numbered_anew(stream: ClipStream) -> None:
    some = subset(stream, "label:wave,bow")
    assert some.header.label_names == ("bow", "wave")
    assert [clip.label for clip in some.clips] == [0, 1] * 4


def test_a_list_of_clips(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_bytes("\ufeffc03\r\n\r\nc01\r\n".encode())
    assert [clip.name for clip in subset(stream, f"file:{listed}").clips] == ["c01", "c03"]
    listed.write_text("c03\nc99\n")
    with pytest.raises(InputError, match=r", line 2: the dataset has no clip 'c99'"):
        subset(stream, f"file:{listed}")


def test_a_split_may_lose_a_side(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("c00\n")
    dataset, lines = write(subset(stream, f"file:{listed}"), tmp_path / "out", progress=False)
    assert sides(dataset, "given") == (["c00"], [])
    assert "split given: 1 training, 0 test clips" in lines


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ("given", "use split:NAME:train"),
        ("splits:given:train", "use split:NAME:train"),
        ("split:gives:train", r"the dataset has no split 'gives' \(did you mean 'given'\?\)"),
        ("split:given:tests", "'tests' is no side of a split; write train or test"),
        ("label:walk", "the dataset has no class 'walk'"),
        ("subject:9", "the dataset has no subject '9'"),
        ("setup:1", "the dataset has no setup '1'"),
    ],
)
def test_bad_words(stream: ClipStream, wanted: str, line: str) -> None:
    with pytest.raises(InputError, match=f"^--subset={wanted}: {line}"):
        subset(stream, wanted)


def test_nothing_left(stream: ClipStream) -> None:
    none = subset(stream, "subject:0")
    with pytest.raises(InputError, match=r"--subset=split:given:test: 0 of 4 clips: no clip is"):
        subset(none, "split:given:test")
