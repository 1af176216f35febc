"""What the writer takes the reader takes, and everything else is refused in one line."""

from __future__ import annotations

import csv
import json
import math
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data import Axes, Clip, ClipDataset, ClipPoses, DatasetWriter
from ms2l_tf.data import writer as writer_module
from ms2l_tf.errors import InputError
from tests.helpers import motion, tiny_layout

LAYOUT = tiny_layout()
DECLARED: dict[str, Any] = {"frame_rate": 30.0, "unit": "m", "axes": Axes("+y", "+z", "right")}


class NAType:
    """Stands for the gap of a pandas column."""


def new_writer(out: pathlib.Path, **changes: Any) -> DatasetWriter:
    return DatasetWriter(out, **{"name": "tiny", "label_names": ("a", "b", "c"), **changes})


def good_poses() -> dict[str, ClipPoses]:
    return {LAYOUT.name: ClipPoses(motion(3))}


def written(out: pathlib.Path, clip: Any, poses: Any = None, **changes: Any) -> ClipDataset:
    """A dataset of one more clip than the sound one that makes it worth writing."""
    with new_writer(out, **changes) as writer:
        writer.add_layout(LAYOUT, **DECLARED)
        writer.add_clip(Clip("sound", 0), good_poses())
        writer.add_clip(clip, good_poses() if poses is None else poses)
        writer.add_split("s", train=["sound"], test=[])
    return ClipDataset.open(out)


GAPS = [None, math.nan, np.nan, np.float32("nan"), NAType()]
ONES = [1, 1.0, np.int8(1), np.uint64(1), np.float32(1), np.float64(1), np.array(1), np.array(1.0)]
NO_NUMBERS = [
    "1", b"1", True, np.bool_(True), 1.5, np.float64(0.5), 1j, math.inf, -math.inf, [1], (1,), {},
    np.array([1]), np.array("1"), object(), 2**80, np.datetime64("2020-01-01"),
]  # fmt: skip
NO_NAMES = ["", " a", "a ", "a\n", "a\rb", "a\0", "\udc80", "\ufeffa", 3, 3.0, None, math.nan, b"a"]
NO_NAMES += [True, ["a"], ("a",), np.array(["a"]), "x" * 5000]


@pytest.mark.parametrize("label", ONES, ids=lambda value: type(value).__name__)
def test_whole_labels_are_ints(tmp_path: pathlib.Path, label: Any) -> None:
    dataset = written(tmp_path / "out", Clip("x", label, start=label, end=label))
    assert dataset.clips[1] == Clip("x", 1, start=1, end=1)
    assert dataset.labels.tolist() == [0, 1]


@pytest.mark.parametrize("gap", GAPS, ids=lambda value: type(value).__name__)
def test_a_gap_in_a_table_is_unknown(
    tmp_path: pathlib.Path, gap: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = written(tmp_path / "out", Clip("x", gap, gap, gap, gap, gap, gap, start=gap, end=gap))
    assert dataset.clips[1] == Clip("x")
    assert "out: 1 labels are None or NaN: unlabelled: x" in capsys.readouterr().err


def test_a_table_with_a_gap_as_numpy_reads_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "table.csv").write_text("0,7\n,8\n2,9\n")
    table = np.genfromtxt(tmp_path / "table.csv", delimiter=",")  # floats throughout
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(LAYOUT, **DECLARED)
        for number, (label, subject) in enumerate(table):
            writer.add_clip(Clip(f"c{number}", label, subject=subject), good_poses())
    dataset = ClipDataset.open(tmp_path / "out")
    assert dataset.labels.tolist() == [0, -1, 2]
    assert dataset.subjects.tolist() == ["7", "8", "9"]


