from __future__ import annotations

import json
import pathlib

import pytest

from ms2l_tf.data.operations import ClipStream, relabel, stream_of
from ms2l_tf.errors import InputError
from tests.data.operations.datasets import make


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> ClipStream:
    return stream_of(make(tmp_path_factory.mktemp("relabel") / "data", clips=6))


def table(folder: pathlib.Path, text: str, name: str = "table.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def classes(stream: ClipStream) -> list[str]:
    names = (*stream.header.label_names, "-")
    return [names[clip.label] for clip in stream.clips]


def test_classes_are_renamed_joined_and_dropped(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    joined = relabel(stream, table(tmp_path, "old,new\nnod,greet\nwave,greet\n"))
    assert joined.header.label_names == ("greet", "bow")
    assert classes(joined) == ["greet", "bow", "greet"] * 2
    assert joined.done[-1].endswith("table.csv: 3 classes became 2")
    dropped = relabel(stream, table(tmp_path, json.dumps({"bow": ""}), "map.json"))
    assert dropped.header.label_names == ("nod", "wave")
    assert classes(dropped) == ["nod", "-", "wave"] * 2


def test_names_that_change_places(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    swapped = relabel(stream, table(tmp_path, "old,new\nnod,bow\nbow,nod\n"))
    assert classes(swapped) == ["bow", "nod", "wave"] * 2


def test_a_table_of_clips(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    text = "clip,label,subject,split\nc00,sit,9,train\nc01,run,,test\nc77,run,1,train\n"
    told = relabel(stream, table(tmp_path, text))
    assert told.header.label_names == ("run", "sit")
    assert classes(told) == ["sit", "run", "-", "-", "-", "-"]
    assert [clip.subject for clip in told.clips][:3] == ["9", "", "2"]
    (given,) = told.splits
    assert (given.train, given.test) == (("c00",), ("c01",))
    assert told.done[-1].endswith("1 rows name no clip, c77 first")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("old,new\nnood,x\n", r"the dataset has no class 'nood' \(did you mean 'nod'\?\)"),
        ("old,new\nnod,x\nnod,y\n", "line 3: 'nod' has two new names; keep one"),
        ("old,name\nnod,x\n", "the first line must name the columns old, new; it is 'old,name'"),
        ("clip,label\nc99,x\n", "none of its 1 rows names a clip of --source"),
        ("a,b\n1,2\n", "the first line must name the columns file and label"),
        ("", "has no row below its header"),
    ],
)
def test_bad_tables(stream: ClipStream, tmp_path: pathlib.Path, text: str, line: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(InputError, match=f"^--relabel={path}(: |, ){line}") as raised:
        relabel(stream, path)
    assert "\n" not in str(raised.value)


def test_bad_json(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"'nod': expected the new name, a text$"):
        relabel(stream, table(tmp_path, '{"nod": 3}', "map.json"))
    with pytest.raises(InputError, match="invalid JSON at line 1"):
        relabel(stream, table(tmp_path, '{"nod": "x"', "map.json"))
