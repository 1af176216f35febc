from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Clip, ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.csv_columns import find_columns, match_joints
from ms2l_tf.data.formats.csv_poses import CsvReader
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import layout_names, load_layout
from tests.data.writers_tables import long_rows, table_bytes, wide_rows
from tests.data.writers_toolboxes import clips_of, motion

KINECT = load_layout("kinect_v1_20")
COCO = load_layout("coco_17")
TAGS = {"a": {"label": "wave", "subject": "s1"}, "b": {"label": "nod", "subject": "s2"}}
Rows = list[list[str]]


def clips(joints: int = 20, coords: int = 3) -> dict[str, np.ndarray]:
    """Two clips of two persons, with a missing joint and a person who leaves."""
    made = clips_of(("a", "b"), joints, coords, persons=2)
    made["a"][1, 0, 2] = np.nan
    made["b"][3:, 1] = np.nan
    return made


def prepared(
    tmp_path: pathlib.Path, content: bytes | Rows, name: str = "mine.csv", **options: Any
) -> tuple[ClipDataset, PrepareReport]:
    source = tmp_path / name
    source.write_bytes(content if isinstance(content, bytes) else table_bytes(content))
    given = ReaderOptions(**options)
    return prepare("csv", source, tmp_path / "out", progress=False, options=given)


def check(dataset: ClipDataset, layout: str, wanted: dict[str, np.ndarray]) -> None:
    store = dataset.poses(layout)
    assert dataset.names.tolist() == list(wanted)
    for index, poses in enumerate(wanted.values()):
        np.testing.assert_array_equal(store.poses(index).coords, poses)


def test_a_row_a_joint(tmp_path: pathlib.Path) -> None:
    dataset, report = prepared(
        tmp_path, long_rows(clips(), KINECT, TAGS), unit="m", axes="+y,+z,right", frame_rate=30.0
    )
    check(dataset, "kinect_v1_20", clips())
    assert dataset.clips == (
        Clip("a", 1, "s1", source="mine.csv"),
        Clip("b", 0, "s2", source="mine.csv"),
    )
    assert (dataset.poses("kinect_v1_20").num_persons, report.notes) == (2, [])


def test_a_row_a_frame(tmp_path: pathlib.Path) -> None:
    dataset, report = prepared(tmp_path, wide_rows(clips(), KINECT, tags=TAGS))
    check(dataset, "kinect_v1_20", clips())
    assert dataset.label_names == ("nod", "wave")
    assert report.notes == [
        "taken to have 30 frames a second; else say --frame_rate",
        "coordinates taken to have the axes +y,-z,right; else say --axes",
    ]


def camel(joint: str, axis: str) -> str:
    return "".join(word.capitalize() for word in joint.split("_")) + axis.upper()


@pytest.mark.parametrize(
    "spell",
    [
        lambda joint, axis: f"{joint}.{axis}",
        lambda joint, axis: f"{axis}_{joint}",
        lambda joint, axis: f"{joint.upper()}_{axis.upper()}",
        lambda joint, axis: f"{joint.replace('_', ' ')} {axis}",
        lambda joint, axis: f"{joint}:{axis}",
        camel,
    ],
)
def test_spellings_of_columns(tmp_path: pathlib.Path, spell: Callable[[str, str], str]) -> None:
    for layout, name in ((KINECT, "kinect_v1_20"), (COCO, "coco_17")):
        own = clips(layout.num_joints)
        folder = tmp_path / name
        folder.mkdir()
        check(prepared(folder, wide_rows(own, layout, spell))[0], name, own)


@pytest.mark.parametrize("rows", [long_rows, wide_rows])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    ("separator", "decimal", "end"),
    [(",", ".", "\r\n"), (";", ",", "\r\n"), (";", ".", "\n"), ("\t", ",", "\n"), (",", ",", "\n")],
)
def test_separators_decimals_and_ends_of_lines(
    tmp_path: pathlib.Path,
    rows: Callable[..., Rows],
    separator: str,
    decimal: str,
    end: str,
    encoding: str,
) -> None:
    content = table_bytes(rows(clips(), KINECT, decimal=decimal), separator, end, encoding)
    check(prepared(tmp_path, content)[0], "kinect_v1_20", clips())


def test_numbers_of_joints(tmp_path: pathlib.Path) -> None:
    own = clips(17, 2)
    rows = wide_rows(own, COCO, lambda joint, axis: f"{axis}{COCO.index(joint)}")
    with pytest.raises(InputError, match=r"has 17 joints without names; say by --layout .*coco_17"):
        prepared(tmp_path, rows)
    check(prepared(tmp_path, rows, layout="coco_17")[0], "coco_17", own)
    rows = long_rows(own, COCO)
    for row in rows[1:]:
        row[3] = str(COCO.index(row[3]) + 1)
    (tmp_path / "one").mkdir()
    check(prepared(tmp_path / "one", rows, layout="coco_17")[0], "coco_17", own)


