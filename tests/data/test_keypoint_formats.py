from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Clip, ClipDataset
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.guess import describe_source
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from tests.data.writers_keypoints import (
    BLAZE,
    coco_annotations,
    coco_results,
    landmarks,
    media_pipe_frames,
    mmpose_video,
    write_openpose,
)
from tests.data.writers_tables import table_bytes, wide_rows
from tests.data.writers_toolboxes import motion


def walking(joints: int = 17, frames: int = 20, coords: int = 2) -> np.ndarray:
    """Two persons of 170 pixels side by side, who walk through each other; the first moves more."""
    random = np.random.default_rng(joints)
    body = random.uniform(0, 1, size=(1, 2, joints, coords)) * 120
    body[:, :, [0, 1], 1] = 0, 160  # the same height
    path = np.zeros((frames, 2, 1, coords))
    path[:, 0, 0, 0] = np.linspace(100, 500, frames)
    path[:, 1, 0, 0] = np.linspace(400, 250, frames)
    return (body + path + 50).astype(np.float32)


def prepared(
    format_name: str, source: pathlib.Path, out: pathlib.Path, **options: Any
) -> tuple[ClipDataset, PrepareReport]:
    return prepare(format_name, source, out, progress=False, options=ReaderOptions(**options))


def saved(path: pathlib.Path, value: Any) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("joints", "key", "layout"),
    [
        (25, "pose_keypoints_2d", "openpose_25"),
        (18, "pose_keypoints_2d", "openpose_18"),
        (18, "pose_keypoints", "openpose_18"),
    ],
)
def test_openpose(tmp_path: pathlib.Path, joints: int, key: str, layout: str) -> None:
    one = motion("one", 6, joints, 2)
    one[2, 0, 3] = np.nan
    one[4] = np.nan  # nobody in the picture
    write_openpose(tmp_path / "in", "one.mp4", one, first=30, key=key)
    write_openpose(tmp_path / "in", "two", motion("two", 4, joints, 2), key=key)
    assert describe_source(tmp_path / "in") == (
        "holds 10 OpenPose JSON files; --format=openpose reads them"
    )
    dataset, report = prepared("openpose", tmp_path / "in", tmp_path / "out", frame_rate=25.0)
    assert dataset.clips == (Clip("one.mp4", source="one.mp4"), Clip("two", source="two"))
    store = dataset.poses(layout)
    assert (store.unit, store.axes, store.frame_rate, store.num_persons) == ("px", None, 25.0, 2)
    poses = store.poses(0)
    np.testing.assert_array_equal(poses.coords[:, :1], one)
    assert poses.present is not None
    assert poses.present.tolist() == [[frame != 4, False] for frame in range(6)]
    assert poses.confidence is not None
    scores = np.where(np.isnan(one[..., 0]), 0, 0.5)
    np.testing.assert_array_equal(poses.confidence[:, :1], scores)
    assert report.repaired == {}


def test_persons_are_followed_whatever_their_order(tmp_path: pathlib.Path) -> None:
    poses = walking(25)
    write_openpose(tmp_path / "in", "pair", poses, order=(1, 0))
    dataset, _ = prepared("openpose", tmp_path / "in", tmp_path / "out")
    np.testing.assert_array_equal(dataset.poses("openpose_25").poses(0).coords, poses)


def test_more_persons_than_are_kept(tmp_path: pathlib.Path) -> None:
    crowd = np.concatenate([walking(25), motion("far", 20, 25, 2)[:, :1] + 2000], axis=1)
    write_openpose(tmp_path / "in", "crowd", crowd)
    dataset, report = prepared("openpose", tmp_path / "in", tmp_path / "out")
    found = dataset.poses("openpose_25").poses(0).coords
    np.testing.assert_array_equal(found[:, 0], crowd[:, 0])
    assert report.repaired == {"crowd": ["3 persons are followed, the first 2 kept"]}


