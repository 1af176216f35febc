from __future__ import annotations

import pathlib
import pickle
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Clip, ClipDataset
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.split_names import paired_splits
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from tests.data.writers_toolboxes import (
    NTU_NAMES,
    annotation,
    clips_of,
    motion,
    pyskl_content,
    write_pyskl,
)


def prepared(
    tmp_path: pathlib.Path, content: Any, file: str = "ntu60.pkl", **options: Any
) -> tuple[ClipDataset, PrepareReport]:
    source = write_pyskl(tmp_path / file, content)
    given = ReaderOptions(**options)
    return prepare("pyskl", source, tmp_path / "out", progress=False, options=given)


@pytest.mark.parametrize("protocol", range(6))
def test_poses_in_space(tmp_path: pathlib.Path, protocol: int) -> None:
    clips = clips_of(persons=2)
    source = write_pyskl(tmp_path / "ntu60_3danno.pkl", pyskl_content(clips), protocol)
    dataset, report = prepare("pyskl", source, tmp_path / "out", strict=True, progress=False)
    store = dataset.poses("kinect_v2_25")
    assert (dataset.name, len(dataset.label_names)) == ("ntu60_3danno", 60)
    assert dataset.label_names[:2] == ("drink water", "eat meal/snack")
    assert (store.frame_rate, store.unit, store.num_persons) == (30.0, "m", 2)
    assert store.axes is not None
    assert vars(store.axes) == {"up": "+y", "forward": "+z", "handedness": "right"}
    assert dataset.clips[0] == Clip(NTU_NAMES[0], 0, "1", "1", "1", "1", source="ntu60_3danno.pkl")
    for index, poses in enumerate(clips.values()):
        np.testing.assert_array_equal(store.poses(index).coords, poses)
    split = dataset.split("xsub")
    assert set(dataset.subjects[split.train]) == {"1"}
    assert set(dataset.subjects[split.test]) == {"3"}
    assert dataset.split_names == ("xsub",)
    assert report.repaired == {}


def test_poses_in_pictures_with_scores(tmp_path: pathlib.Path) -> None:
    clips = clips_of(joints=17, coords=2)
    content = pyskl_content(clips)
    first = content["annotations"][0]
    first["keypoint"][0, 1, 3] = 0  # not detected
    first["keypoint_score"][0, 1, 3] = 0
    dataset, report = prepared(tmp_path, content)
    store = dataset.poses("coco_17")
    assert (store.unit, store.axes, store.num_coords) == ("px", None, 2)
    poses = store.poses(0)
    wanted = clips[NTU_NAMES[0]].astype(np.float16).astype(np.float32)
    wanted[1, 0, 3] = np.nan
    np.testing.assert_array_equal(poses.coords, wanted)
    assert poses.confidence is not None
    scores = np.full((5, 1, 17), 0.75, np.float32)
    scores[1, 0, 3] = 0
    np.testing.assert_array_equal(poses.confidence, scores)
    assert report.repaired == {
        NTU_NAMES[0]: ["1 joints at the origin or without a number set to missing in 1 of 5 frames"]
    }


def test_persons_of_zeros_are_padding_and_lists_of_numpy_numbers_labels(
    tmp_path: pathlib.Path,
) -> None:
    poses = motion("x", 6, persons=2)
    poses[2:, 1] = 0
    content = {"annotations": [annotation("x", poses, np.int64(1))]}  # type: ignore[arg-type]
    dataset, report = prepared(tmp_path, content)
    store = dataset.poses("kinect_v2_25")
    assert store.present.tolist() == [[True, True]] * 2 + [[True, False]] * 4
    assert report.repaired == {}
    assert (dataset.labels.tolist(), dataset.split_names) == ([1], ("train_only",))


def test_a_list_a_side(tmp_path: pathlib.Path) -> None:
    """As before version 1.0: one pickle for training, one for validation."""
    annotations = pyskl_content(clips_of())["annotations"]
    write_pyskl(tmp_path / "in" / "ntu60_xsub_train.pkl", annotations[:10])
    write_pyskl(tmp_path / "in" / "ntu60_xsub_val.pkl", annotations[10:])
    dataset, _ = prepare("pyskl", tmp_path / "in", tmp_path / "out", progress=False)
    split = dataset.split("ntu60_xsub")
    assert (split.train.tolist(), split.test.tolist()) == ([*range(10)], [*range(10, 24)])