@pytest.mark.parametrize("field", ["label", "start", "end"])
@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_whole_number_is_refused(tmp_path: pathlib.Path, field: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"^clip 'x': {field} is .*whole number$"):
        written(tmp_path / "out", Clip("x", **{field: value}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["subject", "camera", "setup", "group", "source"])
@pytest.mark.parametrize(
    ("value", "text"),
    [("p1", "p1"), (3, "3"), (3.0, "3"), (np.float32(3), "3"), (np.int16(3), "3"),
     (np.str_("é,\"'"), "é,\"'"), (pathlib.PurePosixPath("a/b"), "a/b")],
)  # fmt: skip
def test_tags_become_texts(tmp_path: pathlib.Path, field: str, value: Any, text: str) -> None:
    dataset = written(tmp_path / "out", Clip("x", **{field: value}))
    assert getattr(dataset.clips[1], field) == text


@pytest.mark.parametrize("field", ["subject", "camera", "setup", "group", "source"])
@pytest.mark.parametrize(
    "value", [3.5, True, np.bool_(0), 1j, math.inf, b"a", ["a"], object(), "a\nb", "\r", "\udc80"]
)
def test_other_tags_are_refused(tmp_path: pathlib.Path, field: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"^clip 'x': {field}[^\n]*$"):
        written(tmp_path / "out", Clip("x", **{field: value}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NO_NAMES, ids=lambda name: repr(name)[:9])
def test_names_are_texts(tmp_path: pathlib.Path, name: Any) -> None:
    with pytest.raises(InputError, match=r"^clip .*printable characters[^\n]*$"):
        written(tmp_path / "out", Clip(name))


@pytest.mark.parametrize("clip", [None, "x", {"name": "x"}, ("x", 0)])
def test_a_clip_is_a_clip(tmp_path: pathlib.Path, clip: Any) -> None:
    with pytest.raises(InputError, match=r"^clip: is .*; expected a Clip$"):
        written(tmp_path / "out", clip)


COORDS: list[Any] = [
    motion(3) * 1j,
    motion(3).astype(object),
    motion(3).astype(str),
    motion(3) > 1,
    motion(3).astype("datetime64[s]"),
    [*motion(3).tolist()[:1], [[[0.0]]]],
    np.array(None),
    None,
    "abc",
    [],
    np.float32(1),
    motion(3)[0],
    motion(3)[..., :2],
    motion(3)[:, :, :4],
    motion(3)[None],
    motion(3).astype(float) * 1e39,
    np.full((3, 1, 5, 3), np.inf),
    motion(3)[:0],
]


@pytest.mark.parametrize("coords", COORDS, ids=range(len(COORDS)))
def test_other_coordinates_are_refused(tmp_path: pathlib.Path, coords: Any) -> None:
    with pytest.raises(InputError, match=r"^clip 'x'[^\n]*$"):
        written(tmp_path / "out", Clip("x"), {LAYOUT.name: ClipPoses(coords)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "poses", [motion(3), [ClipPoses(motion(3))], "tiny_5", {"tiny_5": motion(3)}, {7: 8, "a": 1}]
)
def test_poses_are_by_layout(tmp_path: pathlib.Path, poses: Any) -> None:
    with pytest.raises(InputError, match=r"^clip 'x': (poses|layout)[^\n]*$"):
        written(tmp_path / "out", Clip("x"), poses)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.longdouble, np.int8, np.uint32, list])
def test_real_coordinates_are_taken(tmp_path: pathlib.Path, kind: Any) -> None:
    coords = np.round(np.abs(motion(3)) * 9)
    given = coords.tolist() if kind is list else coords.astype(kind)
    dataset = written(tmp_path / "out", Clip("x"), {LAYOUT.name: ClipPoses(given)})
    np.testing.assert_array_equal(dataset.poses(LAYOUT.name).poses(1).coords, coords)


def test_masked_coordinates_are_missing(tmp_path: pathlib.Path) -> None:
    mask = np.zeros((3, 1, 5, 3), bool)
    mask[1, 0, 2, 0] = True
    coords = np.ma.masked_array(motion(3), mask=mask)
    dataset = written(tmp_path / "out", Clip("x"), {LAYOUT.name: ClipPoses(coords)})
    missing = np.isnan(dataset.poses(LAYOUT.name).poses(1).coords).all(axis=-1)
    assert np.argwhere(missing).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("present", "taken"),
    [
        (np.ones((3, 1)), True),
        ([[1], [0], [1.0]], True),
        (np.full((3, 1), 0.5), False),
        (np.full((3, 1), np.nan), False),
        (np.full((3, 1), "False"), False),
        (np.full((3, 1), None), False),
        ([[True], [True, False]], False),
    ],
    ids=range(7),
)
def test_presence_is_true_or_false(tmp_path: pathlib.Path, present: Any, taken: bool) -> None:
    poses = {LAYOUT.name: ClipPoses(motion(3), present)}
    if taken:
        assert len(written(tmp_path / "out", Clip("x"), poses)) == 2
        return
    with pytest.raises(InputError, match=r"^clip 'x': present [^\n]*$"):
        written(tmp_path / "out", Clip("x"), poses)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 3},
        {"name": "\udc80"},
        {"source": None},
        {"licence": b"x"},
        {"label_names": "wave"},
        {"label_names": None},
        {"label_names": 3},
        {"label_names": np.array("wave")},
        {"label_names": ("a", None)},
        {"label_names": ("a", math.nan)},
        {"label_names": ("a", 1.5)},
        {"label_names": ("a", "b\n")},
        {"label_names": ("1", 1)},
        {"label_names": (["a"], ["b"])},
    ],
    ids=lambda value: type(value).__name__,
)
def test_headers_are_texts(tmp_path: pathlib.Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^dataset[^\n]*$"):
        written(tmp_path / "out", Clip("x"), **changes)
    assert list(tmp_path.iterdir()) == []


def test_numbered_classes_are_texts(tmp_path: pathlib.Path) -> None:
    dataset = written(tmp_path / "out", Clip("x"), label_names=np.arange(3.0))
    assert dataset.label_names == ("0", "1", "2")


@pytest.mark.parametrize(
    "changes",
    [
        *({"frame_rate": v} for v in (0, -1, math.inf, math.nan, None, "30", True, 1j, 10**400)),
        *({"num_persons": v} for v in (0, -1, 1.5, "1", True, None, 10**9, math.nan)),
        *({"num_coords": v} for v in (1, 4, 2.5, "3", None)),
        *({"unit": v} for v in ("miles", None, 1, ["m"])),
        *({"axes": v} for v in (None, "+y", ("+y", "+z", "right"), {"up": "+y"})),
        {"num_coords": 2},
    ],
    ids=lambda changes: repr(changes)[:30],
)
def test_layout_declarations(tmp_path: pathlib.Path, changes: dict[str, Any]) -> None:
    with new_writer(tmp_path / "out") as writer:
        with pytest.raises(InputError, match=r"^layout tiny_5[^\n]*$"):
            writer.add_layout(LAYOUT, **{**DECLARED, **changes})
        writer.add_layout(LAYOUT, **DECLARED)  # as if the refused one had never been tried
        writer.add_clip(Clip("x"), good_poses())


@pytest.mark.parametrize(
    "changes",
    [
        {"joints": ("", "b", "c", "d", "e")},
        {"joints": (0, 1, 2, 3, 4)},
        {"joints": ("\udc80", "b", "c", "d", "e")},
        {"note": 7},
        {"name": "a/b"},
        {"name": ""},
        {"name": "x" * 300},
        {"name": 7},
    ],
    ids=lambda value: type(value).__name__,
)
def test_layouts_that_a_file_cannot_hold(tmp_path: pathlib.Path, changes: dict[str, Any]) -> None:
    with new_writer(tmp_path / "out") as writer:
        with pytest.raises(InputError, match=r"^layout[^\n]*$"):
            writer.add_layout(tiny_layout(**changes), **DECLARED)
        with pytest.raises(InputError, match="expected a SkeletonLayout"):
            writer.add_layout(changes, **DECLARED)  # type: ignore[arg-type]
        writer.add_layout(LAYOUT, **DECLARED)
        writer.add_clip(Clip("x"), good_poses())


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": v} for v in (3, None, "", "a b", "a/b", ".a", "é", "x" * 300)),
        *({"train": v} for v in ("sound", None, 7, [0], [None], [b"x"], [["x"]], {"x": 1})),
        {"train": np.array("x")},
        *({"description": v} for v in (None, 3, "\udc80")),
    ],
    ids=lambda changes: repr(changes)[:30],
)
def test_splits(tmp_path: pathlib.Path, changes: dict[str, Any]) -> None:
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(LAYOUT, **DECLARED)
        writer.add_clip(Clip("x"), good_poses())
        given = {"name": "s", "train": ["x"], "test": [], **changes}
        with pytest.raises(InputError, match=r"^split[^\n]*$"):
            writer.add_split(given.pop("name"), **given)
    assert ClipDataset.open(tmp_path / "out").split_names == ()


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, iter, lambda names: dict.fromkeys(names).keys()]
)
def test_lists_of_any_kind_are_splits(tmp_path: pathlib.Path, kind: Callable[..., Any]) -> None:
    with new_writer(tmp_path / "out") as writer:
        writer.add_layout(LAYOUT, **DECLARED)
        for name in "xyz":
            writer.add_clip(Clip(name), good_poses())
        writer.add_split("s", train=kind(["z", "x"]), test=[np.str_("y")])
    split = ClipDataset.open(tmp_path / "out").split("s")
    assert (split.train.tolist(), split.test.tolist()) == ([0, 2], [1])


