from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from ms2l_tf.data import Axes, ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.bandai_namco import BandaiNamcoReader
from ms2l_tf.data.formats.bvh_folder import BvhFolderReader
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import load_layout
from tests.conftest import SHARED_DATA
from tests.data.motion_files import JOINTS, Z_UP, bvh, rest_pose

BIPED = dict(
    zip(
        JOINTS,
        (
            *("Bip01 Pelvis", "Bip01 Spine", "Bip01 Neck", "Bip01 Head"),
            *("Bip01 L Clavicle", "Bip01 L UpperArm", "Bip01 L Forearm", "Bip01 L Hand"),
            *("Bip01 R Clavicle", "Bip01 R UpperArm", "Bip01 R Forearm", "Bip01 R Hand"),
            *("Bip01 L Thigh", "Bip01 L Calf", "Bip01 L Foot", "Bip01 L Toe0"),
            *("Bip01 R Thigh", "Bip01 R Calf", "Bip01 R Foot", "Bip01 R Toe0"),
        ),
        strict=True,
    )
)
POSER = dict(
    zip(
        JOINTS,
        (
            *("hip", "chest", "neck", "head", "lCollar", "lShldr", "lForeArm", "lHand"),
            *("rCollar", "rShldr", "rForeArm", "rHand", "lThigh", "lShin", "lFoot", "lToe"),
            *("rThigh", "rShin", "rFoot", "rToe"),
        ),
        strict=True,
    )
)


def write(folder: pathlib.Path, files: Mapping[str, str]) -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(
    source: pathlib.Path, out: pathlib.Path, layouts: Sequence[str] | None = None, **options: object
) -> tuple[ClipDataset, PrepareReport]:
    given = ReaderOptions(**options)  # type: ignore[arg-type]
    return prepare("bvh", source, out, layouts=layouts, progress=False, options=given)


@pytest.mark.parametrize("rename", ["", "mixamorig:", "Character1_", "a:b:", BIPED, POSER])
@pytest.mark.parametrize(
    ("unit", "name"),
    [(1, "m"), (100, "cm"), (1000, "mm"), (39.3701, "inch"), (17.7165, "inch/0.45")],
)
def test_poses_are_metres_whatever_the_names_and_the_unit(
    tmp_path: pathlib.Path, rename: Mapping[str, str] | str, unit: float, name: str
) -> None:
    source = write(tmp_path / "source", {"walk.bvh": bvh(rename, unit=unit)})
    with open_source(source) as files:
        reader = BvhFolderReader(files)
        header, (entry,) = reader.header, reader.entries()
        poses = reader.read(entry).poses
    (declared,) = header.poses
    assert (declared.unit, declared.layout, declared.frame_rate) == ("m", "bvh_20", 30.0)
    assert declared.axes == Axes(up="+y", forward="-z", handedness="right")
    assert header.notes[0].startswith(f"unit: {name}, by the ")
    walked = rest_pose() + np.arange(4)[:, None, None] * [0.1, 0, 0]
    np.testing.assert_allclose(poses["bvh_20"].coords[:, 0], walked, atol=2e-5)


@pytest.mark.parametrize("rename", ["mixamorig:", BIPED, POSER])
def test_layout_of_the_hierarchy(tmp_path: pathlib.Path, rename: Mapping[str, str] | str) -> None:
    source = write(tmp_path / "source", {"walk.bvh": bvh(rename)})
    layout = read(source, tmp_path / "out")[0].poses("bvh_20").layout
    place = {joint: number for number, joint in enumerate(JOINTS)}

    def joints(*names: str) -> tuple[int, ...]:
        return tuple(place[name] for name in names)

    assert layout.anchors == {
        "root": joints("LeftUpLeg", "RightUpLeg"),
        "hip_left": joints("LeftUpLeg"),
        "hip_right": joints("RightUpLeg"),
        "shoulder_left": joints("LeftArm"),
        "shoulder_right": joints("RightArm"),
        "spine_top": joints("Neck"),
    }
    assert layout.semantic == {
        "head": joints("Head"),
        "neck": joints("Neck"),
        "pelvis": joints("LeftUpLeg", "RightUpLeg"),
        **{f"hand_{s.lower()}": joints(f"{s}Hand") for s in ("Left", "Right")},
        **{f"elbow_{s.lower()}": joints(f"{s}ForeArm") for s in ("Left", "Right")},
        **{f"knee_{s.lower()}": joints(f"{s}Leg") for s in ("Left", "Right")},
        **{f"ankle_{s.lower()}": joints(f"{s}Foot") for s in ("Left", "Right")},
    }
    swapped = [
        name.replace("Left", "R*").replace("Right", "Left").replace("R*", "Right")
        for name in JOINTS
    ]
    assert layout.mirror == joints(*swapped)
    assert layout.parts["trunk"] == joints("Hips", "Spine", "Neck", "Head")
    arm = ("LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand")
    assert layout.parts["arm_left"] == joints(*arm)
    assert layout.graph_centre == place["Spine"]
    assert not any(":" in joint or "Bip01" in joint for joint in layout.joints)


