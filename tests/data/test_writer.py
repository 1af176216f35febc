from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses
from ms2l_tf.data.npy_stream import NpyStream
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import SkeletonLayout
from tests.data.conftest import new_writer, poses_of

KINECT: dict[str, Any] = {"frame_rate": 30.0, "unit": "m", "axes": Axes("+y", "+z", "right")}


def leftovers(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_values_survive(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    poses = [poses_of(length, kinect, 3, length) for length in (3, 1, 40)]
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, **KINECT)
        for number, clip_poses in enumerate(poses):
            writer.add_clip(Clip(f"c{number}"), {kinect.name: clip_poses})
        assert writer.num_clips == 3
    store = ClipDataset.open(tmp_path / "out").poses(kinect.name)
    for number, clip_poses in enumerate(poses):
        np.testing.assert_array_equal(store.poses(number).coords, clip_poses.coords)
    assert leftovers(tmp_path) == ["out"]


def test_missing_joints_and_absent_persons_are_nan(
    tmp_path: pathlib.Path, kinect: SkeletonLayout
) -> None:
    coords = np.ones((2, 2, 20, 3), np.float32)
    coords[0, 0, 5, 1] = np.nan
    present = np.array([[True, True], [True, False]])
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, **KINECT, num_persons=3)
        writer.add_clip(Clip("a"), {kinect.name: ClipPoses(coords, present)})
    stored = ClipDataset.open(tmp_path / "out").poses(kinect.name).poses(0)
    assert np.isnan(stored.coords[0, 0, 5]).all()
    assert np.isnan(stored.coords[1, 1]).all()
    assert np.isnan(stored.coords[:, 2]).all()
    assert np.isnan(stored.coords).sum() == 3 + 60 + 2 * 60
    assert stored.present is not None
    assert stored.present.tolist() == [[True, True, False], [True, False, False]]
    assert np.isfinite(coords[1, 1]).all(), "the caller's array was changed"


def test_existing_empty_folder_is_fine(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    (tmp_path / "out").mkdir()
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, **KINECT)
        writer.add_clip(Clip("a"), {kinect.name: poses_of(2, kinect, 3)})
    assert len(ClipDataset.open(tmp_path / "out")) == 1