def test_confidence(tmp_path: pathlib.Path) -> None:
    own = clips(17, 2)
    scores = {name: np.abs(poses[..., 0]) / 1000 for name, poses in own.items()}
    dataset, _ = prepared(tmp_path, long_rows(own, COCO, scores=scores), unit="px")
    store = dataset.poses("coco_17")
    assert (store.unit, store.axes, store.num_coords) == ("px", None, 2)
    for index, score in enumerate(scores.values()):
        found = store.poses(index).confidence
        np.testing.assert_array_equal(found, np.nan_to_num(score))


def test_a_file_a_clip_and_folders_as_labels(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "in"
    for label, name in (("wave", "a"), ("nod", "b")):
        rows = wide_rows({name: clips()[name]}, KINECT)
        (source / label).mkdir(parents=True)
        (source / label / f"{name}.csv").write_bytes(table_bytes([row[1:] for row in rows]))
    (source / "labels.csv").write_text("file,subject\na.csv,s1\nb.csv,s2\n")
    given = ReaderOptions(labels=str(source / "labels.csv"))
    dataset, _ = prepare("csv", source, tmp_path / "out", progress=False, options=given)
    assert dataset.clips == (
        Clip("b", 0, "s2", source="nod/b.csv"),
        Clip("a", 1, "s1", source="wave/a.csv"),
    )


def test_rows_without_numbers_of_frames_persons_or_clips(tmp_path: pathlib.Path) -> None:
    poses = motion("x", 5, 20)
    rows = [row[3:] for row in wide_rows({"x": poses}, KINECT)]
    check(prepared(tmp_path, rows)[0], "kinect_v1_20", {"mine": poses})


def test_frames_in_any_order_clips_in_turns_and_left_out_frames(tmp_path: pathlib.Path) -> None:
    own = clips()
    header, *rows = long_rows(own, KINECT)
    rows = [row for row in rows if row[:2] != ["a", "2"]]
    for row in rows:
        row[1] = str(100 + 5 * int(row[1]))
    random = np.random.default_rng(0)
    shuffled = [rows[place] for place in random.permutation(len(rows))]
    shuffled.sort(key=lambda row: row[2])  # persons are counted as they come
    dataset, report = prepared(tmp_path, [header, *shuffled])
    own["a"][2] = np.nan
    store = dataset.poses("kinect_v1_20")
    for index, name in enumerate(dataset.names):
        found = store.poses(index).coords
        assert found.shape == own[name].shape
        np.testing.assert_array_equal(found, own[name])
    assert report.repaired == {"a": ["1 frames are left out: without anybody"]}


def test_times_as_frames(tmp_path: pathlib.Path) -> None:
    header, *rows = wide_rows(clips(), KINECT)
    for row in rows:
        row[1] = f"{int(row[1]) / 30:.4f}"
    check(prepared(tmp_path, [header, *rows])[0], "kinect_v1_20", clips())


def test_a_column_split(tmp_path: pathlib.Path) -> None:
    tags = {"a": {"split": "train"}, "b": {"split": "test"}}
    dataset, _ = prepared(tmp_path, wide_rows(clips(), KINECT, tags=tags))
    split = dataset.split("given")
    assert (split.train.tolist(), split.test.tolist()) == ([0], [1])
    tags["b"]["split"] = "val"
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match=r"clip b: split 'val'; write train, test or nothing"):
        prepared(tmp_path / "x", wide_rows(clips(), KINECT, tags=tags))


def test_columns_that_are_not_read_are_told(tmp_path: pathlib.Path) -> None:
    rows = [[*row, "1"] for row in wide_rows(clips(), KINECT)]
    rows[0][-1] = "temperature"
    _, report = prepared(tmp_path, rows)
    assert report.notes[-1] == "columns that are not read: temperature"


def test_a_clip_is_read_without_the_others(tmp_path: pathlib.Path) -> None:
    """Bytes before and behind a clip may be anything once it is indexed."""
    content = table_bytes(wide_rows(clips(), KINECT))
    (tmp_path / "mine.csv").write_bytes(content)
    with open_source(tmp_path / "mine.csv") as files:
        reader = CsvReader(files)
        assert list(reader.entries()) == ["mine.csv#a", "mine.csv#b"]
        (name, rows) = reader._rows["mine.csv#b"]
        ((start, end, line),) = rows.runs
        assert (name, end, line) == ("mine.csv", len(content), 12)
        (tmp_path / "mine.csv").write_bytes(b"\xff" * start + content[start:])
        read = reader.read("mine.csv#b")
        np.testing.assert_array_equal(read.poses["kinect_v1_20"].coords, clips()["b"])