def test_up_is_where_the_heads_are(tmp_path: pathlib.Path) -> None:
    source = write(tmp_path / "source", {"walk.bvh": bvh(turn=Z_UP)})
    with open_source(source) as files:
        header = BvhFolderReader(files).header
        told = BvhFolderReader(files, ReaderOptions(axes="+y,-z,left", unit="mm")).header
    # Who faced +z with y up faces -y with z up.
    assert header.poses[0].axes == Axes(up="+z", forward="+y", handedness="right")
    assert any("+z is up" in note for note in header.notes)
    assert told.poses[0].axes == Axes("+y", "-z", "left")
    assert not any(note.startswith(("unit", "axes")) for note in told.notes)


def test_frame_rates_become_one(tmp_path: pathlib.Path) -> None:
    texts = {"a.bvh": bvh(frames=9, frame_rate=120), "b.bvh": bvh(frames=5, frame_rate=60)}
    source = write(tmp_path / "source", texts)
    poses = read(source, tmp_path / "out")[0].poses("bvh_20")
    assert (poses.frame_rate, poses.lengths.tolist()) == (30.0, [3, 3])
    poses = read(source, tmp_path / "other", frame_rate=60.0)[0].poses("bvh_20")
    assert (poses.frame_rate, poses.lengths.tolist()) == (60.0, [5, 5])


def test_folders_are_labels(tmp_path: pathlib.Path) -> None:
    texts = {"walk/01.bvh": bvh(), "run/01.bvh": bvh("x:"), "run/02.bvh": bvh("y:")}
    dataset, report = read(write(tmp_path / "source", texts), tmp_path / "out")
    assert dataset.label_names == ("run", "walk")
    rows = {clip.name: dataset.label_names[clip.label] for clip in dataset.clips}
    assert rows == {"walk_01": "walk", "run_01": "run", "run_02": "run"}
    assert dataset.split_names == ("train_only",)
    assert any(line.startswith("labels: the names of 2 folders") for line in report.lines())


def test_a_table_says_labels_subjects_and_split(tmp_path: pathlib.Path) -> None:
    texts = {f"{name}.bvh": bvh() for name in "abc"}
    table = tmp_path / "table.csv"
    table.write_text("file,label,subject,split\na.bvh,nod,7,train\nb.bvh,bow,8,test\n")
    source = write(tmp_path / "source", texts)
    dataset, report = read(source, tmp_path / "out", labels=str(table))
    assert dataset.label_names == ("bow", "nod")
    assert dataset.labels.tolist() == [1, 0, -1]
    assert dataset.subjects.tolist() == ["7", "8", ""]
    assert report.splits == {"given": {"train": 1, "test": 1}}


def test_a_file_of_another_skeleton_is_said(tmp_path: pathlib.Path) -> None:
    texts = {"a.bvh": bvh(), "b.bvh": bvh(without=("LeftToeBase",))}
    source = write(tmp_path / "source", texts)
    line = (
        r"b.bvh: is of another skeleton, a.bvh has the joint 'LeftToeBase', b.bvh has not; prepare "
        "them apart"
    )
    with pytest.raises(InputError, match=line):
        read(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_first_file_is_a_bad_clip_only(tmp_path: pathlib.Path) -> None:
    texts = {"0.bvh": bvh()[:-40], **{f"{number:02}.bvh": bvh() for number in range(1, 30)}}
    _, report = read(write(tmp_path / "source", texts), tmp_path / "out")
    assert list(report.blanked) == ["0"]
    assert "0.bvh, line " in report.blanked["0"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: text[:-40], r", line \d+: "),
        (lambda text: text.replace("0.900000", "nan"), ""),
        (lambda text: text.replace("90.000000", "nan"), r", line \d+: 'nan' is not a finite"),
        (lambda text: text.replace(".", ","), r", line \d+: '.*' is not a number"),
        (lambda text: text.replace("Frames: 4", "Frames: 9"), r".*4 frames of 9"),
        (lambda text: text.replace("Frames: 4", "Frames: 99999999999"), r".*4 frames of"),
        (lambda text: text.replace("CHANNELS 3", "CHANNELS 2", 1), r", line \d+: "),
        (lambda text: "", ": has no line MOTION"),
    ],
)
def test_bad_files(tmp_path: pathlib.Path, change: object, line: str) -> None:
    text = change(bvh())  # type: ignore[operator]
    source = write(tmp_path / "source", {"a.bvh": text})
    if not line:
        assert text == bvh()
        return
    with pytest.raises(InputError, match=f"^a.bvh{line}") as raised:
        read(source, tmp_path / "out")
    assert "\n" not in str(raised.value)


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: pathlib.Path) -> None:
    text = "\ufeff" + bvh().replace("\n", "\r\n")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "A.BVH").write_bytes(text.encode())
    dataset, _ = read(tmp_path / "source", tmp_path / "out")
    assert [clip.name for clip in dataset.clips] == ["A"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"unit": "yard"}, "--unit=yard: use one of m, mm, cm, unknown"),
        ({"axes": "y,z"}, r"--axes=y,z: write up, forward and handedness with commas"),
        ({"axes": "+y,+y,right"}, r"--axes=\+y,\+y,right: axes: up \+y and forward \+y are"),
        ({"layout": "coco_17"}, "--layout=coco_17: a.bvh has another joint 'Head'"),
        ({"layout_map": "auto"}, "--layout_map=auto: say which layouts are wanted"),
    ],
)
def test_bad_options(tmp_path: pathlib.Path, options: dict[str, str], line: str) -> None:
    source = write(tmp_path / "source", {"a.bvh": bvh()})
    with pytest.raises(InputError, match=f"^{line}"):
        read(source, tmp_path / "out", **options)


