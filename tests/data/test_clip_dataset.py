from __future__ import annotations

import json
import os
import pathlib

import numpy as np
import pytest

from ms2l_tf.data import Axes, ClipDataset
from ms2l_tf.errors import InputError
from tests.data.conftest import CLIPS, LENGTHS_2D, LENGTHS_3D


def edit_header(dataset: ClipDataset, **changes: object) -> None:
    path = dataset.path / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def flip_byte(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_table_and_header_come_back(tiny: ClipDataset) -> None:
    assert (tiny.name, tiny.source, tiny.licence) == ("tiny", "made up", "none")
    assert tiny.label_names == ("walk", "wave")
    assert tiny.clips == CLIPS
    assert len(tiny) == len(CLIPS)
    assert tiny.labels.tolist() == [0, 0, 1, 1, -1]
    assert tiny.subjects.tolist() == ["1", "2", "1", "2", "3"]
    assert tiny.cameras.tolist() == ["a", "b", "b", "a", "a"]
    assert tiny.names.tolist() == [clip.name for clip in CLIPS]


def test_layouts_have_their_own_frames_and_rates(tiny: ClipDataset) -> None:
    assert tiny.layouts == ("coco_17", "kinect_v1_20")
    flat, deep = tiny.poses("coco_17"), tiny.poses("kinect_v1_20")
    assert flat.lengths.tolist() == list(LENGTHS_2D)
    assert deep.lengths.tolist() == list(LENGTHS_3D)
    assert (flat.frame_rate, flat.unit, flat.axes) == (60.0, "px", None)
    assert (deep.frame_rate, deep.unit, deep.axes) == (30.0, "m", Axes("+y", "+z", "right"))
    assert (flat.num_persons, flat.num_coords, deep.num_persons, deep.num_coords) == (1, 2, 2, 3)
    assert deep.layout.num_joints == 20


def test_poses_of_a_clip(tiny: ClipDataset) -> None:
    deep, flat = tiny.poses("kinect_v1_20").poses(2), tiny.poses("coco_17").poses(2)
    assert deep.coords.shape == (7, 2, 20, 3)
    assert deep.present is not None
    assert deep.present[:, 0].all()
    assert not deep.present[:, 1].any()
    assert np.isnan(deep.coords[:, 1]).all()
    assert deep.confidence is None
    assert flat.confidence is not None
    assert (flat.confidence == 0.5).all()
    with pytest.raises(IndexError):
        tiny.poses("coco_17").poses(5)


def test_poses_are_mapped_not_loaded(tiny: ClipDataset) -> None:
    assert isinstance(tiny.poses("kinect_v1_20").coords, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        tiny.poses("kinect_v1_20").poses(0).coords[:] = 0


def test_fingerprint_is_of_the_content_alone(tiny: ClipDataset, tmp_path: pathlib.Path) -> None:
    moved = tiny.path.rename(tmp_path / "elsewhere")
    assert ClipDataset.open(moved).fingerprint == tiny.fingerprint
    split = {"train": ["walk_1"], "test": ["walk_2"]}
    (moved / "splits" / "mine.json").write_text(json.dumps(split))
    assert ClipDataset.open(moved).fingerprint == tiny.fingerprint


def test_unknown_names_list_the_known_ones(tiny: ClipDataset) -> None:
    with pytest.raises(InputError, match="coco_17, kinect_v1_20"):
        tiny.poses("smpl_24")
    with pytest.raises(InputError, match="by_camera"):
        tiny.split("cross_setup")


def test_missing_and_foreign_folders(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="no such dataset folder"):
        ClipDataset.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a dataset folder"):
        ClipDataset.open(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 99}, "format_version 99"),
        ({"files": ["a"]}, "dataset.json: missing or invalid entry"),
        ({"files": {}}, "no poses"),
        ({"files": {"../../x": {"bytes": 1, "sha256": ""}}}, "outside the dataset"),
        ({"files": {"poses/x/a.npy": {"bytes": 1, "sha256": ""}}}, "has an invalid entry"),
        ({"name": "\ud800"}, "dataset.json: name .* holds a broken character"),
        ({"num_clips": 6}, "offsets.npy: 6 entries for 6 clips"),
        ({"num_clips": None}, "dataset.json: num_clips is None"),
    ],
)
def test_invalid_header(tiny: ClipDataset, changes: dict[str, object], message: str) -> None:
    edit_header(tiny, **changes)
    with pytest.raises(InputError, match=message):
        ClipDataset.open(tiny.path)


