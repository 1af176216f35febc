from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ms2l_tf
from ms2l_tf.data.records import Axes, ClipPoses
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.layout import load_layout
from tests.data.writers_tables import long_rows, wide_rows, write_arrays
from tests.data.writers_toolboxes import clips_of, motion, pyskl_content, write_pyskl

LAYOUT = "kinect_v1_20"


def clips() -> list[np.ndarray]:
    """One person without an axis for persons, two persons."""
    return [motion("a", 4, 20)[:, 0], motion("b", 7, 20, persons=2), motion("c", 5, 20)]


def test_any_source_is_read(tmp_path: pathlib.Path) -> None:
    source = write_pyskl(tmp_path / "ntu60.pkl", pyskl_content(clips_of()))
    dataset = ms2l_tf.read(source)
    assert len(dataset) == 24
    assert dataset.path.parent != tmp_path
    kept = ms2l_tf.read(source, out=tmp_path / "out", format="pyskl", strict=True)
    assert kept.fingerprint == dataset.fingerprint
    again = ms2l_tf.read(tmp_path / "out")
    assert (again.path, again.fingerprint) == (tmp_path / "out", kept.fingerprint)
    with pytest.raises(InputError, match="out: is not empty"):
        ms2l_tf.read(source, out=tmp_path / "out")
    with pytest.raises(InputError, match="out: is a prepared dataset; it takes no option"):
        ms2l_tf.read(tmp_path / "out", strict=True)


def test_options_of_readers(tmp_path: pathlib.Path) -> None:
    source = write_arrays(tmp_path / "in", {"a": clips()[0]})
    axes = Axes("+z", "+y", "right")
    dataset = ms2l_tf.read(source, layout=LAYOUT, unit="cm", axes=axes, frame_rate=25)
    store = dataset.poses(LAYOUT)
    assert (store.unit, store.axes, store.frame_rate) == ("cm", axes, 25.0)
    (tmp_path / "labels.csv").write_text("file,label\na.npy,wave\n")
    labelled = ms2l_tf.read(source, layout=LAYOUT, labels=tmp_path / "labels.csv")
    assert labelled.label_names == ("wave",)
    alone = ms2l_tf.read(source, layout=LAYOUT, layouts=LAYOUT)
    assert alone.layouts == (LAYOUT,)
    for options, message in (
        ({"layout": LAYOUT, "layouts": 3}, "layouts: 3; expected names of layouts"),
        ({"layout": LAYOUT, "layouts": [LAYOUT, None]}, "expected names of layouts"),
        ({"layuot": LAYOUT}, "layuot: is no option; there are layout, labels"),
        ({"layout": 20}, "layout: 20 is no str"),
        ({"layout": LAYOUT, "format": "qwerty"}, "--format=qwerty: unknown"),
        ({}, "a.npy: has 20 joints; say by --layout"),
    ):
        with pytest.raises(InputError, match=message):
            ms2l_tf.read(source, **options)


def test_temporary_datasets_go_with_the_program(tmp_path: pathlib.Path) -> None:
    code = (
        "import numpy as np, ms2l_tf, pathlib\n"
        f"d = ms2l_tf.from_arrays([np.random.normal(size=(4, 20, 3))], layout={LAYOUT!r})\n"
        "print(d.path.is_dir(), d.path)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    there, path = done.stdout.split()
    assert there == "True"
    assert not pathlib.Path(path).parent.exists()


def test_arrays(tmp_path: pathlib.Path) -> None:
    dataset = ms2l_tf.from_arrays(
        clips(),
        ["wave", None, "nod"],
        layout=LAYOUT,
        out=tmp_path / "mine",
        names=["a", "b", "c"],
        subjects=[1, 2.0, None],
        splits={"by_subject": ([0, 1], np.array([2]))},
        frame_rate=50,
        unit="m",
        axes="+z,+y,left",
    )
    assert dataset.label_names == ("nod", "wave")
    assert [(c.name, c.label, c.subject) for c in dataset.clips] == [
        ("a", 1, "1"), ("b", -1, "2"), ("c", 0, ""),
    ]  # fmt: skip
    store = dataset.poses(LAYOUT)
    assert (store.frame_rate, store.unit, store.num_persons) == (50.0, "m", 2)
    np.testing.assert_array_equal(store.poses(0).coords[:, 0], clips()[0])
    np.testing.assert_array_equal(store.poses(1).coords, clips()[1])
    split = dataset.split("by_subject")
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1], [2])


def test_arrays_of_all_kinds() -> None:
    flat = np.stack([motion(str(n), 5, 17, 2) for n in range(3)])
    dataset = ms2l_tf.from_arrays(flat, np.array([10, 9, 10]), layout="coco_17", unit="px")
    assert (dataset.label_names, dataset.labels.tolist()) == (("9", "10"), [1, 0, 1])
    assert dataset.split_names == ("train_only",)
    poses = [
        ClipPoses(clip, np.array([[True]] * 5), np.full((5, 1, 17), 0.25, np.float32))
        for clip in flat
    ]
    scored = ms2l_tf.from_arrays(poses, layout=load_layout("coco_17")).poses("coco_17")
    assert scored.confidence is not None
    assert scored.confidence[0, 0, 0] == 0.25