@pytest.mark.parametrize("name", ["dataset.json", "clips.csv", "../x.json", "", None])
def test_documents_do_not_hide_the_dataset(tmp_path: pathlib.Path, name: Any) -> None:
    with (
        pytest.raises(InputError, match=r"^document[^\n]*$"),
        new_writer(tmp_path / "out") as writer,
    ):
        writer.add_document(name, {})


@pytest.mark.parametrize("damage", ["clips.csv", "splits/s.json", "poses/tiny_5/coords.npy"])
def test_a_folder_that_is_refused_is_not_published(
    tmp_path: pathlib.Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaging(path: pathlib.Path, value: Any) -> None:
        text = json.dumps(value)
        path.write_text(text)
        if path.name == "dataset.json":  # the last file: everything is there by now
            content = bytearray((path.parent / damage).read_bytes())
            content[-2] ^= 1
            (path.parent / damage).write_bytes(content)

    monkeypatch.setattr(writer_module, "write_json", damaging)
    with pytest.raises(InputError, match=rf"out: not written.*out/{damage}: the content"):
        written(tmp_path / "out", Clip("x"))
    assert list(tmp_path.iterdir()) == []


def test_publishing_leaves_no_trace_of_the_check(tmp_path: pathlib.Path) -> None:
    dataset = written(tmp_path / "out", Clip("x"))
    names = sorted(path.name for path in dataset.path.iterdir())
    assert names == ["clips.csv", "dataset.json", "poses", "splits"]
    with (dataset.path / "clips.csv").open(newline="") as file:
        assert list(csv.reader(file))[2] == ["x", "-1", "", "", "", "", "", "-1", "-1"]


SCALARS = st.one_of(
    st.sampled_from([*GAPS, *ONES, *NO_NUMBERS, *NO_NAMES]),
    st.integers(-3, 5),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.text(alphabet="\n\r\t\0,;'\" #\u2028\u0085\ufeff\udc80a1", max_size=4),
    st.complex_numbers(),
    st.binary(max_size=3),
)
ARRAYS = st.one_of(
    st.sampled_from(COORDS),
    st.just(motion(3)),
    st.builds(
        lambda values, dtype: np.array(values).astype(dtype),
        st.lists(st.floats(allow_infinity=False), min_size=30, max_size=30).map(
            lambda values: np.reshape(values, (2, 1, 5, 3))
        ),
        st.sampled_from([np.float64, np.longdouble, np.complex128, object]),
    ),
)


@settings(deadline=None, max_examples=150)
@given(
    rows=st.lists(st.tuples(*[SCALARS] * 9), max_size=4),
    arrays=st.lists(ARRAYS, min_size=4, max_size=4),
    label_names=st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.just(("a", "b"))),
    keep_zeros=st.booleans(),
)
def test_nothing_the_writer_takes_is_refused_by_the_reader(
    rows: list[tuple[Any, ...]], arrays: list[Any], label_names: Any, keep_zeros: bool
) -> None:
    taken, refusals = ["sound"], list[str]()
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "out"
        try:
            writer = new_writer(out, label_names=label_names, keep_zeros=keep_zeros)
        except InputError as error:
            refusals.append(str(error))
            writer = new_writer(out)
        with writer:
            writer.add_layout(LAYOUT, **DECLARED)
            writer.add_clip(Clip("sound"), good_poses())
            for row, coords in zip(rows, arrays, strict=False):
                try:
                    writer.add_clip(Clip(*row), {LAYOUT.name: ClipPoses(coords)})
                except InputError as error:
                    refusals.append(str(error))
                else:
                    taken.append(row[0])
            writer.add_split("s", train=taken, test=[])
        dataset = ClipDataset.open(out)
        dataset.verify(force=True)
        assert all(line.startswith(("clip", "dataset")) for line in refusals)
        assert not any("\n" in line for line in refusals)
        assert dataset.names.tolist() == taken
        assert sorted(dataset.names[dataset.split("s").train]) == sorted(taken)
        assert dataset.label_names == writer.label_names
        assert len(dataset.poses(LAYOUT.name).lengths) == len(taken)