def test_header_that_is_no_json(tiny: ClipDataset) -> None:
    (tiny.path / "dataset.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset\.json: is not valid JSON"):
        ClipDataset.open(tiny.path)


@pytest.mark.parametrize("name", ["clips.csv", "poses/kinect_v1_20/coords.npy"])
def test_short_or_missing_file_is_seen_at_open(tiny: ClipDataset, name: str) -> None:
    path = tiny.path / name
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match=rf"{path.name}: has \d+ bytes, dataset.json says"):
        ClipDataset.open(tiny.path)
    path.unlink()
    with pytest.raises(InputError, match=f"{path.name}: is missing"):
        ClipDataset.open(tiny.path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("coords.npy", np.zeros((17, 2, 20, 3)), "is float64"),
        ("coords.npy", np.zeros((17, 2, 21, 3), np.float32), "does not fit layout kinect_v1_20"),
        ("coords.npy", np.zeros((16, 2, 20, 3), np.float32), "must rise from 0 to the 16 frames"),
        ("offsets.npy", np.array([0, 5, 4, 9, 12, 17]), "must rise"),
        ("present.npy", np.ones((17, 1), bool), "present.npy: shape"),
        ("coords.npy", np.array([{}], object), "refused, it is an array of Python objects"),
    ],
)
def test_arrays_that_contradict_each_other(
    tiny: ClipDataset, name: str, array: np.ndarray, message: str
) -> None:
    path = tiny.path / "poses" / "kinect_v1_20" / name
    np.save(path, array, allow_pickle=True)
    files = json.loads((tiny.path / "dataset.json").read_text())["files"]
    files[f"poses/kinect_v1_20/{name}"]["bytes"] = path.stat().st_size
    edit_header(tiny, files=files)
    with pytest.raises(InputError, match=message):
        ClipDataset.open(tiny.path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name,", "nome,", "first line must be"),
        ("walk_1,0", "walk_1,7", "line 2: label 7 is out of range; there are 2 classes"),
        ("walk_1,0", "walk_1,x", "line 2: invalid literal"),
        ("walk_2", "walk_1", "not unique"),
    ],
)
def test_invalid_clip_table(tiny: ClipDataset, old: str, new: str, message: str) -> None:
    path = tiny.path / "clips.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        _ = ClipDataset.open(tiny.path).clips


def test_verify_names_the_file_with_a_flipped_byte(tiny: ClipDataset) -> None:
    tiny.verify()
    flip_byte(tiny.path / "poses" / "kinect_v1_20" / "coords.npy")
    with pytest.raises(InputError, match=r"kinect_v1_20/coords.npy: the content does not match"):
        ClipDataset.open(tiny.path).verify()


def test_verify_remembers_by_size_and_time_unless_forced(tiny: ClipDataset) -> None:
    tiny.verify()
    path = tiny.path / "poses" / "kinect_v1_20" / "coords.npy"
    times = path.stat()
    flip_byte(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    tiny.verify()
    with pytest.raises(InputError, match=r"coords\.npy"):
        tiny.verify(force=True)


def test_verify_remembers_outside_a_folder_it_cannot_write(
    tiny: ClipDataset, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tiny.path / ".verified.json").mkdir()  # blocks the file for every user, root included
    tiny.verify()
    assert len(list((tmp_path / "cache" / "ms2l_tf").glob("verified-*.json"))) == 1
    checked: list[str] = []
    tiny.verify(progress=checked.append)
    assert checked == list(tiny.files)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (("y", "+z", "right"), "up is 'y'"),
        (("+y", "-y", "right"), "same line"),
        (("+y", "+z", "both"), "handedness"),
    ],
)
def test_invalid_axes(axes: tuple[str, str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Axes(*axes)


def test_axes_know_the_viewers_right() -> None:
    assert Axes("+y", "+z", "right").right == "-x"  # a Kinect, seen from behind it
    assert Axes("+y", "+z", "left").right == "+x"
    assert Axes("+z", "+y", "right").right == "+x"
    assert Axes("+y", "-z", "right").right == "+x"  # a virtual camera looking along -z
