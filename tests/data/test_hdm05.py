from __future__ import annotations

import pathlib

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats.hdm05 import ACTIONS, LAYOUT, Hdm05Reader
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import mapping_names
from tests.conftest import SHARED_DATA
from tests.data.writers_hdm05 import motion, skeleton

NAME = "HDM_bd_kickLFront1Reps_001_120"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """One clip of every action by two actors, who have their skeletons in one place only."""
    folder = tmp_path / "hdm05"
    for side, actor in (("train", "bd"), ("test", "tr")):
        for number, action in enumerate(ACTIONS, start=1):
            (folder / side / str(number)).mkdir(parents=True)
            file = folder / side / str(number) / f"HDM_{actor}_{action}R_001_120.amc"
            file.write_text(motion(9, number))
        (folder / side / "1" / f"HDM_{actor}.asf").write_text(skeleton())
    return folder


def write(folder: pathlib.Path, content: str, name: str = NAME) -> str:
    (folder / f"{name}.amc").write_text(content)
    (folder / "HDM_bd.asf").write_text(skeleton(unit=0.45))
    return f"{name}.amc"


def test_name_gives_actor_action_and_frame_rate(tmp_path: pathlib.Path) -> None:
    entry = write(tmp_path, motion(9))
    with open_source(tmp_path) as files:
        reader = Hdm05Reader(files)
        read = reader.read(entry)
        assert reader.identify(entry) == read.clip
    assert (read.clip.name, read.clip.subject) == (NAME, "bd")
    assert ACTIONS[read.clip.label] == "kickLFront"
    coords = read.poses[LAYOUT].coords
    assert coords.shape == (3, 1, 31, 3)
    metres = 0.0254 / 0.45
    # The root moves along x by one unit a frame; the bones are turned from y to -x.
    np.testing.assert_allclose(coords[:, 0, 0, 0], np.array([1, 5, 9]) * metres, rtol=1e-6)
    lengths = coords[:, 0, 0, 0, np.newaxis] - coords[:, 0, :, 0]
    np.testing.assert_allclose(lengths, np.tile(np.arange(31.0), (3, 1)) * metres, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    ["clip7", "HDM_xx_squat1Reps_001_120", "HDM_bd_cartwheel_001_120", "HDM_bd_squat1Reps_001"],
)
def test_unknown_names(tmp_path: pathlib.Path, name: str) -> None:
    entry = write(tmp_path, motion(3), name)
    with open_source(tmp_path) as files:
        assert Hdm05Reader(files).identify(entry) is None
        with pytest.raises(InputError, match=f"^{name}.amc: the name is not HDM_<actor>"):
            Hdm05Reader(files).read(entry)


def test_bad_files_are_named_with_their_line(tmp_path: pathlib.Path) -> None:
    entry = write(tmp_path, motion(3).replace("root 2", "root nan"))
    with open_source(tmp_path) as files:
        with pytest.raises(InputError, match=f"^{entry}, line 5: 'nan' is not a finite number"):
            Hdm05Reader(files).read(entry)
        asf = tmp_path / "HDM_bd.asf"
        asf.write_text(skeleton().replace("lfemur", "lwing"))
        with pytest.raises(InputError, match=r"^HDM_bd.asf: lacks the joint 'lfemur', unlike the"):
            Hdm05Reader(files).read(entry)
        asf.write_text("")
        with pytest.raises(InputError, match=r"^HDM_bd.asf: has no section :root"):
            Hdm05Reader(files).read(entry)
    asf.unlink()
    message = f"^{entry}: its skeleton HDM_bd.asf is missing"
    with open_source(tmp_path) as files, pytest.raises(InputError, match=message):
        Hdm05Reader(files).read(entry)