def test_openpose_folders(tmp_path: pathlib.Path) -> None:
    """A folder a clip below that of its label, and frames that are numbers alone."""
    for label, name in (("wave", "a"), ("wave", "b"), ("nod", "c")):
        write_openpose(tmp_path / "in" / label / name, "", motion(name, 3, 18, 2))
    dataset, _ = prepared("openpose", tmp_path / "in", tmp_path / "out")
    assert {clip.name: dataset.label_names[clip.label] for clip in dataset.clips} == {
        "a": "wave", "b": "wave", "c": "nod",
    }  # fmt: skip
    (tmp_path / "labels.csv").write_text("file,label,subject\nwave/a,hop,s1\nc,hop,s2\n")
    dataset, _ = prepared(
        "openpose", tmp_path / "in", tmp_path / "x", labels=str(tmp_path / "labels.csv")
    )
    assert [(clip.name, clip.label, clip.subject) for clip in dataset.clips] == [
        ("c", 0, "s2"), ("a", 0, "s1"), ("b", -1, ""),
    ]  # fmt: skip


OPENPOSE_BAD: dict[str, tuple[str, str]] = {
    "cut": ('{"people": [', "is not valid JSON"),
    "deep": ("[" * 100_000, "is not valid JSON"),
    "no people": ("{}", "has no list 'people'"),
    "a list": ("[]", "has no list 'people'"),
    "no keypoints": ('{"people": [{}]}', "'people' 0: has no 'pose_keypoints_2d'"),
    "a word": ('{"people": [{"pose_keypoints_2d": ["x"]}]}', r"are \['x'\]; expected 3 numbers"),
    "pairs": ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', r"are \[1, 2\]; expected 3 numbers"),
    "joints": ('{"people": [{"pose_keypoints_2d": [1, 2, 1]}]}', "a person has 1 joints, layout"),
    "huge": ('{"people": [{"pose_keypoints_2d": [1e999, 1, 1]}]}', "a person has 1 joints"),
}


@pytest.mark.parametrize("name", OPENPOSE_BAD)
def test_a_bad_frame_spoils_its_clip_alone(tmp_path: pathlib.Path, name: str) -> None:
    text, message = OPENPOSE_BAD[name]
    for number in range(24):
        write_openpose(tmp_path / "in", f"v{number:02}_x", motion(str(number), 2, 18, 2))
    (tmp_path / "in" / "v00_x_000000000001_keypoints.json").write_text(text)
    dataset, report = prepared("openpose", tmp_path / "in", tmp_path / "out")
    assert list(report.blanked) == ["v00_x"]
    with pytest.raises(InputError, match=message):
        raise InputError(report.blanked["v00_x"])
    assert "\n" not in report.blanked["v00_x"]
    assert len(dataset) == 24