def test_names_that_tell_nothing(tmp_path: pathlib.Path) -> None:
    """A layout of the hierarchy alone; what cannot be guessed is said."""
    names = {joint: f"j{number}" for number, joint in enumerate(JOINTS)}
    source = write(tmp_path / "source", {"a.bvh": bvh(names)})
    dataset, report = read(source, tmp_path / "out")
    poses = dataset.poses("bvh_20")
    assert poses.unit == "unknown"
    assert poses.layout.mirror == tuple(range(20))
    assert poses.layout.anchors["root"] == (0,)
    said = " ".join(report.lines())
    assert "unit: unknown" in said
    assert "say them with --axes" in said


def test_mapped_to_a_packaged_layout_by_names(tmp_path: pathlib.Path) -> None:
    source = write(tmp_path / "source", {"a.bvh": bvh("mixamorig:")})
    dataset, report = read(source, tmp_path / "out", ("native", "h36m_17"), layout_map="auto")
    assert set(dataset.layouts) == {"bvh_20", "h36m_17"}
    mapped = dataset.poses("h36m_17").poses(0).coords[0, 0]
    rest = dict(zip(JOINTS, rest_pose(), strict=True))
    joints = load_layout("h36m_17").joints
    expected = {"lkne": "LeftLeg", "rwri": "RightHand", "spin": "Spine", "neck": "Neck"}
    for target, joint in expected.items():
        np.testing.assert_allclose(mapped[joints.index(target)], rest[joint], atol=1e-5)
    assert np.isnan(mapped[joints.index("htop")]).all()
    assert any("none stands for htop (nearest: Head)" in line for line in report.lines())
    # The suggestion is a file that can be mended and given back.
    file = dataset.path / "bvh_20_to_h36m_17.json"
    content = json.loads(file.read_text())
    content["joints"]["htop"] = ["Head"]
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(content))
    other, _ = read(source, tmp_path / "other", layout_map=str(mended))
    mapped = other.poses("h36m_17").poses(0).coords[0, 0]
    np.testing.assert_allclose(mapped[joints.index("htop")], rest["Head"], atol=1e-5)


def test_a_mapping_from_another_layout(tmp_path: pathlib.Path) -> None:
    source = write(tmp_path / "source", {"a.bvh": bvh()})
    mapping = tmp_path / "map.json"
    mapping.write_text(json.dumps({"source": "bvh_9", "target": "h36m_17", "joints": {}}))
    with pytest.raises(InputError, match=r"map\.json: source: unknown layout 'bvh_9'"):
        read(source, tmp_path / "out", layout_map=str(mapping))


@pytest.mark.slow
@pytest.mark.real_data
def test_published_files_are_read_as_their_own_reader_does(tmp_path: pathlib.Path) -> None:
    archive = SHARED_DATA / "Bandai-Namco" / "Bandai-Namco-Motiondataset-2.tar.xz"
    if not archive.is_file():
        pytest.skip(f"the Bandai-Namco archive is not at {archive}")
    with open_source(archive) as files:
        generic, own = BvhFolderReader(files), BandaiNamcoReader(files)
        assert generic.header.poses == own.header.poses
        for entry in own.entries()[::500]:
            (poses,) = generic.read(entry).poses.values()
            (expected,) = own.read(entry).poses.values()
            np.testing.assert_array_equal(poses.coords, expected.coords)