def test_dataset_with_derived_layouts(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    dataset, _ = prepare("hdm05", folder, tmp_path / "out", strict=True, progress=False)
    assert len(dataset) == 22
    assert dataset.labels.tolist() == [*range(11), *range(11)]
    targets = {name.split("_to_")[1] for name in mapping_names() if name.startswith(LAYOUT)}
    assert set(dataset.layouts) == {LAYOUT, *targets}
    split = dataset.split("cross_subject")
    assert set(dataset.subjects[split.train]) == {"bd"}
    assert set(dataset.subjects[split.test]) == {"tr"}
    for layout in dataset.layouts:
        assert dataset.poses(layout).frame_rate == 30
        assert dataset.poses(layout).lengths.tolist() == [3] * 22


def test_bad_clip_stays_in_the_test_list_only(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    bad = folder / "test" / "10" / "HDM_tr_squatR_001_120.amc"
    bad.write_text(bad.read_text()[:-8])
    with pytest.raises(InputError, match=r"--strict: test/10/.*.amc, line 19: root has 3 values"):
        prepare("hdm05", folder, tmp_path / "out", strict=True, progress=False)
    dataset, report = prepare("hdm05", folder, tmp_path / "out", progress=False)
    assert list(report.blanked) == ["HDM_tr_squatR_001_120"]
    index = dataset.names.tolist().index("HDM_tr_squatR_001_120")
    assert index in dataset.split("cross_subject").test
    for layout in dataset.layouts:
        assert np.isnan(dataset.poses(layout).poses(index).coords).all()


def test_source_without_motion(tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: holds no .amc file"):
        prepare("hdm05", tmp_path / "empty", tmp_path / "out", progress=False)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipDataset, PrepareReport]:
    archive = SHARED_DATA / "HDM05-11class" / "HDM05_11class_asfamc.tar.xz"
    if not archive.is_file():
        pytest.skip(f"the HDM05 archive is not at {archive}")
    out = tmp_path_factory.mktemp("hdm05") / "out"
    return prepare("hdm05", archive, out, strict=True, progress=False)


@pytest.mark.slow
@pytest.mark.real_data
def test_published_archive(published: tuple[ClipDataset, PrepareReport]) -> None:
    dataset, report = published
    assert len(dataset) == 287
    assert np.bincount(dataset.labels).tolist() == [32, 27, 29, 36, 17, 29, 20, 16, 15, 52, 14]
    assert (report.skipped, report.blanked, report.repaired, report.copies) == ({}, {}, {}, [])
    split = dataset.split("cross_subject")
    assert (len(split.train), len(split.test)) == (188, 99)
    assert dataset.poses(LAYOUT).lengths.max() == 226  # 901 frames at 120 a second


@pytest.mark.slow
@pytest.mark.real_data
def test_published_bodies(published: tuple[ClipDataset, PrepareReport]) -> None:
    """Bodies of human size, upright on the floor, and toes tell that left is left."""
    store = published[0].poses(LAYOUT)
    index = store.layout.index
    joints = np.array(store.coords[:, 0], np.float64)
    height = np.ptp(joints[..., 1], axis=1)
    assert 1.4 < np.median(height) < 1.8
    assert abs(np.median(joints[..., 1].min(axis=1))) < 0.1
    front = (joints[:, index("ltoes")] - joints[:, index("lfoot")]) + (
        joints[:, index("rtoes")] - joints[:, index("rfoot")]
    )
    spine = joints[:, index("thorax")] - joints[:, index("root")]
    left = joints[:, index("lhipjoint")] - joints[:, index("rhipjoint")]
    # A trunk bent to the horizontal lies along the feet and tells no side.
    upright = spine[:, 1] > 0.7 * np.linalg.norm(spine, axis=1)
    assert upright.mean() > 0.7
    assert ((np.cross(spine, front) * left).sum(axis=-1) > 0)[upright].mean() > 0.99
    bones = np.array(store.layout.bones)
    lengths = np.linalg.norm(joints[:, bones[:, 0]] - joints[:, bones[:, 1]], axis=-1)
    for clip in range(0, 287, 20):
        start, end = store.offsets[clip : clip + 2]
        np.testing.assert_allclose(np.ptp(lengths[start:end], axis=0), 0, atol=1e-5)