def test_nothing_is_left_after_an_exception(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    def interrupted() -> None:
        with new_writer(tmp_path / "out") as writer:
            writer.add_layout(kinect, **KINECT)
            writer.add_clip(Clip("a"), {kinect.name: poses_of(2, kinect, 3)})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert leftovers(tmp_path) == []


def test_full_disk_is_one_line(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    def fill_the_disk() -> None:
        with new_writer(tmp_path / "out") as writer:
            writer.add_layout(kinect, **KINECT)
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"out: cannot be written .*No space left"):
        fill_the_disk()
    assert leftovers(tmp_path) == []


def test_output_in_use(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not empty"), new_writer(tmp_path):
        pass
    with pytest.raises(InputError, match="is not a folder"), new_writer(tmp_path / "file"):
        pass
    with pytest.raises(InputError, match="cannot be written"), new_writer(tmp_path / "file" / "x"):
        pass
    assert leftovers(tmp_path) == ["file"]


def infinite(kinect: SkeletonLayout) -> ClipPoses:
    poses = poses_of(2, kinect, 3)
    poses.coords[0, 0, 0, 0] = np.inf
    return poses


@pytest.mark.parametrize(
    ("clip", "make", "message"),
    [
        (Clip("a"), lambda k: poses_of(2, k, 3), "clip 'a': the name occurs twice"),
        (Clip(""), lambda k: poses_of(2, k, 3), "printable"),
        (Clip("b\n"), lambda k: poses_of(2, k, 3), "printable"),
        (Clip("b", label=2), lambda k: poses_of(2, k, 3), "label 2 is out of range"),
        (Clip("b", label=-2), lambda k: poses_of(2, k, 3), "label -2 is out of range"),
        (Clip("b"), lambda k: poses_of(0, k, 3), "is empty"),
        (Clip("b"), lambda k: poses_of(2, k, 2), r"coords have shape \(2, 1, 20, 2\)"),
        (Clip("b"), lambda k: ClipPoses(np.zeros((2, 1, 19, 3))), r"shape \(2, 1, 19, 3\)"),
        (Clip("b"), lambda k: ClipPoses(np.zeros((2, 2, 20, 3))), "at most 1"),
        (Clip("b"), lambda k: ClipPoses(np.zeros((2, 20, 3))), r"shape \(2, 20, 3\)"),
        (Clip("b"), infinite, "infinite coordinate"),
        (
            Clip("b"),
            lambda k: ClipPoses(np.zeros((2, 1, 20, 3)), np.ones((3, 1), bool)),
            "present has shape",
        ),
        (
            Clip("b"),
            lambda k: ClipPoses(np.zeros((2, 1, 20, 3)), None, np.ones((2, 1, 20))),
            "without confidence",
        ),
    ],
)
def test_refused_clip_leaves_the_dataset_as_it_was(
    tmp_path: pathlib.Path, kinect: SkeletonLayout, clip: Clip, make: Any, message: str
) -> None:
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, **KINECT)
        writer.add_clip(Clip("a"), {kinect.name: poses_of(2, kinect, 3)})
        with pytest.raises(InputError, match=message):
            writer.add_clip(clip, {kinect.name: make(kinect)})
        writer.add_clip(Clip("z"), {kinect.name: poses_of(3, kinect, 3)})
    dataset = ClipDataset.open(tmp_path / "out")
    assert dataset.names.tolist() == ["a", "z"]
    assert dataset.poses(kinect.name).lengths.tolist() == [2, 3]


def test_undeclared_layout(tmp_path: pathlib.Path, kinect: SkeletonLayout) -> None:
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, **KINECT)
        writer.add_clip(Clip("a"), {kinect.name: poses_of(2, kinect, 3)})
        with pytest.raises(InputError, match="layout 'smpl_24' was not declared"):
            writer.add_clip(Clip("b"), {"smpl_24": poses_of(2, kinect, 3)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "miles"}, "unit 'miles'"),
        ({"num_coords": 4}, "2 or 3 coordinates"),
        ({"num_persons": 0}, "a person"),
        ({"frame_rate": 0.0}, "frame rate"),
        ({"axes": None}, "3-D poses have axes"),
    ],
)
def test_invalid_layout_declaration(
    tmp_path: pathlib.Path, kinect: SkeletonLayout, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message), new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, **(KINECT | changes))


@pytest.mark.parametrize(
    ("name", "train", "test", "message"),
    [
        ("../x", ["a"], ["b"], "names a file"),
        ("s", ["a"], ["x"], "test names a clip the dataset lacks: 'x'"),
        ("s", ["a", "a"], ["b"], "train names a clip twice"),
        ("s", ["a"], ["a"], "'a' is both a training and a test clip"),
        ("s", [], [], "no clips"),
    ],
)
def test_invalid_split(
    tmp_path: pathlib.Path,
    kinect: SkeletonLayout,
    name: str,
    train: list[str],
    test: list[str],
    message: str,
) -> None:
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(kinect, **KINECT)
        for clip in ("a", "b"):
            writer.add_clip(Clip(clip), {kinect.name: poses_of(2, kinect, 3)})
        with pytest.raises(InputError, match=message):
            writer.add_split(name, train=train, test=test)


def test_dataset_without_clips_is_not_written(
    tmp_path: pathlib.Path, kinect: SkeletonLayout
) -> None:
    with (
        pytest.raises(InputError, match="no clip to write"),
        new_writer(tmp_path / "out") as writer,
    ):
        writer.add_layout(kinect, **KINECT)
    assert leftovers(tmp_path) == []


def test_npy_stream_equals_numpys_own_file(tmp_path: pathlib.Path) -> None:
    blocks = [np.arange(n * 6, dtype=np.float32).reshape(n, 2, 3) for n in (5, 0, 123)]
    stream = NpyStream(tmp_path / "a.npy", np.float32, (2, 3))
    for block in blocks:
        stream.append(block)
    stream.close()
    np.save(tmp_path / "b.npy", np.concatenate(blocks))
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