def test_names_of_the_classes_and_other_layouts(tmp_path: pathlib.Path) -> None:
    (tmp_path / "names.csv").write_text("label,name\n0,drink water\n7,hop\n")
    content = pyskl_content(clips_of(joints=20))
    content["annotations"][1]["label"] = 0  # not what the name says, so these are no classes of NTU
    with pytest.raises(InputError, match=r"p.pkl: has 20 joints; say by --layout .*kinect_v1_20"):
        prepared(tmp_path, content, "p.pkl")
    with pytest.raises(InputError, match=r"has 20 joints, --layout=smpl_24 has 24; name another"):
        prepared(tmp_path, content, "p.pkl", layout="smpl_24")
    dataset, report = prepared(
        tmp_path,
        content,
        labels=str(tmp_path / "names.csv"),
        layout="kinect_v1_20",
        unit="mm",
        axes="+z,+y,left",
        frame_rate=15.0,
    )
    store = dataset.poses("kinect_v1_20")
    assert (store.unit, store.frame_rate) == ("mm", 15.0)
    assert store.axes is not None
    assert store.axes.up == "+z"
    assert dataset.label_names == ("drink water", "class_1")
    assert report.notes[0].endswith("names.csv: 1 rows name nothing of the source: 7")


def test_a_table_gives_labels_and_a_split(tmp_path: pathlib.Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(f"clip,label,split\n{NTU_NAMES[0]},wave,train\n{NTU_NAMES[1]},nod,test\n")
    dataset, _ = prepared(tmp_path, pyskl_content(clips_of()), labels=str(table))
    assert dataset.label_names == ("nod", "wave")
    assert dataset.labels.tolist() == [1, 0, *[-1] * 22]
    assert dataset.split_names == ("given", "xsub")


def test_clips_that_lists_name_and_nobody_has(tmp_path: pathlib.Path) -> None:
    content = pyskl_content(clips_of())
    content["split"]["xsub_val"].append("S001C001P009R001A001")
    dataset, report = prepared(tmp_path, content)
    assert len(dataset.split("xsub").test) == 12
    assert report.notes == ["1 clips of its lists have no annotation, such as S001C001P009R001A001"]


@pytest.mark.parametrize(
    ("lists", "wanted"),
    [
        (["xsub_train", "xsub_val", "xview_train", "xview_val"], ["xsub", "xview"]),
        (["train1", "test1", "train2", "test2"], ["split1", "split2"]),
        (["train", "val"], ["published"]),
        (["train", "val", "test"], ["published", "published_val"]),
        (["a/b train", "a/b test"], ["a_b"]),
        (["all"], ["all"]),
        (["../../etc_train"], ["etc"]),
        (["x_train", "x-test"], ["x"]),
        (["constrained"], ["constrained"]),
    ],
)
def test_names_of_splits(lists: list[str], wanted: list[str]) -> None:
    assert [split.name for split in paired_splits({name: ["a"] for name in lists}, "x")] == wanted


def test_sides_of_splits() -> None:
    lists = {"test": ["c"], "val": ["b"], "train": ["a"], "every": ["a", "c"]}
    published, validation, every = paired_splits(lists, "x.pkl")
    assert (published.train, published.test) == (("a",), ("c",))
    assert published.description == "Lists train and test of x.pkl."
    assert (validation.train, validation.test) == (("a",), ("b",))
    assert (every.train, every.test) == (("a", "c"), ())


def changed(**changes: Any) -> dict[str, Any]:
    """24 clips, the first of them with other values."""
    content = pyskl_content(clips_of(joints=17, coords=2))
    content["annotations"][0] |= changes
    return content


FLAT = np.ones((1, 5, 17, 2), np.float16)
BAD_CLIPS: dict[str, tuple[dict[str, Any], str]] = {
    "joints": ({"keypoint": FLAT[:, :, :16]}, r"shape \(1, 5, 16, 2\), expected \(M, T, 17, 2\)"),
    "frames": ({"total_frames": 6}, "says 6 frames, 'keypoint' has 5"),
    "no frame": ({"keypoint": FLAT[:, :0], "total_frames": 0}, r"shape \(1, 0, 17, 2\), expected"),
    "no array": ({"keypoint": FLAT.tolist()}, r"'keypoint' has shape \(\), expected"),
    "texts": ({"keypoint": FLAT.astype("U3")}, "'keypoint' holds no numbers but <U3"),
    "nobody": ({"keypoint": FLAT * 0}, "has no joint of anyone in any frame"),
    "nan": ({"keypoint": FLAT * np.float16(np.nan)}, "has no joint of anyone in any frame"),
    "no scores": ({"keypoint_score": None}, r"'keypoint_score' is no array of shape \(1, 5, 17\)"),
    "scores": ({"keypoint_score": FLAT[:, :4, :, 0]}, "'keypoint_score' is no array of shape"),
}


@pytest.mark.parametrize("name", BAD_CLIPS)
def test_a_bad_clip_is_kept_blank(tmp_path: pathlib.Path, name: str) -> None:
    changes, message = BAD_CLIPS[name]
    dataset, report = prepared(tmp_path, changed(**changes))
    assert list(report.blanked) == [NTU_NAMES[0]]
    with pytest.raises(InputError, match=rf"^ntu60.pkl#{NTU_NAMES[0]}: .*{message}"):
        raise InputError(report.blanked[NTU_NAMES[0]])
    assert len(dataset) == 24


BAD_FILES: dict[str, tuple[Any, str]] = {
    "no annotations": ({"split": {}}, "is no PYSKL annotation file, which holds"),
    "empty": ([], "is no PYSKL annotation file"),
    "a number": (5, "is no PYSKL annotation file"),
    "a list of numbers": ([5], "annotation 0: lacks 'frame_dir'"),
    "no name": (changed(frame_dir=None), "annotation 0: lacks 'frame_dir'"),
    "a name twice": (changed(frame_dir=NTU_NAMES[1]), f"the clip {NTU_NAMES[1]} is there twice"),
    "label": (changed(label="wave"), "annotation 0: label 'wave' is no whole number"),
    "a huge label": (changed(label=10**9), r"label 1000000000 is out of range \(0 to 9999\)"),
    "split": ({**changed(), "split": {"train": [5]}}, "'split' 'train' is no list of clips' names"),
    "splits": ({**changed(), "split": [1]}, "'split' is no dictionary"),
    "raw files": ({"annotations": [{"frame_dir": "a", "raw_file": "a.npy"}]}, "no annotation has"),
    "four": (pyskl_content({NTU_NAMES[0]: np.ones((5, 1, 17, 4))}), "has 4 coordinates"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused(tmp_path: pathlib.Path, name: str) -> None:
    content, message = BAD_FILES[name]
    with pytest.raises(InputError, match=rf"^ntu60.pkl.*{message}") as said:
        prepared(tmp_path, content)
    assert "\n" not in str(said.value)
    assert not (tmp_path / "out").exists()


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pathlib.Path.touch, (pathlib.Path("harm"),))


def test_harmful_and_damaged_files(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "ntu60.pkl"
    whole = pickle.dumps(pyskl_content(clips_of()))
    for content, message in (
        (pickle.dumps({**pyskl_content(clips_of()), "x": Harm()}), "refused, it holds the name"),
        (whole[:-100], "is no complete pickle"),
        (b"", "is no complete pickle"),
        (b"frame_dir,label\r\n", "is no complete pickle|refused"),
    ):
        source.write_bytes(content)
        with pytest.raises(InputError, match=f"^ntu60.pkl: ({message})"):
            prepare("pyskl", source, tmp_path / "out", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["ntu60.pkl"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "feet"}, "--unit=feet: use one of m, mm"),
        ({"axes": "+y"}, r"--axes=\+y: write up, forward and handedness between commas"),
        ({"axes": "+y,-y,right"}, r"--axes=\+y,-y,right: axes: up \+y and forward -y are the same"),
        ({"frame_rate": -1.0}, "--frame_rate=-1: must be positive"),
        ({"layout": "octopus"}, "octopus"),
        ({"labels": "none.csv"}, "--labels=none.csv: cannot be read"),
    ],
)
def test_options_that_cannot_be(
    tmp_path: pathlib.Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        prepared(tmp_path, pyskl_content(clips_of()), **options)


def test_pictures_have_no_axes(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"--axes=\+y,\+z,right: the poses are 2-D"):
        prepared(tmp_path, changed(), axes="+y,+z,right")