BAD_ARRAYS: list[tuple[Any, dict[str, Any], str]] = [
    ([], {}, "clips: there are none"),
    ([np.zeros((4, 20))], {}, r"clip 0: has shape \(4, 20\); expected"),
    (np.zeros((4, 20, 3)), {}, r"one clip alone goes into a list"),
    ([np.ones((4, 19, 3))], {}, r"coords have shape \(4, 1, 19, 3\)"),
    ([np.ones((4, 20, 3))], {"labels": [1, 2]}, "labels: are 2; there are 1 clips"),
    ([np.ones((4, 20, 3))], {"labels": 5}, "labels: 5; expected a text or number"),
    ([np.ones((4, 20, 3))], {"splits": {"x": ([3], [])}}, "splits: 'x': there is no clip 3"),
    ([np.ones((4, 20, 3))], {"axes": "+y"}, r"--axes=\+y: write up, forward"),
    ([np.ones((4, 20, 3))], {"unit": "feet"}, "unit 'feet'"),
    ([np.array([["x"] * 3])], {}, "clip 0: values are of type"),
]


@pytest.mark.parametrize(("given", "options", "message"), BAD_ARRAYS)
def test_bad_arrays(
    tmp_path: pathlib.Path, given: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ms2l_tf.from_arrays(given, layout=LAYOUT, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


class Frame:
    """As much of a table of pandas as is asked for."""

    def __init__(self, rows: list[list[str]], index: int = 0, levels: bool = False) -> None:
        level_names: list[str | None] = [*rows[0][:index]] or [None]
        self.rows, self.index_levels = rows, index
        names = rows[0][index:]
        self.columns = [tuple(name.rsplit("_", 1)) if levels else name for name in names]
        self.index = type("Index", (), {"names": level_names})()

    def to_csv(self, path: pathlib.Path, *, index: bool, header: list[str]) -> None:
        assert index == bool(self.index_levels)
        rows = [[*self.rows[0][: self.index_levels], *header], *self.rows[1:]]
        path.write_text("".join(",".join(row) + "\n" for row in rows))


class PolarsFrame(Frame):
    def __getattribute__(self, name: str) -> Any:
        if name == "to_csv":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def write_csv(self, path: pathlib.Path) -> None:
        path.write_text("".join(",".join(row) + "\n" for row in self.rows))


def test_tables(tmp_path: pathlib.Path) -> None:
    own = {"a": clips()[1], "b": clips()[2]}
    layout = load_layout(LAYOUT)
    for frame in (
        Frame(long_rows(own, layout)),
        Frame(long_rows(own, layout), index=2),
        Frame([row[:2] + row[3:] for row in wide_rows({"b": own["b"]}, layout)], levels=True),
        PolarsFrame(long_rows(own, layout)),
    ):
        dataset = ms2l_tf.from_dataframe(frame, unit="m")
        for index, name in enumerate(dataset.names):
            found = dataset.poses(LAYOUT).poses(index).coords[:, : own[name].shape[1]]
            np.testing.assert_array_equal(found, own[name])
    kept = ms2l_tf.from_dataframe(frame, out=tmp_path / "out")
    assert kept.path == tmp_path / "out"
    with pytest.raises(InputError, match="has neither to_csv nor write_csv"):
        ms2l_tf.from_dataframe([1, 2])


def test_clips_one_by_one_and_in_batches() -> None:
    given = clips()
    given[1][2, 1] = np.nan  # somebody leaves
    given[2][1:3, 0, 4] = np.nan
    dataset = ms2l_tf.from_arrays(given, ["x", "y", None], layout=LAYOUT)
    raw = dataset.arrays()
    assert len(raw) == 3
    np.testing.assert_array_equal(raw[1]["coords"], given[1])
    assert (int(raw[2]["label"]), int(raw[2]["clip"])) == (-1, 2)
    assert raw[1]["present"].tolist() == [[True, t != 2] for t in range(7)]
    with pytest.raises(InputError, match="say how many by frames=64"):
        next(raw.batches(2))

    view = dataset.arrays(LAYOUT, [2, 0], frames=9)
    item = view[0]
    filled = given[2][:, 0].copy()
    for t in (1, 2):
        filled[t, 4] = filled[0, 4] + (filled[3, 4] - filled[0, 4]) * t / 3
    np.testing.assert_allclose(item["coords"][::2, 0], filled, atol=1e-6)
    np.testing.assert_allclose(item["coords"][1, 0], filled[:2].mean(axis=0), atol=1e-6)
    assert not item["coords"][:, 1].any()
    batches = list(dataset.arrays(frames=4).batches(2))
    assert [batch["coords"].shape for batch in batches] == [(2, 4, 2, 20, 3), (1, 4, 2, 20, 3)]
    assert batches[0]["label"].tolist() == [0, 1]
    orders = [
        [
            int(clip)
            for batch in dataset.arrays(frames=4).batches(1, seed=s)
            for clip in batch["clip"]
        ]
        for s in (0, 0, 1)
    ]
    assert orders[0] == orders[1]
    assert sorted(orders[2]) == [0, 1, 2]
    assert view.stacked()["clip"].tolist() == [2, 0]
    for wrong in ([3], [-1], [[0]]):
        with pytest.raises(InputError, match="indices: expected numbers of clips, from 0 to 2"):
            dataset.arrays(indices=wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="frames: -1 is negative"):
        dataset.arrays(frames=-1)


def test_one_frame_and_layouts_that_clips_lack() -> None:
    dataset = ms2l_tf.from_arrays([motion("a", 1, 20)], layout=LAYOUT)
    item = dataset.arrays(frames=3)[0]
    np.testing.assert_array_equal(item["coords"], np.repeat(motion("a", 1, 20), 3, axis=0))
    with pytest.raises(InputError, match="none of the clips has poses"):
        dataset.arrays(indices=[], frames=3).stacked()
    with pytest.raises(InputError, match="no poses in layout 'coco_17'"):
        dataset.arrays("coco_17")
