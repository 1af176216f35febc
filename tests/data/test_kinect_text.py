"""MSR Action3D, UTKinect and MSRC-12: exact poses back, cutting, splits, files at fault."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import FORMATS, ReadClip, ReaderOptions
from ms2l_tf.data.formats.guess import describe_source
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from tests.data.writers_kinect_text import (
    MSR_JOINTS,
    msr_text,
    msrc12_text,
    poses,
    tagstream,
    utkinect_labels,
    utkinect_text,
)

LAYOUT = "kinect_v1_20"
MSR = "a02_s03_e01"
UT = "joints/joints_s01_e01.txt"
MSRC = "P1_1_1A_p06"
GESTURE = "G1  lift outstretched arms"


def read(format_name: str, folder: pathlib.Path, entry: str) -> ReadClip:
    with open_source(folder) as files:
        reader = FORMATS[format_name](files, ReaderOptions())
        assert entry in reader.entries()
        return reader.read(entry)


def write(folder: pathlib.Path, **contents: str) -> None:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())


def in_layout(joints: np.ndarray) -> np.ndarray:
    """Joints in the order of MSR's files as those of the layout."""
    order = [MSR_JOINTS.index(name) for name in load_layout(LAYOUT).joints]
    return joints[:, order]


def read_msr(folder: pathlib.Path, text: str) -> ReadClip:
    write(folder, **{f"{MSR}_skeleton3D.txt": text})
    return read("msr_action3d", folder, f"{MSR}_skeleton3D.txt")


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_msr_exactly(tmp_path: pathlib.Path, end: str) -> None:
    joints = poses(4)
    joints[2, 11] = 0
    clip = read_msr(tmp_path, msr_text(joints).replace("\r\n", end))
    row = clip.clip
    assert (row.name, row.label, row.subject, row.group) == (MSR, 1, "3", "1")
    expected = in_layout(joints).astype(np.float32)
    expected[2, load_layout(LAYOUT).joints.index("hand_left")] = np.nan
    np.testing.assert_array_equal(clip.poses[LAYOUT].coords[:, 0], expected)
    assert clip.repairs == ("1 joints set to missing in 1 of 4 frames (frame 2, counted from 0)",)