def edited(line: int, column: int, text: str) -> bytes:
    rows = long_rows(clips(), KINECT, TAGS)
    rows[line][column] = text
    return table_bytes(rows)


WHOLE = table_bytes(long_rows(clips(), KINECT))
WIDE = table_bytes(wide_rows(clips(), KINECT))
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "names no poses"),
    "no rows": (WHOLE.partition(b"\n")[0], "has no rows below its first line"),
    "numbers only": (b"1,2,3\n4,5,6\n", "the first line names no poses"),
    "UTF-16": (WHOLE.decode().encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    "another encoding": (WHOLE.replace(b"a,0,p0", b"\xe4,0,p0", 1), "line 2: is not UTF-8 text"),
    "cut": (WHOLE[:-30], "line .*: 5 cells for 7 columns|cells for"),
    "more cells": (WHOLE + b"b,9,p0,head,1,2,3,4\n", "line 442: 8 cells for 7 columns"),
    "an open quote": (WHOLE + b'"b,9,p0,head,1,2,3\n', "line 442: a cell goes on over its end"),
    "no clip": (edited(1, 0, ""), "line 2: names no clip"),
    "joints": (edited(1, 3, "tail"), "its 21 joints are not those of the nearest layout"),
    "columns twice": (WHOLE.replace(b"person", b"clip_id"), "'clip' and 'clip_id' are the same"),
    "coordinates": (WIDE.replace(b"head_z", b"head_q"), "joint 'head' has other columns"),
    "no coordinates": (b"clip,frame,head_x\na,0,1\n", "the first line names no poses"),
    "one long line": (b"x" * 70_000, "its first line is longer than 65536 bytes"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0", "is not UTF-8 text|names no poses"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_refused_in_a_line(tmp_path: pathlib.Path, name: str) -> None:
    content, message = BAD[name]
    with pytest.raises(InputError, match=rf"^mine.csv.*({message})") as said:
        prepared(tmp_path, content)
    assert "\n" not in str(said.value)
    assert not (tmp_path / "out").exists()


BAD_CLIPS: dict[str, tuple[int, int, str, str]] = {
    "a word": (5, 4, "left", "line 6: 'left' is not a number"),
    "two commas": (5, 4, "1,2,3", "line 6: '1,2,3' is not a number"),
    "an underscore": (5, 4, "1_0", "line 6: '1_0' is not a number"),
    "no frame": (5, 1, "", "line 6: has no number of a frame"),
    "a frame far off": (5, 1, "999999", "are numbered from 0 to 999999, and only 6 are there"),
    "twice": (2, 3, "hip_center", "line 3: is about what a row before it says already"),
    "another label": (2, 7, "hop", "line 3: label 'hop', the clip began with 'wave'"),
    "infinite": (5, 4, "inf", "infinite coordinate"),
}


@pytest.mark.parametrize("name", BAD_CLIPS)
def test_a_bad_row_spoils_its_clip_alone(tmp_path: pathlib.Path, name: str) -> None:
    line, column, text, message = BAD_CLIPS[name]
    own = clips_of(("a", *(f"c{number:02}" for number in range(24))), 20)
    tags = {clip: {"label": "wave"} for clip in own}
    rows = long_rows(own, KINECT, tags)
    rows[line][column] = text
    content = table_bytes(rows)
    dataset, report = prepared(tmp_path, content)
    assert list(report.blanked) == ["a"]
    with pytest.raises(InputError, match=message):
        raise InputError(report.blanked["a"])
    assert "\n" not in report.blanked["a"]
    assert len(dataset) == 25


def test_tables_that_differ(tmp_path: pathlib.Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(WHOLE)
    (tmp_path / "in" / "b.csv").write_bytes(table_bytes(long_rows(clips(17), COCO)))
    with pytest.raises(InputError, match=r"^b.csv: has other joints or coordinates than a.csv"):
        prepare("csv", tmp_path / "in", tmp_path / "out", progress=False)


@pytest.mark.parametrize("name", layout_names())
def test_every_packaged_layout_is_known_by_its_joints(name: str) -> None:
    joints = load_layout(name).joints
    header = ["frame", *(f"{joint}_{axis}" for joint in joints for axis in "xyz")]
    columns = find_columns(header, "x.csv")
    assert tuple(columns.joints) == joints
    try:
        found, places = match_joints(columns.joints, "", "x.csv")
    except InputError as error:
        assert name in str(error)  # noqa: PT017 - several layouts have these joints
        found, places = match_joints(columns.joints, name, "x.csv")
    assert found.name == name
    assert list(places.values()) == list(range(len(joints)))
