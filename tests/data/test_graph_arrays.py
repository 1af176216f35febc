"""Arrays of ST-GCN and CTR-GCN, and that one clip is the same out of every format."""

from __future__ import annotations

import os
import pathlib
import pickle
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import Clip, ClipDataset
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.guess import describe_source
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from tests.data.writers_tables import long_rows, table_bytes, wide_rows, write_arrays
from tests.data.writers_toolboxes import (
    NTU_NAMES,
    clips_of,
    label_of,
    pyskl_content,
    write_ctrgcn,
    write_pyskl,
    write_stgcn,
)

LAYOUT = "kinect_v2_25"


def sides(**how: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Clips of performer 1, and of the other."""
    clips = clips_of(**how)
    first = {name: poses for name, poses in clips.items() if name[8:12] == "P001"}
    return first, {name: poses for name, poses in clips.items() if name not in first}


def check(dataset: ClipDataset, clips: dict[str, np.ndarray], layout: str = LAYOUT) -> None:
    store = dataset.poses(layout)
    for index, poses in enumerate(clips.values()):
        found = store.poses(index)
        np.testing.assert_array_equal(found.coords[:, : poses.shape[1]], poses)
        assert found.present is not None
        assert not found.present[:, poses.shape[1] :].any()


@pytest.mark.parametrize("array", ["data", "data_joint", "position"])
def test_stgcn(tmp_path: pathlib.Path, array: str) -> None:
    train, test = sides()
    train[NTU_NAMES[0]][1, 0, 3] = np.nan
    for protocol, (side, clips) in enumerate((("train", train), ("val", test)), start=2):
        write_stgcn(tmp_path / "in" / "xsub", clips, side, array=array, protocol=protocol)
    np.save(tmp_path / "in" / "xsub" / "train_data_bone.npy", np.zeros(3))
    dataset, report = prepare("stgcn", tmp_path / "in", tmp_path / "out", progress=False)
    check(dataset, train | test)
    assert dataset.clips[0] == Clip(
        NTU_NAMES[0], 0, "1", "1", "1", "1", source=f"xsub/train_{array}.npy"
    )
    split = dataset.split("xsub")
    assert (dataset.names[split.train].tolist(), dataset.names[split.test].tolist()) == (
        list(train),
        list(test),
    )
    store = dataset.poses(LAYOUT)
    assert (store.unit, store.num_persons, dataset.label_names[1]) == ("m", 2, "eat meal/snack")
    assert report.notes == ["left out, as made of the joints: xsub/train_data_bone.npy"]
    assert list(report.repaired) == [NTU_NAMES[0]]
    assert f"1 repaired, how is in prepare_report.json: {NTU_NAMES[0]}" in report.lines()


def test_kinetics_of_stgcn(tmp_path: pathlib.Path) -> None:
    """Pictures with scores in the third place."""
    train, _ = sides(joints=18, coords=3)
    for poses in train.values():
        poses[..., 2] = 0.5
        poses[2, 0, 4] = 0
    write_stgcn(tmp_path / "in", train, "train")
    dataset, _ = prepare("stgcn", tmp_path / "in", tmp_path / "out", progress=False)
    store = dataset.poses("openpose_18")
    assert (store.num_coords, store.axes) == (2, None)
    for index, poses in enumerate(train.values()):
        found = store.poses(index)
        wanted = poses[..., :2].copy()
        wanted[2, 0, 4] = np.nan
        np.testing.assert_array_equal(found.coords[:, :1], wanted)
        assert found.confidence is not None
        np.testing.assert_array_equal(found.confidence[:, :1], poses[..., 2])
    assert dataset.split_names == ("published",)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_ctrgcn(tmp_path: pathlib.Path, save: Any) -> None:
    train, test = sides(persons=2)
    source = write_ctrgcn(tmp_path / "NTU60_CS.npz", train, test, save=save)
    dataset, _ = prepare("ctrgcn", source, tmp_path / "out", progress=False)
    check(dataset, train | test)
    labels = [label_of(name) for name in (train | test)]
    assert dataset.labels.tolist() == labels
    assert (dataset.names[0], dataset.name) == ("train_0", "NTU60_CS")
    split = dataset.split("ntu60_cs")
    assert (len(split.train), len(split.test)) == (len(train), len(test))


def test_a_file_whose_name_is_no_text(tmp_path: pathlib.Path) -> None:
    train, test = sides()
    source = write_ctrgcn(tmp_path / os.fsdecode(b"\xe9t.npz"), train, test)
    with pytest.raises(InputError, match=r"source '\\udce9t.npz' needs printable characters"):
        prepare("ctrgcn", source, tmp_path / "out", progress=False)


def test_ctrgcn_of_two_protocols_with_numbers_as_labels(tmp_path: pathlib.Path) -> None:
    train, test = sides()
    source = tmp_path / "in"
    source.mkdir()
    numbers = np.zeros(len(train), np.int64)
    write_ctrgcn(source / "NTU60_CS.npz", train, test, y_train=numbers)
    write_ctrgcn(source / "NTU60_CV.npz", test, train, y_train=np.zeros((len(test), 60)))
    dataset, _ = prepare("ctrgcn", source, tmp_path / "out", progress=False)
    assert dataset.split_names == ("ntu60_cs", "ntu60_cv")
    assert dataset.names[0] == "NTU60_CS_train_0"
    assert set(dataset.labels[dataset.split("ntu60_cs").train]) == {0}
    assert set(dataset.labels[dataset.split("ntu60_cv").train]) == {-1}


def test_one_clip_is_the_same_out_of_every_format(tmp_path: pathlib.Path) -> None:
    clips = clips_of(NTU_NAMES[:4], persons=2)
    clips[NTU_NAMES[1]][2, 0, 7] = np.nan
    clips[NTU_NAMES[2]][3:, 1] = np.nan
    layout = load_layout(LAYOUT)
    write_pyskl(tmp_path / "pyskl" / "a.pkl", pyskl_content(clips))
    write_stgcn(tmp_path / "stgcn", clips, "train")
    (tmp_path / "ctrgcn").mkdir()
    write_ctrgcn(tmp_path / "ctrgcn" / "a.npz", clips, clips)
    write_arrays(tmp_path / "arrays", clips)
    for name, rows in (("long", long_rows), ("wide", wide_rows)):
        (tmp_path / name).mkdir()
        content = table_bytes(rows(clips, layout), ";", "\r\n")
        (tmp_path / name / "a.csv").write_bytes(content)
    options = ReaderOptions(layout=LAYOUT, unit="m", axes="+y,+z,right", frame_rate=30)
    for name in ("pyskl", "stgcn", "ctrgcn", "arrays", "long", "wide"):
        known = describe_source(tmp_path / name)
        format_name = name if name not in ("long", "wide") else "csv"
        assert known.endswith(f"; --format={format_name} reads them"), known
        dataset, _ = prepare(
            format_name, tmp_path / name, tmp_path / "out" / name, progress=False, options=options
        )
        check(dataset, clips)
        store = dataset.poses(LAYOUT)
        assert (store.unit, store.frame_rate) == ("m", 30.0)
        assert store.axes is not None
        assert store.axes.forward == "+z"


TRAIN, TEST = sides()
GOOD = (["a", "b"], [0, 1])
BAD_STGCN: dict[str, tuple[Any, Any, str]] = {
    "no labels": (np.ones((2, 3, 4, 25, 1)), None, r"lacks the file train_label.pkl of its names"),
    "harm": (
        np.ones((2, 3, 4, 25, 1)),
        b"cos\nsystem\n(S'touch harm'\ntR.",
        "refused, it holds the name 'os.system'",
    ),
    "objects": (np.array([[1], "a"], object), GOOD, "refused, it is an array of Python objects"),
    "shape": (np.ones((2, 3, 4, 25)), GOOD, r"shape \(2, 3, 4, 25\); expected numbers"),
    "nothing": (np.ones((0, 3, 4, 25, 1)), GOOD, "expected numbers"),
    "count": (np.ones((3, 3, 4, 25, 1)), GOOD, "its names are no list of 3, as many as the array"),
    "labels": (np.ones((2, 3, 4, 25, 1)), (["a", "b"], ["x", "y"]), "else than names and numbers"),
    "a label": (np.ones((2, 3, 4, 25, 1)), (["a", "b"], [0, -5]), "label -5 is out of range"),
    "names": (np.ones((2, 3, 4, 25, 1)), (["a", "a"], [0, 1]), "the clip a is there twice"),
    "pair": (np.ones((2, 3, 4, 25, 1)), [1], "holds no pair of names and labels"),
    "joints": (np.ones((2, 3, 4, 19, 1)), GOOD, "has 19 joints; say by --layout which they are"),
    "coordinates": (np.ones((2, 4, 4, 25, 1)), GOOD, "has 4 coordinates; expected 2 or 3"),
}


@pytest.mark.parametrize("name", BAD_STGCN)
def test_bad_stgcn(tmp_path: pathlib.Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    array, labels, message = BAD_STGCN[name]
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "train_data.npy", array)
    if labels is not None:
        content = labels if isinstance(labels, bytes) else pickle.dumps(labels)
        (tmp_path / "in" / "train_label.pkl").write_bytes(content)
    with pytest.raises(InputError, match=rf"^train_.*({message})") as said:
        prepare("stgcn", tmp_path / "in", tmp_path / "out", progress=False)
    assert "\n" not in str(said.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_stgcn_cut_short_and_arrays_that_differ(tmp_path: pathlib.Path) -> None:
    write_stgcn(tmp_path / "in", TRAIN, "train")
    whole = (tmp_path / "in" / "train_data.npy").read_bytes()
    (tmp_path / "in" / "train_data.npy").write_bytes(whole[:-100])
    with pytest.raises(
        InputError, match=r"12 of 12 clips are bad .* the first: train_data.npy: ha"
    ):
        prepare("stgcn", tmp_path / "in", tmp_path / "out", progress=False)
    (tmp_path / "in" / "train_data.npy").write_bytes(whole)
    write_stgcn(tmp_path / "in", sides(joints=20)[1], "val")
    with pytest.raises(InputError, match=r"val_data.npy: has shape .*must be the same"):
        prepare("stgcn", tmp_path / "in", tmp_path / "out", progress=False)
    (tmp_path / "more").mkdir()
    np.save(tmp_path / "more" / "poses.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"holds no array train_data.npy, .*; it holds 1 NumPy"):
        prepare("stgcn", tmp_path / "more", tmp_path / "out", progress=False)


BAD_CTRGCN: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "joints": (
        {"x_train": np.ones((12, 5, 120))},
        r"\(12, 5, 120\); expected numbers \[N, T, M·75",
    ),
    "axes": ({"x_train": np.ones((12, 150))}, r"of shape \(12, 150\); expected numbers"),
    "texts": ({"x_test": np.full((12, 5, 150), "a")}, "x_test is <U1 of shape"),
    "count": ({"y_train": np.zeros(11, int)}, "x_train has 12 clips and y_train 11 labels"),
    "rows": ({"y_train": np.ones((12, 2))}, "y_train has rows that aren't one 1 and zeros"),
    "fraction": ({"y_test": np.full(12, 0.5)}, "y_test holds numbers with a fraction"),
    "objects": ({"y_test": np.array([None] * 12)}, "refused, it is an array of Python objects"),
}


@pytest.mark.parametrize("name", BAD_CTRGCN)
def test_bad_ctrgcn(tmp_path: pathlib.Path, name: str) -> None:
    changes, message = BAD_CTRGCN[name]
    source = write_ctrgcn(tmp_path / "NTU60_CS.npz", TRAIN, TEST, **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=rf"^NTU60_CS.npz.*{message}") as said:
        prepare("ctrgcn", source, tmp_path / "out", progress=False)
    assert "\n" not in str(said.value)


def test_ctrgcn_without_its_arrays(tmp_path: pathlib.Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.zeros((1, 2, 150)))
    with pytest.raises(InputError, match=r"^a.npz: lacks the array y_train; it has x_train"):
        prepare("ctrgcn", tmp_path / "a.npz", tmp_path / "out", progress=False)