def test_openpose_sources_that_cannot_be(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "in"
    nobody = np.full((3, 1, 18, 2), np.nan)
    write_openpose(source, "x", nobody)
    with pytest.raises(InputError, match=r"no _keypoints.json file has anybody in 'people'"):
        prepared("openpose", source, tmp_path / "out")
    (source / "x_keypoints.json").write_text("{}")
    with pytest.raises(InputError, match=r"x_keypoints.json: is called without the number of its"):
        prepared("openpose", source, tmp_path / "out")
    (source / "x_keypoints.json").rename(source / "x_2_keypoints.json")
    with pytest.raises(InputError, match=r"is frame 2, and so is x_000000000002_keypoints.json"):
        prepared("openpose", source, tmp_path / "out")
    (source / "x_2_keypoints.json").unlink()
    write_openpose(source, "y", motion("y", 2, 19, 2))
    with pytest.raises(InputError, match="has 19 joints; say by --layout which they are"):
        prepared("openpose", source, tmp_path / "out")
    write_openpose(source, "y", motion("y", 2, 18, 2))
    write_openpose(source, "y", motion("y", 1, 18, 2), first=9_999_999)
    for number in range(50):
        write_openpose(source, f"z{number}_", motion("z", 1, 18, 2))
    _, report = prepared("openpose", source, tmp_path / "out")
    assert report.blanked == {
        "x": "x: has nobody in any of 3 frames",
        "y": "y: frames are numbered 0 to 9999999, only 3 exist",
    }


def coco_clips() -> dict[str, np.ndarray]:
    clips = {"walk": walking(), "sit": motion("sit", 5, 17, 2)}
    clips["walk"][3, 1, 4] = np.nan
    clips["sit"][2] = np.nan
    return clips


def check(dataset: ClipDataset, clips: dict[str, np.ndarray], score: float) -> None:
    store = dataset.poses("coco_17")
    assert (store.unit, store.axes) == ("px", None)
    for name, poses in clips.items():
        found = store.poses(dataset.names.tolist().index(name))
        persons = poses.shape[1]
        np.testing.assert_allclose(found.coords[:, :persons], poses, rtol=1e-6)
        assert found.confidence is not None
        wanted = np.where(np.isnan(poses[..., 0]), 0, score)
        np.testing.assert_array_equal(found.confidence[:, :persons], wanted)


@pytest.mark.parametrize("track", [True, False])
def test_coco_annotations(tmp_path: pathlib.Path, track: bool) -> None:
    source = saved(tmp_path / "person.json", coco_annotations(coco_clips(), track=track))
    assert "; --format=coco reads them" in describe_source(source.parent)
    dataset, _ = prepared("coco", source, tmp_path / "out")
    assert dataset.names.tolist() == ["walk", "sit"]
    check(dataset, coco_clips(), 1.0)


def test_coco_results(tmp_path: pathlib.Path) -> None:
    clips = coco_clips()
    saved(tmp_path / "in" / "alphapose-results.json", coco_results(clips))
    dataset, _ = prepared("coco", tmp_path / "in", tmp_path / "out")
    check(dataset, clips, 0.5)


def test_numbers_of_pictures_a_file_a_video(tmp_path: pathlib.Path) -> None:
    for label, name in (("wave", "a"), ("nod", "b")):
        results = coco_results({"": motion(name, 4, 17, 2)})
        for number, entry in enumerate(results):
            entry["image_id"] = number if label == "wave" else f"{number}.jpg"
        saved(tmp_path / "in" / label / f"{name}.json", results)
    dataset, _ = prepared("coco", tmp_path / "in", tmp_path / "out")
    assert [(clip.name, clip.label) for clip in dataset.clips] == [("b", 0), ("a", 1)]
    check(dataset, {name: motion(name, 4, 17, 2) for name in "ab"}, 0.5)
    assert dataset.poses("coco_17").num_persons == 1


@pytest.mark.parametrize("whole", [True, False])
def test_mmpose(tmp_path: pathlib.Path, whole: bool) -> None:
    value = mmpose_video(walking())
    source = saved(tmp_path / "walk.json", value if whole else value["instance_info"])
    dataset, _ = prepared("coco", source, tmp_path / "out")
    check(dataset, {"walk": walking()}, 0.5)


def test_other_joints_by_their_names(tmp_path: pathlib.Path) -> None:
    clips = {"a": motion("a", 3, 13, 2)}
    source = saved(tmp_path / "a.json", coco_annotations(clips, "penn_13"))
    dataset, _ = prepared("coco", source, tmp_path / "out")
    np.testing.assert_allclose(dataset.poses("penn_13").poses(0).coords, clips["a"], rtol=1e-6)
    turned = coco_annotations(clips, "penn_13")
    turned["categories"][0]["keypoints"].reverse()
    with pytest.raises(InputError, match="has the joints of penn_13 in another order; write"):
        prepared("coco", saved(tmp_path / "b.json", turned), tmp_path / "x")


PERSON = {"image_id": "a_1.jpg", "keypoints": [1, 2, 1] * 17, "score": 1}
COCO_BAD: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "is no file of COCO keypoints, it lacks images or annotations"),
    "a number": (5, "is no file of COCO keypoints"),
    "an empty list": ([], "holds no keypoints"),
    "numbers": ([1], "is no file of COCO keypoints"),
    "no keypoints": ([{"image_id": "a_1.jpg"}], "entry 0: has no 'keypoints'"),
    "no picture": ([{**PERSON, "image_id": None}], "picture None ends without the number"),
    "no number": ([{**PERSON, "image_id": "a.jpg"}], "picture 'a.jpg' ends without the number"),
    "pairs": ([{**PERSON, "keypoints": [1, 2]}], r"keypoints are \[1, 2\]; expected 3 numbers"),
    "words": ([{**PERSON, "keypoints": ["a"] * 51}], r"keypoints are \['a', .*; expected 3"),
    "joints": ([{**PERSON, "keypoints": [1, 2, 1] * 16}], "has 16 joints; say by --layout"),
    "scores": (
        [{"frame_id": 1, "instances": [{"keypoints": [[1, 2]], "keypoint_scores": [1, 1]}]}],
        "1 keypoints and 2 keypoint_scores",
    ),
    "frame": ([{"frame_id": "x", "instances": []}], "frame_id 'x' is no whole number"),
    "instances": ([{"frame_id": 1, "instances": 5}], "person 0: has no 'keypoints'"),
    "image": (
        {"images": [{"id": 1, "file_name": "a_1.jpg"}], "annotations": [{"image_id": 2}]},
        "annotation 0: is of image 2, which is not there",
    ),
    "images": ({"images": [{}], "annotations": []}, "image 0: has no id"),
    "nobody": (
        {"images": [{"id": 1, "file_name": "a_1.jpg"}], "annotations": []},
        "has nobody in any picture",
    ),
    "names": (
        {**coco_annotations({"a": motion("a", 2, 17, 2)}), "categories": [{"keypoints": ["x"]}]},
        "categories: its 1 joints are not those of the nearest layout",
    ),
}


