from __future__ import annotations

import io
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Clip, ClipDataset
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from tests.data.writers_tables import write_arrays
from tests.data.writers_toolboxes import motion

LAYOUT = "kinect_v1_20"
MANIFEST = """file,label,subject,split
a.npy,wave,s1,train
b.npy,nod,s2,test
deep/c.npy,wave,s2,
"""


def clips() -> dict[str, np.ndarray]:
    """One person without an axis for persons, two persons, one in double precision."""
    return {
        "a": motion("a", 4, 20)[:, 0],
        "b": motion("b", 6, 20, persons=2),
        "deep/c": motion("c", 5, 20).astype(np.float64),
    }


def prepared(
    source: pathlib.Path, tmp_path: pathlib.Path, **options: Any
) -> tuple[ClipDataset, PrepareReport]:
    given = ReaderOptions(**{"layout": LAYOUT, **options})
    return prepare("arrays", source, tmp_path / "out", progress=False, options=given)


def test_a_folder_with_a_manifest(tmp_path: pathlib.Path) -> None:
    source = write_arrays(tmp_path / "in", clips(), MANIFEST)
    dataset, report = prepared(source, tmp_path, unit="m", axes="+z,+y,right", frame_rate=50.0)
    assert dataset.clips == (
        Clip("a", 1, "s1", source="a.npy"),
        Clip("b", 0, "s2", source="b.npy"),
        Clip("c", 1, "s2", source="deep/c.npy"),
    )
    store = dataset.poses(LAYOUT)
    for index, poses in enumerate(clips().values()):
        poses = poses[:, None] if poses.ndim == 3 else poses
        np.testing.assert_array_equal(
            store.poses(index).coords[:, : poses.shape[1]], poses.astype(np.float32)
        )
    assert store.present[:4].tolist() == [[True, False]] * 4
    assert (store.frame_rate, store.unit) == (50.0, "m")
    split = dataset.split("given")
    assert (split.train.tolist(), split.test.tolist()) == ([0], [1])
    assert report.notes == []


def test_what_files_leave_open_is_said(tmp_path: pathlib.Path) -> None:
    dataset, report = prepared(write_arrays(tmp_path / "in", clips()), tmp_path)
    assert report.notes == [
        "taken to have 30 frames a second; else say --frame_rate",
        "coordinates taken to have the axes +y,-z,right; else say --axes",
    ]
    assert dataset.poses(LAYOUT).unit == "unknown"
    assert dataset.split_names == ("train_only",)


def test_folders_are_labels_and_tell_names_apart(tmp_path: pathlib.Path) -> None:
    names = ("set/wave/1", "set/wave/2", "set/nod/1", "set/nod/3")
    source = write_arrays(tmp_path / "in", {name: motion(name, 3, 20) for name in names})
    dataset, _ = prepared(source, tmp_path)
    assert dataset.label_names == ("nod", "wave")
    assert {clip.name: clip.label for clip in dataset.clips} == {
        "set/nod/1": 0, "3": 0, "set/wave/1": 1, "2": 1,
    }  # fmt: skip
    shutil.rmtree(source / "set" / "nod")
    shutil.rmtree(tmp_path / "out")
    dataset, _ = prepared(source, tmp_path)
    assert dataset.label_names == (), "one folder tells nothing"


