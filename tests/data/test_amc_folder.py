from __future__ import annotations

import pathlib
from collections.abc import Mapping

import numpy as np
import pytest

from ms2l_tf.data import Axes, ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.amc_folder import AmcFolderReader
from ms2l_tf.data.formats.hdm05 import Hdm05Reader
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from tests.conftest import SHARED_DATA
from tests.data.motion_files import BODY, BONES, JOINTS, amc, asf, rest_pose

LAYOUT = f"amc_{len(BONES) + 1}"


def write(folder: pathlib.Path, files: Mapping[str, str]) -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(
    source: pathlib.Path, out: pathlib.Path, **options: object
) -> tuple[ClipDataset, PrepareReport]:
    given = ReaderOptions(**options)  # type: ignore[arg-type]
    return prepare("amc", source, out, progress=False, options=given)


@pytest.mark.parametrize("length", [0.45, 1.0])
def test_poses_are_metres_at_the_ends_of_bones(tmp_path: pathlib.Path, length: float) -> None:
    files = {"01.asf": asf(length), "01_02.amc": amc(9, length)}
    dataset, report = read(write(tmp_path / "source", files), tmp_path / "out")
    poses = dataset.poses(LAYOUT)
    assert (poses.unit, poses.frame_rate) == ("m", 30.0)
    assert poses.axes == Axes(up="+y", forward="-z", handedness="right")
    rest = dict(zip(JOINTS, rest_pose(), strict=True))
    ends = [rest["Hips"], *(rest[joint] for _, joint in BONES.values())]
    walked = np.array(ends) + np.arange(3)[:, None, None] * [0.4, 0, 0]  # every fourth frame
    np.testing.assert_allclose(poses.poses(0).coords[:, 0], walked, atol=1e-5)
    assert any("frame rate of the files: 120" in line for line in report.lines())


def test_layout_of_bone_ends(tmp_path: pathlib.Path) -> None:
    files = {"01.asf": asf(), "01_02.amc": amc()}
    layout = read(write(tmp_path / "source", files), tmp_path / "out")[0].poses(LAYOUT).layout
    named = {key: [layout.joints[j] for j in own] for key, own in layout.semantic.items()}
    assert named == {
        "head": ["head"],
        "neck": ["lowerneck"],
        "pelvis": ["lhipjoint", "rhipjoint"],
        "hand_left": ["lwrist"],
        "hand_right": ["rwrist"],
        "elbow_left": ["lhumerus"],
        "elbow_right": ["rhumerus"],
        "knee_left": ["lfemur"],
        "knee_right": ["rfemur"],
        "ankle_left": ["ltibia"],
        "ankle_right": ["rtibia"],
    }


def test_each_motion_finds_its_skeleton(tmp_path: pathlib.Path) -> None:
    odd = asf().replace("lfoot", "lpaw")
    files = {
        "a/01.asf": asf(),
        "a/011.asf": odd,
        "a/01_02.amc": amc(),
        "b/x/walk.amc": amc(),
        "b/only.asf": asf(),
    }
    dataset, report = read(write(tmp_path / "source", files), tmp_path / "out")
    assert [clip.name for clip in dataset.clips] == ["01_02", "walk"]
    assert not report.blanked


def test_frame_rate_by_name_or_by_flag(tmp_path: pathlib.Path) -> None:
    files = {"s.asf": asf(), "s_001_60.amc": amc(7), "s_2.amc": amc(9)}
    source = write(tmp_path / "source", files)
    assert read(source, tmp_path / "out")[0].poses(LAYOUT).lengths.tolist() == [4, 3]
    told = read(source, tmp_path / "told", frame_rate=30.0)[0].poses(LAYOUT)
    assert (told.frame_rate, told.lengths.tolist()) == (30.0, [7, 9])


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"a.amc": amc()}, "a.amc: its skeleton, an .asf file, is missing"),
        (
            {"p.asf": asf(), "q.asf": asf(), "a.amc": amc()},
            "a.amc: none of the 2 .asf files has a name that it begins with",
        ),
        ({"a.asf": asf(), "a_1.amc": amc().rpartition("rclavicle")[0]}, "a_1.amc, .*frame 8 lacks"),
        (
            {"a.asf": asf(), "a_1.amc": amc().replace("rfoot 0 0 0", "rfoot 0 0", 1)},
            r"a_1.amc, line \d+: rfoot has 2 values, the skeleton gives it 3",
        ),
        (
            {"a.asf": asf(), "a_1.amc": amc().replace("rfoot 0 0 0", "rfoot 0 0 nan", 1)},
            r"a_1.amc, line \d+: 'nan' is not a finite number",
        ),
        (
            {"a.asf": asf(), "a_1.amc": amc().replace(".", ",")},
            r"a_1.amc, line \d+: '.*' is not a number",
        ),
        ({"a.asf": asf(), "a_1.amc": ""}, "a_1.amc: has no frame"),
        ({"a.asf": "", "a_1.amc": amc()}, "a.asf: has no section :root"),
    ],
)
def test_bad_files(tmp_path: pathlib.Path, files: dict[str, str], line: str) -> None:
    source = write(tmp_path / "source", files)
    with pytest.raises(InputError, match=f"^{line}") as raised:
        read(source, tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_windows_line_ends(tmp_path: pathlib.Path) -> None:
    texts = {"a.asf": asf(), "a_1.amc": amc()}
    files = {name: text.replace("\n", "\r\n") for name, text in texts.items()}
    dataset, _ = read(write(tmp_path / "source", files), tmp_path / "out")
    assert dataset.poses(LAYOUT).lengths.tolist() == [2]


def test_the_body_of_the_generator_is_the_same(tmp_path: pathlib.Path) -> None:
    """The generators of both formats write one body: its bones are those of `BODY`."""
    assert {end for _, end in BONES.values()} < set(BODY)
    files = {"01.asf": asf(), "01_02.amc": amc(1)}
    pose = read(write(tmp_path / "source", files), tmp_path / "out")[0].poses(LAYOUT)
    place = pose.poses(0).coords[0, 0]
    joints = pose.layout.joints
    np.testing.assert_allclose(
        place[joints.index("ltibia")] - place[joints.index("lfemur")], [0, -0.4, 0], atol=1e-6
    )


@pytest.mark.real_data
def test_published_files_are_read_as_their_own_reader_does() -> None:
    archive = SHARED_DATA / "HDM05-11class" / "HDM05_11class_asfamc.tar.xz"
    if not archive.is_file():
        pytest.skip(f"the HDM05 archive is not at {archive}")
    with open_source(archive) as files:
        generic, own = AmcFolderReader(files), Hdm05Reader(files)
        assert generic.header.poses == own.header.poses
        for entry in own.entries()[::60]:
            (poses,) = generic.read(entry).poses.values()
            (expected,) = own.read(entry).poses.values()
            np.testing.assert_array_equal(poses.coords, expected.coords)