@pytest.mark.parametrize("name", COCO_BAD)
def test_bad_coco(tmp_path: pathlib.Path, name: str) -> None:
    value, message = COCO_BAD[name]
    source = saved(tmp_path / "a.json", value)
    with pytest.raises(InputError, match=rf"^a.json.*{message}") as said:
        prepared("coco", source, tmp_path / "out")
    assert "\n" not in str(said.value)


def blaze(coords: int = 3, frames: int = 6, persons: int = 1) -> np.ndarray:
    """Landmarks in metres, or shares of a picture."""
    poses = motion("blaze", frames, 33, 3, persons)[..., :coords]
    return poses if coords == 3 else (poses - poses.min()) / (poses.max() - poses.min()) + 0.01


def test_mediapipe_in_the_world(tmp_path: pathlib.Path) -> None:
    world = blaze()
    world[3] = np.nan
    frames = media_pipe_frames(blaze(2), world)
    source = saved(tmp_path / "in" / "clip.json", frames).parent
    assert describe_source(source).endswith("; --format=mediapipe reads them")
    dataset, _ = prepared("mediapipe", source, tmp_path / "out")
    store = dataset.poses("blazepose_33")
    assert store.axes is not None
    assert (store.unit, store.num_persons, store.axes.up) == ("m", 1, "-y")
    poses = store.poses(0)
    np.testing.assert_array_equal(poses.coords, world)
    assert poses.confidence is not None
    assert poses.confidence[0].tolist() == [[0.5] * 33]


def test_mediapipe_in_the_picture(tmp_path: pathlib.Path) -> None:
    flat = blaze(2, persons=2)
    frames = media_pipe_frames(flat, blaze(persons=2))
    value = {"width": 640, "height": 480, "frames": frames}
    source = saved(tmp_path / "clip.json", value)
    dataset, _ = prepared("mediapipe", source, tmp_path / "out", unit="px")
    store = dataset.poses("blazepose_33")
    assert (store.unit, store.axes, store.num_coords, store.num_persons) == ("px", None, 2, 2)
    found = np.sort(store.poses(0).coords, axis=1)
    np.testing.assert_allclose(found, np.sort(flat * [640, 480], axis=1), rtol=1e-5)
    source = saved(tmp_path / "more.json", frames)
    with pytest.raises(InputError, match="says no width and height, which --unit=px needs"):
        prepared("mediapipe", source, tmp_path / "x", unit="px")


def spellings(flat: np.ndarray) -> dict[str, Any]:
    """The frames of a clip as people save them."""
    plain = [landmarks(frame[0]) for frame in flat]
    return {
        "lists": plain,
        "objects": [{"landmarks": each} for each in plain],
        "camel": [{"poseLandmarks": each} for each in plain],
        "protobuf": [{"pose_landmarks": {"landmark": each}} for each in plain],
        "numbered": [{"frame": n + 10, "pose_landmarks": each} for n, each in enumerate(plain)],
        "numbers": [{"landmarks": [list(p.values()) for p in each]} for each in plain],
    }