def test_npz_files_and_archives(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    first, second = motion("a", 4, 20), motion("b", 5, 20)
    np.savez(folder / "both.npz", a=first, b=second)
    np.savez_compressed(folder / "one.npz", poses=second)
    dataset, _ = prepared(folder, tmp_path)
    assert dataset.names.tolist() == ["both/a", "both/b", "one"]
    for index, poses in enumerate((first, second, second)):
        np.testing.assert_array_equal(dataset.poses(LAYOUT).poses(index).coords, poses)
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    again, _ = prepare(
        "arrays",
        archive,
        tmp_path / "again",
        progress=False,
        options=ReaderOptions(layout=LAYOUT),
    )
    assert [clip.name for clip in again.clips] == dataset.names.tolist()


def test_pictures(tmp_path: pathlib.Path) -> None:
    poses = motion("a", 4, 17, 2)
    poses[1, 0, 3] = np.nan
    source = write_arrays(tmp_path / "in", {"a": poses})
    dataset, report = prepared(source, tmp_path, layout="coco_17", unit="px")
    store = dataset.poses("coco_17")
    np.testing.assert_array_equal(store.poses(0).coords, poses)
    assert (store.axes, store.unit) == (None, "px")
    assert report.notes == ["taken to have 30 frames a second; else say --frame_rate"]


def test_the_layout_has_to_be_said(tmp_path: pathlib.Path) -> None:
    source = write_arrays(tmp_path / "in", clips())
    with pytest.raises(
        InputError, match=r"^a.npy: has 20 joints; say by --layout .* of 20 joints: kinect_v1_20$"
    ):
        prepared(source, tmp_path, layout="")
    with pytest.raises(InputError, match=r"^a.npy: has 20 joints, --layout=smpl_24 has 24; name"):
        prepared(source, tmp_path, layout="smpl_24")


def test_a_layout_of_ones_own(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "two.json"
    file.write_text(
        '{"name": "two", "joints": ["a", "b"], "bones": [["b", "a"]], "graph_centre": "a", '
        '"mirror": [], "anchors": {"root": ["a"]}, "parts": {"trunk": ["a", "b"]}}'
    )
    source = write_arrays(tmp_path / "in", {"x": motion("x", 4, 2)})
    dataset, _ = prepared(source, tmp_path, layout=str(file))
    assert dataset.poses("two").layout.joints == ("a", "b")


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=array.dtype == object)
    return file.getvalue()


POSES = motion("x", 4, 20)
BAD: dict[str, tuple[bytes, str]] = {
    "cut": (saved(POSES)[:-4], r"has 1,084 bytes, an array of shape \(4, 1, 20, 3\) has 1,088"),
    "empty": (b"", "is no .npy file"),
    "objects": (saved(np.array([POSES, None], object)), "refused, it is an array of Python obj"),
    "joints": (saved(POSES[:, :, :19]), r"has shape \(4, 1, 19, 3\); others have 20 joints"),
    "flat": (saved(POSES.ravel()), r"is float32 of shape \(240,\); expected real numbers"),
    "no frame": (saved(POSES[:0]), r"of shape \(0, 1, 20, 3\); expected"),
    "texts": (saved(POSES.astype("U8")), r"is <U8 of shape"),
    "complex": (saved(POSES.astype(complex)), r"is complex128 of shape"),
    "infinite": (saved(POSES + np.inf), "has an infinite coordinate"),
    "a table": (b"x,y,z\r\n1,2,3\r\n", "is no .npy file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_array_is_one_bad_clip(tmp_path: pathlib.Path, name: str) -> None:
    content, message = BAD[name]
    many = {f"c{number:02}": motion(f"c{number}", 3, 20) for number in range(24)}
    source = write_arrays(tmp_path / "in", many)
    (source / "bad.npy").write_bytes(content)
    dataset, report = prepared(source, tmp_path)
    assert list(report.blanked) == ["bad"]
    with pytest.raises(InputError, match=message):
        raise InputError(report.blanked["bad"])
    assert "\n" not in report.blanked["bad"]
    assert len(dataset) == 25


def test_a_folder_of_nothing_but_bad_arrays(tmp_path: pathlib.Path) -> None:
    source = write_arrays(tmp_path / "in", {"a": POSES.ravel()})
    with pytest.raises(InputError, match=r"^a.npy: an array has shape \(240,\); expected real"):
        prepared(source, tmp_path)
    (source / "a.npy").write_bytes(b"")
    with pytest.raises(InputError, match=r"^a.npy: is no .npy file"):
        prepared(source, tmp_path)
    (source / "a.npy").unlink()
    with pytest.raises(InputError, match=r"in: holds no .npy file; name what was published"):
        prepared(source, tmp_path)


def test_what_no_dataset_can_hold_names_the_source(tmp_path: pathlib.Path) -> None:
    source = write_arrays(tmp_path / "in", clips(), MANIFEST.replace("nod", "n\x01od"))
    with pytest.raises(InputError, match=r"in: dataset 'in': class name 0 'n\\x01od' needs"):
        prepared(source, tmp_path)
    assert not (tmp_path / "out").exists()


def test_tables_of_labels(tmp_path: pathlib.Path) -> None:
    source = write_arrays(tmp_path / "in", clips(), MANIFEST + "gone.npy,wave,s3,train\n")
    _, report = prepared(source, tmp_path)
    assert "manifest.csv: 1 rows name nothing of the source: gone.npy" in report.notes
    (source / "more.csv").write_text("clip,label\na,hop\n")
    (source / "notes.csv").write_text("day,weather\n1,rain\n")
    with pytest.raises(InputError, match=r"manifest.csv and more.csv are tables of labels; say by"):
        prepare("arrays", source, tmp_path / "x", options=ReaderOptions(layout=LAYOUT))
    shutil.rmtree(tmp_path / "out")
    dataset, _ = prepared(source, tmp_path, labels=str(source / "more.csv"))
    assert dataset.label_names == ("hop",)
