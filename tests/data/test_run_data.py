"""Which clips a run reads, and what is wrong with its data."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.run_data import LayoutClips, RunData, open_run_data
from ms2l_tf.data.synthetic import generate
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.skeletons import load_mapping
from ms2l_tf.training.train import train
from tests.helpers import motion, tiny_config, tiny_layout, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny")


def opened(dataset: ClipDataset, **changes: Any) -> LayoutClips:
    """The clips of a run in its first layout."""
    config = tiny_config(data=str(dataset.path), **changes)
    return open_run_data(config.data, config.normaliser, several_layouts=False).reference


def opened_in_all(dataset: ClipDataset, *layouts: str, **changes: Any) -> RunData:
    """The clips of a run in all its layouts."""
    config = tiny_config(data=str(dataset.path), layouts=layouts, validation="none", **changes)
    return open_run_data(config.data, config.normaliser)


def test_training_clips_are_cut_test_clips_are_not(dataset: ClipDataset) -> None:
    data = opened(dataset)
    assert data.split == "cross_subject"
    assert data.layout == "tiny_5"
    assert set(dataset.subjects[data.test]) == {"3"}
    assert len(data.train) == 12
    assert sorted([*data.fit, *data.validation]) == data.train.tolist()
    assert len(set(dataset.subjects[data.validation])) == 1
    assert not set(dataset.subjects[data.validation]) & set(dataset.subjects[data.fit])


def test_an_empty_side_is_named_with_its_file(tmp_path: pathlib.Path) -> None:
    dataset = write_dataset(tmp_path / "data")
    where = dataset.path / "splits" / "mine.json"
    where.write_text(json.dumps({"train": [], "test": dataset.names[:2].tolist()}))
    with pytest.raises(InputError, match=rf"^{where}: names no training clip \('train' is empty\)"):
        opened(dataset, split="mine")


def test_a_side_without_poses_is_named_with_its_file(
    dataset: ClipDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PoseStore, "lengths", np.zeros(len(dataset), np.int64))
    where = dataset.path / "splits" / "cross_subject.json"
    with pytest.raises(InputError, match=f"none of the 12 training clips of {where} has poses"):
        opened(dataset)


def write_mapping(folder: pathlib.Path, **changes: list[str]) -> str:
    """A mapping file from `tiny_5` to four of its joints, and the two layouts beside it."""
    source = tiny_layout().to_json()
    kept = [joint for joint in source["joints"] if joint != "neck"]
    target = {
        "name": "tiny_4",
        "joints": kept,
        "bones": [["hand_left", "hip_left"], ["hand_right", "hip_right"]],
        "graph_centre": "hip_left",
        "mirror": source["mirror"],
        "anchors": source["anchors"] | {"spine_top": ["hand_left", "hand_right"]},
        "parts": source["parts"] | {"trunk": []},
    }
    joints = {joint: [joint] for joint in kept} | changes
    path = folder / "smaller.json"
    path.write_text(json.dumps({"source": "five.json", "target": "four.json", "joints": joints}))
    (folder / "five.json").write_text(json.dumps(source))
    (folder / "four.json").write_text(json.dumps(target))
    return str(path)


def test_a_mapping_changes_layout_and_poses_not_the_clips(
    dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    path = write_mapping(tmp_path)
    plain, data = opened(dataset), opened(dataset, layouts=(path,))
    assert (plain.layout, data.layout) == ("tiny_5", "tiny_4")
    assert data.store.layout == load_mapping(path).target_layout
    for name in ("train", "fit", "validation", "test"):
        np.testing.assert_array_equal(getattr(data, name), getattr(plain, name))
    np.testing.assert_array_equal(data.store.coords[:], plain.store.coords[:][:, :, [0, 1, 3, 4]])


@pytest.fixture(scope="module")
def two_layouts(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "two"
    return generate(out, clips=32, layouts=["coco_17", "kinect_v2_25"], progress=False)


def test_the_mapping_chooses_the_layout_it_starts_from(two_layouts: ClipDataset) -> None:
    packaged = "kinect_v2_25_to_kinect_v1_20"
    assert opened(two_layouts, validation="none").layout == "coco_17"
    by_name, by_target = (
        opened(two_layouts, layouts=(layout,), validation="none")
        for layout in (packaged, "kinect_v1_20")
    )
    assert by_name.layout == by_target.layout == "kinect_v1_20"
    assert by_name.fingerprint == by_target.fingerprint


def test_a_run_reads_all_its_layouts_or_the_first(two_layouts: ClipDataset) -> None:
    everything = opened_in_all(two_layouts)
    assert everything.names == ("coco_17", "kinect_v2_25")
    assert everything.fingerprint == two_layouts.fingerprint
    data = opened_in_all(two_layouts, "kinect_v2_25", "kinect_v1_20", "coco_17")
    assert data.names == ("kinect_v2_25", "kinect_v1_20", "coco_17")
    assert data.reference is data.parts[0]
    assert [normaliser.frames for normaliser in data.normalisers] == [12] * 3
    assert data.of([2, 0]).names == ("coco_17", "kinect_v2_25")
    assert data.index("coco_17") == 2
    with pytest.raises(InputError, match="'smpl_24' is not a layout of this run; it has kinect_v2"):
        data.index("smpl_24")
    assert len({data.fingerprint, everything.fingerprint, data.parts[1].fingerprint}) == 3
    assert opened(two_layouts, layouts=("kinect_v2_25", "coco_17"), validation="none").layout == (
        "kinect_v2_25"
    )


def test_one_layout_by_two_names_is_refused(two_layouts: ClipDataset) -> None:
    names = ("kinect_v1_20", "kinect_v2_25_to_kinect_v1_20")
    with pytest.raises(InputError, match=f"--layouts: {', '.join(names)} name the same layout twi"):
        opened_in_all(two_layouts, *names)


def test_the_fingerprint_is_that_of_what_is_read(
    dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    path = write_mapping(tmp_path)
    plain, mapped = opened(dataset).fingerprint, opened(dataset, layouts=(path,)).fingerprint
    assert plain == dataset.fingerprint
    copy = tmp_path / "copy"
    copy.mkdir()
    assert opened(dataset, layouts=(write_mapping(copy),)).fingerprint == mapped
    write_mapping(copy, hip_left=["hip_right"], hip_right=["hip_left"])
    swapped = opened(dataset, layouts=(str(copy / "smaller.json"),)).fingerprint
    assert len({plain, mapped, swapped}) == 3


def test_a_split_added_later_is_part_of_the_fingerprint(tmp_path: pathlib.Path) -> None:
    dataset = write_dataset(tmp_path / "tiny")
    own = dataset.path / "splits" / "own.json"
    seen = []
    for test in (["clip_01"], ["clip_02"]):
        content = {"train": ["clip_00", "clip_03"], "test": test}
        own.write_text(json.dumps(content | {"description": "mine"}))
        seen.append(opened(dataset, split="own", validation="none").fingerprint)
        own.write_text(json.dumps(content | {"description": "the same clips"}))
        assert opened(dataset, split="own", validation="none").fingerprint == seen[-1]
    assert len({dataset.fingerprint, *seen}) == 3
    assert opened(dataset, split="cross_subject").fingerprint == dataset.fingerprint


def test_training_on_mapped_poses(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    config = tiny_config(
        data=str(dataset.path), layouts=(write_mapping(tmp_path),), epochs=1, monitor_epochs=0
    )
    folder = train(config, str(tmp_path / "run"), strategy="one")
    record = RunFolder(folder.path).record()
    assert folder.finished
    assert record["poses"]["layout"] == "tiny_4"
    assert record["poses"]["shape"][2] == 4
    assert record["fingerprint"] == open_run_data(config.data, config.normaliser).fingerprint
    loss = float(folder.read_history()[-1]["loss"])
    assert np.isfinite(loss)
    # The file is edited, the flags stay: no longer the run that was started.
    write_mapping(tmp_path, hand_left=["neck"], hand_right=["neck"])
    with pytest.raises(InputError, match="with other contents than"):
        train(config, str(folder.path), strategy="one")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            "kinect_v2_25_to_h36m_15",
            r"^--layouts: kinect_v2_25_to_h36m_15 maps from kinect_v2_25, which .*/tiny does not "
            r"have \(tiny_5\)$",
        ),
        ("kinect", r"^--layouts: 'kinect' is neither in .*/tiny \(tiny_5\) nor mapped from there"),
        ("no/such.json", "^--layouts: no/such.json: no such file"),
    ],
)
def test_unsuitable_mappings(dataset: ClipDataset, mapping: str, message: str) -> None:
    for layouts in ((mapping,), ("tiny_5", mapping)):
        with pytest.raises(InputError, match=message):
            opened_in_all(dataset, *layouts)


def test_joints_without_a_counterpart_are_named(
    dataset: ClipDataset, tmp_path: pathlib.Path
) -> None:
    path = write_mapping(tmp_path, hand_left=[], hand_right=[])
    said = "from tiny_5, which has no counterpart of hand_left, hand_right; leave it out, or name"
    with pytest.raises(InputError, match=f"--layouts: 'tiny_4' cannot be mapped {said}"):
        opened(dataset, layouts=(path,))


@pytest.mark.parametrize(("by", "held_out"), [("camera", 1), ("none", 0)])
def test_validation_by(dataset: ClipDataset, by: str, held_out: int) -> None:
    data = opened(dataset, validation=by)
    assert len(set(dataset.cameras[data.validation])) == held_out
    assert len(data.fit) + len(data.validation) == 12


@pytest.mark.parametrize(("groups", "held_out"), [("xxyy", 2), ("    ", 1)])
def test_validation_where_nobody_noted_subjects(
    tmp_path: pathlib.Path, groups: str, held_out: int
) -> None:
    layout = tiny_layout()
    with DatasetWriter(tmp_path / "out", name="nobody", label_names=()) as writer:
        writer.add_layout(layout, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"))
        for name, group in zip("abcd", groups, strict=True):
            clip = Clip(name, -1, group=group.strip())
            writer.add_clip(clip, {layout.name: ClipPoses(motion(4))})
        writer.add_split("all", train=list("abcd"), test=[])
    data = opened(ClipDataset.open(tmp_path / "out"), validation="subject")
    assert len(data.validation) == held_out
    assert len({groups[index] for index in data.validation}) == 1
    assert len(data.fit) == 4 - held_out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": ""}, "--data: name the folder of a prepared dataset"),
        ({"data": "no/such/folder"}, "no/such/folder: no such dataset folder"),
        (
            {"layouts": ("smpl_24",)},
            r"'smpl_24' is neither in .*/tiny \(tiny_5\) nor mapped from there \(nothing\);",
        ),
        ({"split": "cross_view"}, "no split 'cross_view'; it has cross_subject"),
    ],
)
def test_what_is_not_there(dataset: ClipDataset, changes: dict[str, Any], message: str) -> None:
    config = tiny_config(**{"data": str(dataset.path), **changes})
    with pytest.raises(InputError, match=message):
        open_run_data(config.data, config.normaliser)


def test_a_flipped_byte_is_found(tmp_path: pathlib.Path) -> None:
    dataset = write_dataset(tmp_path / "tiny")
    path = dataset.path / "poses" / "tiny_5" / "coords.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"coords\.npy: the content does not match its checksum"):
        opened(dataset)


def test_a_missing_split_file(tmp_path: pathlib.Path) -> None:
    dataset = write_dataset(tmp_path / "tiny")
    (dataset.path / "splits" / "cross_subject.json").unlink()
    with pytest.raises(InputError, match=r"cross_subject\.json: is missing"):
        opened(dataset)


def half_blank(out: pathlib.Path, side: str) -> ClipDataset:
    """Four clips and a split of two and two; those of one side, or one of each, are blank."""
    layout = tiny_layout()
    sides = {"train": ["a", "b"], "test": ["c", "d"]}
    blank = sides.get(side, ["a", "c"])
    with DatasetWriter(out, name="blank", label_names=("x",)) as writer:
        writer.add_layout(layout, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "left"))
        for name in "abcd":
            poses = ClipPoses.blank(1, layout.num_joints) if name in blank else ClipPoses(motion(4))
            writer.add_clip(Clip(name, 0, subject=name), {layout.name: poses})
        writer.add_split("half", train=sides["train"], test=sides["test"])
    return ClipDataset.open(out)


@pytest.mark.parametrize("side", ["train", "test", "one of each"])
def test_blank_sides_are_refused_or_said(
    tmp_path: pathlib.Path, side: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = half_blank(tmp_path / "out", side)
    assert dataset.poses("tiny_5").seen.sum() == 2
    assert ("clips are blank (no joint of anyone)" in capsys.readouterr().err) == (" " not in side)
    if side == "train":
        message = r"^split half: all 2 training clips are blank in layout tiny_5 [^\n]*$"
        with pytest.raises(InputError, match=message):
            opened(dataset, validation="none")
        return
    assert len(opened(dataset, validation="none").test) == 2
    said = capsys.readouterr().err
    assert ("split half: all 2 test clips are blank in layout tiny_5" in said) == (side == "test")


def test_blank_clips_are_those_nobody_is_seen_in(dataset: ClipDataset) -> None:
    store = dataset.poses("tiny_5")
    assert store.seen.all()
    present = np.zeros(9, bool)
    present[[1, 5]] = True
    gaps = dataclasses.replace(
        store, present=present[:, None], offsets=np.array([0, 0, 2, 2, 3, 6, 9, 9])
    )
    assert gaps.seen.tolist() == [False, True, False, False, True, False, False]