@pytest.mark.parametrize("name", spellings(blaze(2)))
def test_spellings_of_mediapipe(tmp_path: pathlib.Path, name: str) -> None:
    flat = blaze(2).astype(np.float32)
    source = saved(tmp_path / "clip.json", spellings(flat)[name])
    dataset, _ = prepared("mediapipe", source, tmp_path / "out")
    store = dataset.poses("blazepose_33")
    assert (store.unit, dataset.names.tolist()) == ("unknown", ["clip"])
    np.testing.assert_array_equal(store.poses(0).coords, flat)


def test_mediapipe_a_frame_a_file_or_a_line(tmp_path: pathlib.Path) -> None:
    flat = blaze(2).astype(np.float32)
    frames = media_pipe_frames(flat)
    for number, frame in enumerate(frames):
        saved(tmp_path / "in" / f"walk_{number:04}.json", frame)
    lines = "\r\n".join(json.dumps(frame) for frame in frames)
    (tmp_path / "in" / "sit.jsonl").write_bytes(lines.encode("utf-8-sig"))
    dataset, _ = prepared("mediapipe", tmp_path / "in", tmp_path / "out")
    assert sorted(dataset.names.tolist()) == ["sit", "walk"]
    for index in range(2):
        np.testing.assert_array_equal(dataset.poses("blazepose_33").poses(index).coords, flat)


@pytest.mark.parametrize("named", [True, False])
def test_tables_of_mediapipe(tmp_path: pathlib.Path, named: bool) -> None:
    world = blaze()

    def spell(joint: str, axis: str) -> str:
        return f"{joint}_{axis}" if named else f"{axis}{BLAZE.index(joint) + 1}"

    rows = wide_rows({"a": world}, BLAZE, spell)
    rows[0] += [spell(joint, "visibility" if named else "v") for joint in BLAZE.joints]
    rows = [rows[0], *([*row, *["0.5"] * 33] for row in rows[1:])]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(table_bytes(rows))
    if named:
        assert describe_source(tmp_path / "in").endswith("; --format=mediapipe reads them")
    dataset, _ = prepared("mediapipe", tmp_path / "in", tmp_path / "out")
    poses = dataset.poses("blazepose_33").poses(0)
    np.testing.assert_array_equal(poses.coords, world)
    assert poses.confidence is not None
    assert (poses.confidence == 0.5).all()


def test_a_file_of_mediapipe_without_frames(tmp_path: pathlib.Path) -> None:
    saved(tmp_path / "in" / "walk.json", spellings(blaze(2))["lists"])
    saved(tmp_path / "in" / "none.json", [])
    with pytest.raises(InputError, match=r"1 of 2 clips are bad.*none.json: holds no frame"):
        prepared("mediapipe", tmp_path / "in", tmp_path / "out")


MEDIA_PIPE_BAD: dict[str, tuple[str, str]] = {
    "cut": ('[{"landmarks": [', "is not valid JSON"),
    "a number": ("5", "holds no frames of landmarks"),
    "nobody": ("[[], null]", "holds no landmarks of anybody"),
    "numbers": ("[1, 2]", "frame 0: is 1; expected landmarks"),
    "landmarks": ('[{"landmarks": [{"x": 1, "y": 2}]}]', "frame 0: has 1 landmarks; expected 33"),
    "a word": ('[{"landmarks": "x"}]', "landmarks are 'x'; expected a list"),
    "words": (
        json.dumps([{"landmarks": [{"x": "a", "y": 1}] * 33}]),
        "landmarks are .*; expected 4 numbers a joint",
    ),
    "twice": (
        json.dumps([{"frame": 1, "landmarks": []}, {"frame": 1, "landmarks": []}]),
        "frame 1 is no number of its own",
    ),
}


@pytest.mark.parametrize("name", MEDIA_PIPE_BAD)
def test_bad_mediapipe(tmp_path: pathlib.Path, name: str) -> None:
    text, message = MEDIA_PIPE_BAD[name]
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=rf"^a.json.*{message}") as said:
        prepared("mediapipe", tmp_path / "a.json", tmp_path / "out")
    assert "\n" not in str(said.value)


def test_the_list_of_readers_loads_neither_tensorflow_nor_scipy() -> None:
    code = (
        "import sys, ms2l_tf.data.formats; "
        "print([m for m in ('tensorflow', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
