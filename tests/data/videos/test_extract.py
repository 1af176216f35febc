"""Videos made here, through models made here, into datasets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.records import Axes
from ms2l_tf.data.videos.extract import extract_poses, summary
from ms2l_tf.data.videos.metrabs import MetrabsDetector
from ms2l_tf.data.videos.report import REPORT, ExtractReport
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from tests.data.videos.fakes import (
    LAYOUTS,
    RATE,
    FakeModel,
    Person,
    draw,
    expected,
    save_model,
    skeletons,
    write_video,
)

FRAMES = 21
STEPS = np.arange(FRAMES)
# They walk through each other at one depth; B walks faster and is out of the picture for a while.
A = Person(0, 200, 10.0 + STEPS, np.full(FRAMES, 24.0))
B_X = np.where((STEPS > 2) & (STEPS < 6), np.nan, 54.0 - 2 * STEPS)
B = Person(1, 120, B_X, 0 * B_X + 24)


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "crossing.mov", draw(A, B))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "empty.mov", 0 * draw(A))


def extract(
    video: Path, model: Path, out: Path, layouts: tuple[str, ...] = LAYOUTS, **options: object
) -> tuple[ClipDataset, ExtractReport]:
    given: dict[str, object] = {"progress": False, **options}
    skeletons = [load_layout(name) for name in layouts]
    return extract_poses(video, lambda: MetrabsDetector(model, skeletons), out, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch", [4, 50])
@pytest.mark.parametrize("model", ["pose_model", "joint_model", "single_model"])
def test_crossing_persons_keep_their_rows_in_every_layout(
    crossing: Path, model: str, batch: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(model)
    dataset, report = extract(crossing, folder, tmp_path / "out", batch=batch)
    assert (report.clips, report.skipped, report.more_persons) == (1, {}, {})
    assert dataset.layouts == tuple(sorted(LAYOUTS))
    (clip,) = dataset.clips
    assert (clip.name, clip.label, clip.source) == ("crossing", -1, "crossing.mov")
    for layout in LAYOUTS:
        store = dataset.poses(layout)
        assert (store.unit, store.frame_rate) == ("m", float(RATE))
        assert store.axes == Axes("-y", "+z", "right")
        poses = store.poses(0)
        assert poses.coords.shape == (FRAMES, 2, len(expected(layout, A)[0]), 3)
        # B moves more, so it is the main person.
        np.testing.assert_allclose(poses.coords[:, 0], expected(layout, B), atol=1e-5)
        np.testing.assert_allclose(poses.coords[:, 1], expected(layout, A), atol=1e-5)
        assert poses.present is not None
        np.testing.assert_array_equal(poses.present[:, 0], np.isfinite(B.x))
        assert poses.present[:, 1].all()
    dataset.verify(force=True)
    assert dataset.split_names == ("train_only",)
    split = dataset.split("train_only")
    assert (split.train.tolist(), split.test.tolist()) == ([0], [])


def test_camera_axes_put_heads_up(pose_model: Path, crossing: Path, tmp_path: Path) -> None:
    dataset, _ = extract(crossing, pose_model, tmp_path / "out", ("smpl_24",))
    axes = dataset.poses("smpl_24").axes
    assert axes is not None
    np.testing.assert_array_equal(axes.up_vector, [0, -1, 0])
    np.testing.assert_array_equal(axes.right_vector, [1, 0, 0])


def test_fewer_persons_and_a_place_for_more(
    pose_model: Path, crossing: Path, tmp_path: Path
) -> None:
    dataset, report = extract(crossing, pose_model, tmp_path / "one", ("smpl_24",), persons=1)
    coords = dataset.poses("smpl_24").poses(0).coords
    np.testing.assert_allclose(coords[:, 0], expected("smpl_24", B), atol=1e-5)
    assert report.more_persons == {"crossing": 2}
    dataset, report = extract(crossing, pose_model, tmp_path / "three", ("smpl_24",), persons=3)
    present = dataset.poses("smpl_24").poses(0).present
    assert present is not None
    assert present.any(axis=0).tolist() == [True, True, False]


def test_frames_are_picked_at_the_rate_asked_for(
    pose_model: Path, crossing: Path, tmp_path: Path
) -> None:
    dataset, report = extract(crossing, pose_model, tmp_path / "out", ("smpl_24",), frame_rate=5.0)
    store = dataset.poses("smpl_24")
    assert (store.frame_rate, report.frame_rate) == (5.0, 5.0)
    coords = store.poses(0).coords
    np.testing.assert_allclose(coords[:, 1], expected("smpl_24", A)[::2], atol=1e-5)


def test_labels_subjects_and_cameras(pose_model: Path, tmp_path: Path) -> None:
    for name in ("x/one.mov", "y/one.mov", "two.mov"):
        write_video(tmp_path / "videos" / name, draw(A)[:3])
    table = tmp_path / "labels.csv"
    table.write_text(
        "file,label,camera,split\nx/one.mov,wave,c1,train\ntwo.mov,nod,,test\nthree.mov,nod,,\n"
    )
    dataset, report = extract(
        tmp_path / "videos", pose_model, tmp_path / "out", ("smpl_24",), labels=table
    )
    assert dataset.names.tolist() == ["two", "x/one", "y/one"]
    assert dataset.label_names == ("nod", "wave")
    assert dataset.labels.tolist() == [0, 1, -1]
    assert dataset.cameras.tolist() == ["", "c1", ""]
    assert report.unused_labels == ["three.mov"]
    assert dataset.split_names == ("given",)
    split = dataset.split("given")
    assert dataset.names[split.train].tolist() == ["x/one"]
    assert dataset.names[split.test].tolist() == ["two"]
    assert summary(dataset) == {"nod": 1, "wave": 1, "unlabelled": 1}


def test_without_a_table_folders_are_labels(pose_model: Path, tmp_path: Path) -> None:
    for name in ("wave/one.mov", "anna/nod/two.mov", "three.mov"):
        write_video(tmp_path / "videos" / name, draw(A)[:3])
    dataset, _ = extract(tmp_path / "videos", pose_model, tmp_path / "out", ("smpl_24",))
    assert dataset.names.tolist() == ["anna/nod/two", "three", "wave/one"]
    assert dataset.label_names == ("nod", "wave")
    assert dataset.labels.tolist() == [0, -1, 1]
    table = tmp_path / "labels.csv"
    table.write_text("file,subject\none.mov,anna\n")
    dataset, _ = extract(
        tmp_path / "videos", pose_model, tmp_path / "both", ("smpl_24",), labels=table
    )
    assert dataset.labels.tolist() == [0, -1, 1]
    assert dataset.subjects.tolist() == ["", "", "anna"]


def test_videos_without_persons_are_skipped_listed_and_counted(
    pose_model: Path, empty: Path, tmp_path: Path
) -> None:
    videos = tmp_path / "videos"
    first = write_video(videos / "v00.mov", draw(A)[:2])
    for number in range(1, 20):
        shutil.copy(first, videos / f"v{number:02}.mov")
    shutil.copy(empty, videos / "bad.mov")
    dataset, report = extract(videos, pose_model, tmp_path / "out", ("smpl_24",))
    assert (len(dataset), report.clips) == (20, 20)
    reason = f"bad.mov: no person found in its {FRAMES} frames"
    assert report.skipped == {"bad": reason}
    assert report.lines() == [
        "20 clips written, 10 frames a second",
        "1 videos skipped:",
        f"  {reason}",
    ]
    assert json.loads((tmp_path / "out" / REPORT).read_text())["skipped"] == {"bad": reason}

    table = tmp_path / "labels.csv"
    table.write_text("file,label,split\nbad.mov,nod,test\nv01.mov,nod,test\nv00.mov,nod,train\n")
    options = {"labels": table}
    dataset, report = extract(videos, pose_model, tmp_path / "split", ("smpl_24",), **options)
    assert (report.clips, report.skipped, report.blanked) == (21, {}, {"bad": reason})
    assert dataset.names[dataset.split("given").test].tolist() == ["v01", "bad"]
    bad = dataset.poses("smpl_24").poses(dataset.names.tolist().index("bad"))
    assert bad.coords.shape[0] == 1
    assert bad.present is not None
    assert not bad.present.any()

    table.write_text("file,label,split\nv00.mov,nod,test\nbad.mov,nod,train\n")
    dataset, _ = extract(videos, pose_model, tmp_path / "no_train", ("smpl_24",), **options)
    split = dataset.split("given")
    assert (split.train.tolist(), dataset.names[split.test].tolist()) == ([], ["v00"])

    with pytest.raises(InputError, match=r"--strict: bad\.mov: no person"):
        extract(videos, pose_model, tmp_path / "strict", ("smpl_24",), strict=True)
    (videos / "bad2.mov").write_text("not a video")
    with pytest.raises(InputError, match=r"2 of 22 videos can't be used .*bad2\.mov: cannot be"):
        extract(videos, pose_model, tmp_path / "many", ("smpl_24",))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "labels.csv", "no_train", "out", "split", "videos",
    ]  # fmt: skip


def test_missing_joints_are_missing(tmp_path: Path, crossing: Path) -> None:
    model = FakeModel()
    table = model.places.numpy()
    table[3, 1] = np.nan
    model.places = tf.constant(table)
    folder = save_model(tmp_path / "model", model)
    dataset, _ = extract(crossing, folder, tmp_path / "out", ("smpl_24",))
    missing = np.isnan(dataset.poses("smpl_24").poses(0).coords[0, 0]).all(axis=-1)
    assert np.flatnonzero(missing).tolist() == [(3 + 5) % 24]  # the model's order begins at 5


def test_a_file_that_ends_early_is_listed(pose_model: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.avi", draw(A))
    video.write_bytes(video.read_bytes()[:-1500])  # the index and the last frames
    _, report = extract(video, pose_model, tmp_path / "out", ("smpl_24",))
    assert report.cut_short == {"a": f"14 of {FRAMES} frames"}


def test_output_folder_must_be_empty(pose_model: Path, crossing: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="is not empty"):
        extract(crossing, pose_model, tmp_path)


def test_a_layout_that_cannot_be_had(pose_model: Path, crossing: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no skeleton for layout 'h36m_17'.*offers kinectv2_25, "):
        extract(crossing, pose_model, tmp_path / "out", ("h36m_17",))
    assert not list(tmp_path.iterdir())


def test_rates_of_videos(pose_model: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    write_video(videos / "slow.mov", draw(A)[:2], rate=5)
    write_video(videos / "fast.mov", draw(A)[:4], rate=10)
    with pytest.raises(InputError, match=r"slow\.mov has 5 frames.*fast\.mov 10.*--frame_rate=5$"):
        extract(videos, pose_model, tmp_path / "out", ("smpl_24",))
    with pytest.raises(
        InputError, match=r"slow\.mov: has 5 frames a second, fewer than --frame_rate=9"
    ):
        extract(videos, pose_model, tmp_path / "out", ("smpl_24",), frame_rate=9.0)
    dataset, _ = extract(videos, pose_model, tmp_path / "out", ("smpl_24",), frame_rate=5.0)
    assert [len(dataset.poses("smpl_24").poses(i).coords) for i in range(2)] == [2, 2]


def test_every_joint_of_a_layout_is_wanted(crossing: Path, tmp_path: Path) -> None:
    names = skeletons(("smpl_24",))
    names["smpl_24"][0] = "tail"
    folder = save_model(tmp_path / "model", FakeModel(names))
    with pytest.raises(InputError, match="'smpl_24': it lacks rkne and it has tail besides"):
        extract(crossing, folder, tmp_path / "out", ("smpl_24",))