MSR_TEXT = msr_text(poses(2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": has 0 lines, expected 20 for every frame"),
        (MSR_TEXT[: MSR_TEXT.rindex(" ")], ", line 40: has 3 numbers, expected 4"),
        (MSR_TEXT[: MSR_TEXT.rindex("\r\n", 0, -2)], ": has 39 lines, expected 20 for every frame"),
        (MSR_TEXT.replace(".", ","), ", line 1: '-?[0-9],.*' is not a number"),
        ("0 0 0 1\n" * 40, ": has no joint in any frame"),
        ("a 0 0 1\n" + "1 1 1 1\n" * 19, ", line 1: 'a' is not a number"),
        (MSR_TEXT.encode("utf-16").decode("latin-1"), ": is UTF-16 text"),
    ],
)
def test_msr_files_at_fault(tmp_path: pathlib.Path, text: str, message: str) -> None:
    (tmp_path / f"{MSR}_skeleton3D.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=f"^{MSR}_skeleton3D.txt{message}"):
        read("msr_action3d", tmp_path, f"{MSR}_skeleton3D.txt")


def test_msr_set(tmp_path: pathlib.Path) -> None:
    for action in (1, 2, 6, 20):
        for subject in (1, 2):
            text = msr_text(poses(3, 10 * action + subject))
            name = f"a{action:02}_s{subject:02}_e01_skeleton3D.txt"
            write(tmp_path / "s", **{name: text, name.replace("3D", ""): "1 2 3 4\n" * 60})
    assert "MSR Action3D text files; --format=msr_action3d" in describe_source(tmp_path / "s")
    dataset, _ = prepare("msr_action3d", tmp_path / "s", tmp_path / "out", progress=False)
    assert (len(dataset), len(dataset.label_names)) == (8, 20)
    assert dataset.label_names[19] == "pick up and throw"
    assert dataset.poses(LAYOUT).frame_rate == 15
    actions = {
        name: set(dataset.labels[dataset.split(name).train] + 1) for name in dataset.split_names
    }
    assert actions == {
        "cross_subject": {1, 2, 6, 20},
        "cross_subject_as1": {2, 6, 20},
        "cross_subject_as2": {1},
        "cross_subject_as3": {6, 20},
    }
    for name in dataset.split_names:
        assert set(dataset.subjects[dataset.split(name).test]) == {"2"}


def write_utkinect(folder: pathlib.Path, joints: np.ndarray, numbers: list[int]) -> None:
    labels = utkinect_labels(
        {"s01_e01": {"walk": (190, 194), "carry": ("NaN", "NaN"), "clapHands": (196, 210)}}
    )
    write(folder, **{UT: utkinect_text(numbers, joints), "joints/actionLabel.txt": labels})


def test_utkinect_exactly(tmp_path: pathlib.Path) -> None:
    joints = poses(7)
    write_utkinect(tmp_path, joints, [188, 190, 190, 194, 196, 198, 212])
    with open_source(tmp_path) as files:
        entries = FORMATS["utkinect"](files, ReaderOptions()).entries()
    assert list(entries) == [f"{UT}#1", f"{UT}#10"]
    walk, clap = (read("utkinect", tmp_path, entry) for entry in entries)
    row = walk.clip
    assert (row.name, row.label, row.subject, row.group) == ("s01_e01_walk", 0, "1", "1")
    assert (row.source, row.start, row.end) == ("joints_s01_e01.txt", 190, 195)
    expected = joints[:, np.newaxis].astype(np.float32)
    np.testing.assert_array_equal(walk.poses[LAYOUT].coords, expected[[1, 3]])
    assert walk.repairs == ("1 frames whose number occurs again left out",)
    assert (clap.clip.name, clap.clip.label) == ("s01_e01_clapHands", 9)
    np.testing.assert_array_equal(clap.poses[LAYOUT].coords, expected[4:6])


UT_TEXT = utkinect_text([190, 192], poses(2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "#1: has no frame from 190 to 194"),
        (UT_TEXT.replace("190", "90").replace("192", "195"), "#1: has no frame from 190 to 194"),
        (UT_TEXT[: UT_TEXT.rindex("  ", 0, -4)], ", line 2: has 60 numbers, expected 61"),
        (UT_TEXT.replace(".", ","), ", line 1: '.*,.*' is not a number"),
        (UT_TEXT.replace("192", "abc"), ", line 2: 'abc' is not a number"),
    ],
)
def test_utkinect_recordings_at_fault(tmp_path: pathlib.Path, text: str, message: str) -> None:
    write_utkinect(tmp_path, poses(2), [190, 192])
    (tmp_path / UT).write_text(text)
    with pytest.raises(InputError, match=f"^{UT}{message}"):
        read("utkinect", tmp_path, f"{UT}#1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("walk: 1 2\n", "line 1: 'walk: 1 2' is neither a recording such as s01_e01 nor one of"),
        ("s01_e01\nfly: 1 2\n", "line 2: 'fly: 1 2' is neither a recording"),
        ("s01_e01\nwalk: 1\n", "line 2: 'walk: 1' is neither a recording"),
        ("s01_e01\nwalk: 1,5 2\n", "line 2: '1,5 2' are not two numbers of frames"),
        ("s01_e01\ns01_e01\n", "line 2: the recording s01_e01 is there already"),
        ("", "the recording s01_e01 is missing in actionLabel.txt"),
        ("s01_e01\ns09_e01\n", "the recording s09_e01 is missing in the source"),
    ],
)
def test_utkinect_labels_at_fault(tmp_path: pathlib.Path, text: str, message: str) -> None:
    write_utkinect(tmp_path / "s", poses(2), [190, 192])
    (tmp_path / "s" / "joints" / "actionLabel.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        prepare("utkinect", tmp_path / "s", tmp_path / "out", progress=False)
    (tmp_path / "s" / "joints" / "actionLabel.txt").unlink()
    with pytest.raises(InputError, match=r"holds no actionLabel.txt, which says where"):
        prepare("utkinect", tmp_path / "s", tmp_path / "out", progress=False)


def test_utkinect_set(tmp_path: pathlib.Path) -> None:
    names = [f"s{subject:02}_e0{take}" for subject in (1, 2) for take in (1, 2)]
    for name in names:
        text = utkinect_text(range(0, 40, 2), poses(20, int(name[1:3])))
        write(tmp_path / "s", **{f"joints_{name}.txt": text})
    labels = utkinect_labels({name: {"push": (4, 12), "pull": (14, 20)} for name in names})
    write(tmp_path / "s", **{"actionLabel.txt": labels})
    assert describe_source(tmp_path / "s").endswith("; --format=utkinect reads them")
    dataset, _ = prepare("utkinect", tmp_path / "s", tmp_path / "out", progress=False)
    assert len(dataset) == 8
    assert [dataset.label_names[label] for label in dataset.labels[:2]] == ["push", "pull"]
    split = dataset.split("cross_subject")
    assert set(dataset.subjects[split.train]) == {"1"}
    assert set(dataset.subjects[split.test]) == {"2"}


TIMES = [600_000_000 + 33_333 * frame for frame in range(200)]


def write_msrc12(folder: pathlib.Path, joints: np.ndarray, *points: tuple[int, str]) -> None:
    text = msrc12_text(TIMES[: len(joints)], joints)
    write(folder, **{f"{MSRC}.csv": text, f"{MSRC}.tagstream": tagstream(points)})


def test_msrc12_exactly(tmp_path: pathlib.Path) -> None:
    joints = poses(200)
    joints[:20] = 0
    write_msrc12(tmp_path, joints, (TIMES[100], GESTURE), (TIMES[20] + 9, "G12 Kick"))
    middle, start = (read("msrc12", tmp_path, f"{MSRC}.csv#{number}") for number in (1, 2))
    row = middle.clip
    assert (row.name, row.label, row.subject, row.setup) == (f"{MSRC}_01", 0, "6", "P1_1")
    assert (row.source, row.start, row.end) == (f"{MSRC}.csv", 70, 131)
    expected = joints[:, np.newaxis].astype(np.float32)
    np.testing.assert_array_equal(middle.poses[LAYOUT].coords, expected[70:131])
    assert middle.repairs == ()
    assert (start.clip.label, start.clip.start, start.clip.end) == (11, 0, 51)
    assert np.isnan(start.poses[LAYOUT].coords[:20]).all()
    np.testing.assert_array_equal(start.poses[LAYOUT].coords[20:], expected[20:51])
    assert start.repairs[0].startswith("400 joints set to missing in 20 of 51 frames")
    assert describe_source(tmp_path) == "holds 2 MSRC-12 files; --format=msrc12 reads them"


MSRC_TEXT = msrc12_text(TIMES[:60], poses(60))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "#1: nothing was recorded around the action point"),
        (MSRC_TEXT[: MSRC_TEXT.rindex(" ")], ", line 60: has 80 numbers, expected 81"),
        (MSRC_TEXT.replace(".", ","), ", line 1: '.*,.*' is not a number"),
        ("time" + MSRC_TEXT, ", line 1: 'time6.*' is not a time in microseconds"),
        (msrc12_text(TIMES[:60], np.zeros((60, 20, 3))), "#1: has no joint in any frame"),
        (msrc12_text([1], poses(1)), "#1: nothing was recorded around the action point"),
    ],
)
def test_msrc12_recordings_at_fault(tmp_path: pathlib.Path, text: str, message: str) -> None:
    write_msrc12(tmp_path, poses(60), (TIMES[30], GESTURE))
    (tmp_path / f"{MSRC}.csv").write_text(text)
    with pytest.raises(InputError, match=f"^{MSRC}.csv{message}"):
        read("msrc12", tmp_path, f"{MSRC}.csv#1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ", line 1: '' is not XQPCTick;Tag"),
        ("Tick;Tag\n1;G1 a\n", ", line 1: 'Tick;Tag' is not XQPCTick;Tag"),
        ("XQPCTick;Tag\n1,5;G1 lift\n", ", line 2: '1,5;G1 lift' is not an action point"),
        ("XQPCTick;Tag\n15;G13 fly\n", ", line 2: '15;G13 fly' is not an action point"),
        ("XQPCTick;Tag\n15\n", ", line 2: '15' is not an action point"),
        ("XQPCTick;Tag\n15;G1".encode("utf-16").decode("latin-1"), ": is UTF-16 text"),
    ],
)
def test_msrc12_action_points_at_fault(tmp_path: pathlib.Path, text: str, message: str) -> None:
    write_msrc12(tmp_path, poses(60))
    (tmp_path / f"{MSRC}.tagstream").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=f"^{MSRC}.tagstream{message}"):
        read("msrc12", tmp_path, f"{MSRC}.csv#1")


def test_msrc12_set(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    for participant in (1, 2):
        name = f"P3_2_12_p{participant:02}"
        text = msrc12_text(TIMES, poses(200, participant))
        points = tagstream([(TIMES[60], "G12 Kick"), (TIMES[130], "G12 Kick")])
        write(tmp_path / "s", **{f"{name}.csv": text, f"{name}.tagstream": points})
    write(tmp_path / "s", **{"P1_1_2A_p06.csv": msrc12_text(TIMES, poses(200, 3))})
    dataset, _ = prepare("msrc12", tmp_path / "s", tmp_path / "out", progress=False)
    assert (len(dataset), set(dataset.labels)) == (4, {11})
    split = dataset.split("cross_subject")
    assert set(dataset.subjects[split.test]) == {"2"}
    assert "1 recordings without a .tagstream beside them left out, such as P1_1_2A_p06.csv" in (
        capsys.readouterr().err
    )
