from __future__ import annotations

import json
import lzma
import pathlib
import tarfile
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.copies import copied
from ms2l_tf.data.formats import FORMATS
from ms2l_tf.data.formats.nw_ucla import LAYOUT, VIEWS, NwUclaReader
from ms2l_tf.data.leaks import find_leaks
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from tests.data.conftest import nw_ucla_content

NAME = "a12_s03_e01_v02"


def read_one(folder: pathlib.Path, content: object, name: str = NAME) -> Any:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    with open_source(folder) as files:
        return NwUclaReader(files).read(f"{name}.json")


def test_name_gives_action_subject_take_and_view(tmp_path: pathlib.Path) -> None:
    content = nw_ucla_content(NAME, frames=4)
    read = read_one(tmp_path, content)
    clip = read.clip
    assert (clip.name, clip.subject, clip.camera, clip.group) == (NAME, "3", "2", "1")
    assert FORMATS["nw_ucla"].header.label_names[clip.label] == "carry"  # type: ignore[attr-defined]
    coords = read.poses[LAYOUT].coords
    assert coords.shape == (4, 1, 20, 3)
    np.testing.assert_allclose(coords[:, 0], content["skeletons"], rtol=1e-6)
    assert read.repairs == ()


@pytest.mark.parametrize("joint", [[0, 0, 0], [1, 1, -0.1], [1, float("nan"), 2], [1e39, 1, 2]])
def test_joint_the_sensor_cannot_have_seen_is_missing(
    tmp_path: pathlib.Path, joint: list[float]
) -> None:
    content = nw_ucla_content(NAME, frames=3)
    content["skeletons"][1][7] = joint
    read = read_one(tmp_path, content)
    missing = np.isnan(read.poses[LAYOUT].coords).all(axis=-1)
    assert np.argwhere(missing).tolist() == [[1, 0, 7]]
    assert read.repairs == ("1 joints set to missing in 1 of 3 frames (frame 1, counted from 0)",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"skeletons": [[', "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "must hold a JSON object"),
        ({"label": "10"}, "'skeletons' is empty"),
        ({"label": "10", "skeletons": []}, "'skeletons' is empty"),
        ({"label": "10", "skeletons": [[[1, 2, 3]] * 19]}, r"shape \(19, 3\), expected \(20, 3\)"),
        ({"label": "10", "skeletons": [[[1, 2, 3]] * 20, []]}, "frames of 20 joints of 3 numbers"),
        ({"label": "10", "skeletons": [[["x", 2, 3]] * 20]}, "frames of 20 joints of 3 numbers"),
        ({"label": "10", "skeletons": [[[0, 0, 0]] * 20]}, "no joint in any frame"),
        ({"label": "11", "skeletons": [[[1, 2, 3]] * 20]}, "label '11' is out of range"),
        ({"label": "zero", "skeletons": [[[1, 2, 3]] * 20]}, "label 'zero' is out of range"),
        ({"skeletons": [[[1, 2, 3]] * 20]}, "label None is out of range"),
        ({"label": "9", "skeletons": [[[1, 2, 3]] * 20]}, "contradicts the action"),
    ],
)
def test_bad_clip_names_the_file(tmp_path: pathlib.Path, content: object, message: str) -> None:
    with pytest.raises(InputError, match=f"{NAME}.json: .*{message}"):
        read_one(tmp_path, content)


@pytest.mark.parametrize("name", ["clip7", "a07_s01_e00_v01", "a01_s01_e00_v01_copy"])
def test_unknown_names(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.json: the name is not aAA_sSS_eEE_vVV"):
        read_one(tmp_path, {}, name=name)


def test_other_files_are_left_alone(nw_ucla_folder: pathlib.Path) -> None:
    (nw_ucla_folder / "val_label.pkl").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    (nw_ucla_folder / "._a01_s01_e00_v01.json").write_bytes(b"\0")
    with open_source(nw_ucla_folder) as files:
        assert len(NwUclaReader(files).entries()) == 40


def test_splits_and_the_clips_they_share(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    original = json.loads((nw_ucla_folder / "a01_s02_e00_v03.json").read_text())
    copy = nw_ucla_content("a01_s02_e00_v02", frames=3)
    copy["skeletons"][1] = original["skeletons"][0]  # one shared frame is enough
    (nw_ucla_folder / "a01_s02_e00_v02.json").write_text(json.dumps(copy))
    dataset, _ = prepare("nw_ucla", nw_ucla_folder, tmp_path / "out", progress=False)
    views = [f"cross_view_{view}{kind}" for view in "123" for kind in ("", "_no_copies")]
    assert set(dataset.split_names) == {*views, "cross_subject"}

    published, clean = dataset.split("cross_view_3"), dataset.split("cross_view_3_no_copies")
    assert set(dataset.cameras[published.train]) == {"1", "2"}
    assert set(dataset.cameras[published.test]) == {"3"}
    assert (len(published.train), len(published.test)) == (24, 16)
    np.testing.assert_array_equal(clean.test, published.test)
    assert set(dataset.names[np.setdiff1d(published.train, clean.train)]) == {"a01_s02_e00_v02"}
    assert "without the 1 training clips" in clean.description

    people = dataset.split("cross_subject")
    assert set(dataset.subjects[people.train]) == {"1", "3"}
    assert set(dataset.subjects[people.test]) == {"2", "4"}


@pytest.fixture(scope="module")
def published(
    nw_ucla_archive: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ClipDataset, PrepareReport]:
    out = tmp_path_factory.mktemp("nw_ucla") / "out"
    return prepare("nw_ucla", nw_ucla_archive, out, strict=True, progress=False)


@pytest.mark.real_data
def test_published_archive(published: tuple[ClipDataset, PrepareReport]) -> None:
    dataset, report = published
    assert len(dataset) == 1484
    assert np.bincount(dataset.labels).tolist() == [
        150, 152, 141, 173, 148, 149, 142, 142, 145, 142,
    ]  # fmt: skip
    lengths = dataset.poses(LAYOUT).lengths
    assert (lengths.min(), np.median(lengths), lengths.max(), lengths.sum()) == (1, 31, 201, 58534)
    assert (report.skipped, report.blanked) == ({}, {})
    assert set(report.repaired) == {"a04_s01_e01_v01", "a04_s04_e02_v01"}
    assert report.one_frame == ["a02_s09_e04_v02", "a02_s09_e04_v03"]
    assert len(report.copies) == 95


@pytest.mark.real_data
def test_published_splits(
    published: tuple[ClipDataset, PrepareReport], nw_ucla_archive: pathlib.Path
) -> None:
    dataset, _ = published
    official = nw_ucla_archive.with_name("split_ctrgcn_v12_v3.json.xz")
    lists = json.loads(lzma.decompress(official.read_bytes()))
    split = dataset.split("cross_view_3")
    for side, indices in (("train", split.train), ("test", split.test)):
        assert set(dataset.names[indices]) == {entry["file_name"] for entry in lists[side]}
        labels = {entry["file_name"]: entry["label"] - 1 for entry in lists[side]}
        assert [labels[dataset.names[index]] for index in indices] == list(dataset.labels[indices])
    clean = dataset.split("cross_view_3_no_copies")
    assert (len(clean.train), len(clean.test)) == (925, 464)
    store = dataset.poses(LAYOUT)
    assert copied(store, split.test, split.train).sum() == 95
    assert copied(store, clean.test, clean.train).sum() == 0


@pytest.mark.real_data
def test_copies_are_the_clips_that_the_splits_leave_out(
    published: tuple[ClipDataset, PrepareReport],
) -> None:
    """Frames that are the same to the last bit, which the reader looks for, and near ones."""
    dataset, _ = published
    leaks = find_leaks(dataset)
    for view in VIEWS:
        name = f"cross_view_{view}"
        rest = dataset.names[dataset.split(f"{name}_no_copies").train]
        left_out = set(dataset.names[dataset.split(name).train]) - set(rest)
        assert set(leaks["splits"][name]["training_clips"]) == left_out
        assert leaks["splits"][f"{name}_no_copies"]["training_clips"] == []
    assert leaks["splits"]["cross_view_3"]["test_clips_with_identical_copy"] == 95
    assert leaks["label_conflicts"]["count"] == 8


@pytest.mark.real_data
def test_recorded_people_agree_with_the_axes(published: tuple[ClipDataset, PrepareReport]) -> None:
    """Toes tell front from back, so the hips tell left from right-handed axes."""
    dataset, _ = published
    store = dataset.poses(LAYOUT)
    index = store.layout.index
    joints = np.array(store.coords[:, 0], np.float64)

    def vector(start: str, end: str) -> np.ndarray:
        return joints[:, index(end)] - joints[:, index(start)]

    front = vector("ankle_left", "foot_left") + vector("ankle_right", "foot_right")
    spine = vector("hip_center", "shoulder_center")
    to_the_left = (np.cross(spine, front) * vector("hip_right", "hip_left")).sum(axis=-1)
    assert store.axes is not None
    assert store.axes.handedness == "right"
    assert np.nanmean(to_the_left > 0) > 0.9
    assert np.nanmean(spine @ store.axes.up_vector > 0) > 0.99
    assert np.nanmean(front @ store.axes.forward_vector < 0) > 0.6, "people face the sensor"


@pytest.mark.real_data
def test_unpacked_folder_gives_two_processes_the_same_dataset(
    published: tuple[ClipDataset, PrepareReport],
    nw_ucla_archive: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    with tarfile.open(nw_ucla_archive) as tar:
        tar.extractall(tmp_path, filter="data")
    dataset, _ = prepare(
        "nw_ucla", tmp_path / "all_sqe", tmp_path / "out", workers=2, progress=False
    )
    assert dataset.fingerprint == published[0].fingerprint
