from __future__ import annotations

from pathlib import Path

import pytest

from ms2l_tf.data.records import Clip
from ms2l_tf.data.videos.labels import label_clips
from ms2l_tf.data.videos.video import Video
from ms2l_tf.errors import InputError

VIDEOS = [Video(file.split(".")[0], file, Path(file)) for file in ("a.mp4", "x/b.mp4", "y/b.mp4")]


def table(folder: Path, *lines: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(lines), encoding="utf-8-sig")  # as spreadsheets write it
    return path


def test_without_a_table_clips_are_unlabelled() -> None:
    found = label_clips(VIDEOS, None)
    assert found.clips["x/b"] == Clip("x/b", source="x/b.mp4")
    assert (found.label_names, found.unused) == ((), ())


def test_columns_in_any_order(tmp_path: Path) -> None:
    path = table(
        tmp_path, "label, subject,file", "sit, s1, a.mp4", "", "nod,s2,y/b.mp4", "x,,c.mp4"
    )
    found = label_clips(VIDEOS, path)
    assert found.label_names == ("nod", "sit")
    assert found.clips["a"] == Clip("a", 1, "s1", source="a.mp4")
    assert found.clips["x/b"].label == -1
    assert found.clips["y/b"] == Clip("y/b", 0, "s2", source="y/b.mp4")
    assert found.unused == ("c.mp4",)


def test_numbers_are_ordered_as_numbers_and_empty_is_no_label(tmp_path: Path) -> None:
    path = table(tmp_path, "file,label", "a.mp4,10", "x/b.mp4,9", "y/b.mp4,")
    found = label_clips(VIDEOS, path)
    assert found.label_names == ("9", "10")
    assert [found.clips[video.name].label for video in VIDEOS] == [1, 0, -1]


def test_sides_of_a_split(tmp_path: Path) -> None:
    path = table(tmp_path, "file,split,label", "a.mp4,train,nod", "x/b.mp4,test,", "y/b.mp4,,nod")
    assert label_clips(VIDEOS, path).sides == {"a": "train", "x/b": "test"}
    assert not label_clips(VIDEOS, table(tmp_path, "file,label", "a.mp4,nod")).sides


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "the first line must name the columns file and label"),
        (["file,class"], "the first line must name .*; it is 'file,class'"),
        (["file,label", "a.mp4,nod,s1"], "line 2: 3 values for 2 columns"),
        (["file,label", "b.mp4,nod"], r"line 2: 'b\.mp4' names 2 videos; write their paths"),
        (["file,label", "a.mp4,nod", "a.mp4,sit"], r"line 3: 'a\.mp4' has a second row"),
        (["file,label,split", "a.mp4,nod,val"], r"line 2: 'a\.mp4' has split 'val'; write train"),
        (["file,label,split", "a.mp4,nod,test"], "its column split names no training video"),
        (["file,label", "c.mp4,nod"], "none of its 1 rows names a video"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=f"^--labels=.*{message}"):
        label_clips(VIDEOS, table(tmp_path, *lines))


def test_unreadable_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as a table"):
        label_clips(VIDEOS, tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is UTF-16 text; save it as UTF-8"):
        label_clips(VIDEOS, tmp_path / "bytes.csv")
