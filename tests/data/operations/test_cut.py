from __future__ import annotations

import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data.operations import ClipStream, cut, stream_of, write
from ms2l_tf.errors import InputError
from tests.data.operations.datasets import LAYOUT, OTHER, make, sides


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> ClipStream:
    return stream_of(make(tmp_path_factory.mktemp("cut") / "data"))


@settings(deadline=None, max_examples=25)
@given(length=st.integers(1, 40))
def test_windows_tile_their_clips(stream: ClipStream, length: int) -> None:
    """One after another they are the clip, up to a rest shorter than half a window."""
    pieces = cut(stream, f"windows:{length}")
    for index, clip in enumerate(stream.clips):
        whole = stream.read(index)[LAYOUT]
        numbers = [n for n, piece in enumerate(pieces.clips) if piece.source == clip.name]
        parts = [pieces.read(number)[LAYOUT] for number in numbers]
        covered = sum(len(part.coords) for part in parts)
        for field in ("coords", "present"):
            joined = np.concatenate([getattr(part, field) for part in parts])
            np.testing.assert_array_equal(joined, getattr(whole, field)[:covered])
        assert 0 <= len(whole.coords) - covered < max(length / 2, 1)
        assert all(len(part.coords) == length for part in parts[:-1])


def test_rows_and_splits_of_pieces(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    dataset, lines = write(cut(stream, "windows:10:5"), tmp_path / "out", progress=False)
    first = [clip for clip in dataset.clips if clip.source == "c02"]
    assert [clip.name for clip in first] == ["c02_000", "c02_001", "c02_002", "c02_003"]
    assert [(clip.start, clip.end) for clip in first] == [(0, 10), (5, 15), (10, 20), (15, 22)]
    assert {(clip.label, clip.subject, clip.camera) for clip in first} == {(2, "2", "0")}
    train, test = sides(dataset, "given")
    assert {name[:3] for name in test} == {"c02", "c05", "c08", "c11"}
    assert len(train) + len(test) == len(dataset)
    assert any("pieces of 12 clips" in line for line in lines)
    lengths = [len(stream.read(index)[LAYOUT].coords) for index in range(len(stream.clips))]
    rests = sum(0 < frames - start < 5 for frames in lengths for start in range(5, frames, 5))
    left_out = f"--cut=windows:10:5: {rests} windows shorter than half of 10 frames, left out"
    assert rests > 0
    assert left_out in lines


def test_other_layouts_are_cut_at_the_same_times(stream: ClipStream) -> None:
    """The 2-D poses come at half the frame rate."""
    pieces = cut(stream, "windows:10")
    whole = stream.read(0)[OTHER]
    part = pieces.read(1)[OTHER]
    np.testing.assert_array_equal(part.coords, whole.coords[5:10])
    np.testing.assert_array_equal(part.confidence, np.array(whole.confidence)[5:10])


def test_points(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("clip,frame,label\nc01,2,jump\nc01,10,bow\nc03,22,\n")
    pieces = cut(stream, f"points:{table}:5:4")
    assert [(clip.start, clip.end) for clip in pieces.clips] == [(0, 6), (5, 14), (17, 23)]
    assert pieces.header.label_names == ("nod", "bow", "wave", "jump")
    assert [clip.label for clip in pieces.clips] == [3, 1, -1]
    assert [clip.name for clip in pieces.clips] == ["c01_000", "c01_001", "c03_000"]
    assert "10 clips have no piece, left out: c00, c02, c04, ..." in pieces.done[-1]
    np.testing.assert_array_equal(
        pieces.read(1)[LAYOUT].coords, stream.read(1)[LAYOUT].coords[5:14]
    )


def test_intervals_keep_the_label_without_a_column(
    stream: ClipStream, tmp_path: pathlib.Path
) -> None:
    table = tmp_path / "intervals.csv"
    table.write_bytes("\ufeffclip;start;end\r\nc04;0;24\r\nc04;3;4\r\n".encode())
    pieces = cut(stream, f"intervals:{table}")
    assert [(clip.start, clip.end, clip.label) for clip in pieces.clips] == [(0, 24, 1), (3, 4, 1)]
    assert pieces.splits[0].train == ("c04_000", "c04_001")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("clip,start\nc00,1\n", "the first line must name the columns clip, start, end and may"),
        ("clip,start,end,x\nc00,1,2,3\n", "the first line must name the columns clip, start, end"),
        ("clip,start,end\n", "has no row below its header"),
        ("", "has no row below its header"),
        ("clip,start,end\nc00,1\n", "line 2: 2 values, 3 columns"),
        ("clip,start,end\nc0O,1,2\n", r"line 2: the dataset has no clip 'c0O' \(did you mean"),
        ("clip,start,end\nc00,1,1\n", "line 2: frames 1 to 1 of a clip of 20 frames"),
        ("clip,start,end\nc00,1,21\n", "line 2: frames 1 to 21 of a clip of 20 frames"),
        ("clip,start,end\nc00,-1,2\n", "line 2: '-1' is no frame"),
        ('clip,start,end\nc00,"1,5",2\n', "line 2: '1,5' is no frame"),
        ("clip,start,end\nc00,nan,2\n", "line 2: 'nan' is no frame"),
    ],
)
def test_bad_tables(stream: ClipStream, tmp_path: pathlib.Path, text: str, line: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=f"^--cut=intervals:{table}(, |: ){line}") as raised:
        cut(stream, f"intervals:{table}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("windows", "use windows:LENGTH"),
        ("windows:0", "windows have a frame at least"),
        ("windows:5:0", "windows have a frame at least"),
        ("windows:2.5", "use windows:LENGTH"),
        ("slices:3", "use windows:LENGTH"),
        ("points:file.csv", "use windows:LENGTH"),
        ("points:file.csv:0:0", "needs a frame before or after"),
        ("intervals:no/such.csv", "cannot be read"),
    ],
)
def test_bad_words(stream: ClipStream, how: str, line: str) -> None:
    with pytest.raises(InputError, match=f"^--cut={how}: .*{line}|^--cut={how}: {line}"):
        cut(stream, how)


def test_a_point_outside_its_clip(stream: ClipStream, tmp_path: pathlib.Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("clip,frame\nc00,20\n")
    with pytest.raises(InputError, match=r"line 2: frame 20 of a clip of 20 frames$"):
        cut(stream, f"points:{table}:30:3")
