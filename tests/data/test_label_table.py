from __future__ import annotations

from pathlib import Path

import pytest

from ms2l_tf.data.label_table import LabelTable, label_clips
from ms2l_tf.data.records import Clip
from ms2l_tf.data.splits import SplitNames
from ms2l_tf.errors import InputError

CLIPS = [Clip(file.split(".")[0], source=file) for file in ("a.mp4", "x/b.mp4", "y/b.mp4")]


def table(folder: Path, *lines: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(lines), encoding="utf-8-sig")  # as spreadsheets write it
    return path


def test_without_a_table_clips_are_unlabelled() -> None:
    found = label_clips(CLIPS, None)
    assert found.clips["x/b"] == Clip("x/b", source="x/b.mp4")
    assert (found.label_names, found.unused) == ((), ())


def test_columns_in_any_order(tmp_path: Path) -> None:
    path = table(
        tmp_path, "label, subject,file", "sit, s1, a.mp4", "", "nod,s2,y/b.mp4", "x,,c.mp4"
    )
    found = label_clips(CLIPS, path)
    assert found.label_names == ("nod", "sit")
    assert found.clips["a"] == Clip("a", 1, "s1", source="a.mp4")
    assert found.clips["x/b"].label == -1
    assert found.clips["y/b"] == Clip("y/b", 0, "s2", source="y/b.mp4")
    assert found.unused == ("c.mp4",)


def test_numbers_are_ordered_as_numbers_and_empty_is_no_label(tmp_path: Path) -> None:
    path = table(tmp_path, "file,label", "a.mp4,10", "x/b.mp4,9", "y/b.mp4,")
    found = label_clips(CLIPS, path)
    assert found.label_names == ("9", "10")
    assert [found.clips[clip.name].label for clip in CLIPS] == [1, 0, -1]


def test_sides_of_a_split(tmp_path: Path) -> None:
    path = table(tmp_path, "file,split,label", "a.mp4,train,nod", "x/b.mp4,test,", "y/b.mp4,,nod")
    assert label_clips(CLIPS, path).sides == {"a": "train", "x/b": "test"}
    assert not label_clips(CLIPS, table(tmp_path, "file,label", "a.mp4,nod")).sides


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "the first line must name the columns file and label"),
        (["file,class"], "the first line must name .*; it is 'file,class'"),
        (["file,clip,label"], "the first line must name"),
        (["file,label,label"], "the first line must name"),
        (["file"], "the first line must name"),
        (["file,label", "a.mp4,nod,s1"], "line 2: 3 values for 2 columns"),
        (
            ["file,label", "b.mp4,nod"],
            r"line 2: 'b\.mp4' names 2 clips; write their paths below --source",
        ),
        (["file,label", "a.mp4,nod", "a.mp4,sit"], r"line 3: 'a\.mp4' has a second row"),
        (["file,label,split", "a.mp4,nod,val"], r"line 2: 'a\.mp4' has split 'val'; write train"),
        (["file,label,split", "a.mp4,nod,test"], "its column split names no training clip"),
        (["file,label", "c.mp4,nod"], "none of its 1 rows names a clip of --source"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=f"^--labels=.*{message}"):
        label_clips(CLIPS, table(tmp_path, *lines))


def test_clips_are_named_by_clip_too_and_columns_cut_by_any_sign(tmp_path: Path) -> None:
    lines = ["clip;setup;group;camera", "x/b;7;g;c1"]
    for sign in ";\t,":
        found = label_clips(CLIPS, table(tmp_path, *(line.replace(";", sign) for line in lines)))
        assert found.clips["x/b"] == Clip("x/b", -1, "", "c1", "7", "g", "x/b.mp4")


def test_without_a_column_label_labels_stay(tmp_path: Path) -> None:
    known = [Clip("a", 1, source="a.mp4"), Clip("b", 0, subject="3", source="b.mp4")]
    names = ("nod", "sit")
    found = label_clips(known, table(tmp_path, "file,subject", "b.mp4,4"), names)
    assert found.clips == {"a": known[0], "b": Clip("b", 0, "4", source="b.mp4")}
    assert found.label_names == names
    found = label_clips(known, table(tmp_path, "file,label", "b.mp4,walk"), names)
    assert [clip.label for clip in found.clips.values()] == [-1, 0]
    assert found.label_names == ("walk",)


def test_splits_of_a_table() -> None:
    clips = {clip.name: clip for clip in CLIPS}
    given = LabelTable(clips, sides={"a": "train", "x/b": "test"})
    assert given.split(["a", "y/b"]) == SplitNames(
        "given", ("a",), ("x/b",), "by the table of labels"
    )
    assert LabelTable(clips).split(["a"]) == SplitNames(
        "train_only", ("a",), (), "all clips, no test"
    )
    assert LabelTable(clips).split([]) is None


def test_unreadable_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as a table"):
        label_clips(CLIPS, tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is UTF-16 text; save it as UTF-8"):
        label_clips(CLIPS, tmp_path / "bytes.csv")
