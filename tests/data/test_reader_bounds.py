"""What fuzzing found in the readers, by its kind: numbers, names and files beyond all bounds."""

from __future__ import annotations

import json
import pathlib
import resource
import shutil
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ms2l_tf import files
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.checks import is_count, shown
from ms2l_tf.data.formats import ReaderOptions
from ms2l_tf.data.formats.asf import parse_asf
from ms2l_tf.data.formats.asf_amc import parse_amc
from ms2l_tf.data.formats.bvh import parse_bvh
from ms2l_tf.data.formats.number_rows import number_rows
from ms2l_tf.data.label_table import sorted_classes
from ms2l_tf.data.numpy_files import NpzFile
from ms2l_tf.data.prepare import prepare
from ms2l_tf.data.preparing.report import PrepareReport
from ms2l_tf.errors import InputError, warn
from ms2l_tf.skeletons.layout import load_layout
from tests.data.conftest import nw_ucla_content
from tests.data.motion_files import amc, asf, bvh
from tests.data.writers_tables import table_bytes, wide_rows, write_arrays
from tests.data.writers_toolboxes import annotation, motion, write_pyskl

LONG = "1" * 5000  # digits: more than `int` takes


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1_0", "²", "١", "1" * 10, LONG])
def test_no_count(text: str) -> None:
    assert not is_count(text)


def test_counts() -> None:
    assert all(map(is_count, ("0", "007", "999999999")))


def test_classes_are_in_one_order_whatever_is_called_the_same() -> None:
    assert sorted_classes(["10", "1", "01", "2"]) == ("01", "1", "2", "10")
    assert sorted_classes([LONG, "2"]) == (LONG, "2")


def test_values_that_cannot_be_written_are_shown() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    for value in (1 << 20_000, nested):
        assert f"a value of type {type(value).__name__}, too long" in shown(value)


def test_blanks_that_are_no_ascii_separate_numbers() -> None:
    rows = number_rows(["1\u00a02.5 -3", "4\u20035\t6"], 3, "a.txt")
    np.testing.assert_array_equal(rows, [[1, 2.5, -3], [4, 5, 6]])


def refused(function: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        function()
    return str(caught.value)


@pytest.mark.parametrize("seconds", ["1e9", "33.3", "1e-9", "1e-320"])
def test_frame_times_that_cannot_be(seconds: str) -> None:
    text = bvh().replace("Frame Time: 0.033333333", f"Frame Time: {seconds}")
    assert refused(lambda: parse_bvh(text, "a.bvh")) == (
        f"a.bvh: Frame Time: {float(seconds):g} seconds cannot be: a recording has 1 to 100,000 "
        "frames a second"
    )


@pytest.mark.parametrize("rate", [1e9, 1e-9, -1.0])
@pytest.mark.parametrize(("format_name", "name"), [("bvh", "a.bvh"), ("amc", "a.amc")])
def test_frame_rates_that_cannot_be(
    tmp_path: pathlib.Path, format_name: str, name: str, rate: float
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / name).write_text(bvh() if format_name == "bvh" else amc())
    (source / "a.asf").write_text(asf())
    options = ReaderOptions(frame_rate=rate)
    said = refused(lambda: prepare(format_name, source, tmp_path / "out", options=options))
    assert f"--frame_rate={rate:g} cannot be: a recording has 1 to 100,000" in said


def test_skeletons_that_nothing_moves() -> None:
    """A megabyte of joints and one of frames would be poses of terabytes."""
    still = "".join(f"JOINT j{number}\n{{\nOFFSET 0 1 0\n}}\n" for number in range(80))
    text = bvh().replace("End Site", f"{still}End Site", 1)
    assert len(parse_bvh(text, "a.bvh").joints) == 100
    only = text.replace("CHANNELS 3 Zrotation Xrotation Yrotation\n", "")
    more = only.replace(
        "JOINT j0", "".join(f"JOINT {n}\n{{\nOFFSET 0 1 0\n}}\n" for n in range(60)) + "JOINT j0"
    )
    said = refused(lambda: parse_bvh(more, "a.bvh"))
    assert said == "a.bvh: has 160 joints and 6 channels; a body has 20 joints a channel at most"
    bones = asf().replace("order TX TY TZ RX RY RZ", "order RX")
    bones = bones.replace("dof rx ry rz\n", "")
    assert len(parse_asf(bones, "a.asf").joints) == 18
    many = bones.replace(
        "begin\nid 1\n",
        "".join(
            f"begin\nname b{n}\ndirection 0 1 0\nlength 1\naxis 0 0 0 XYZ\nend\n" for n in range(3)
        )
        + "begin\nid 1\n",
    ).replace("root lhipjoint", "root lhipjoint b0 b1 b2")
    assert "has 21 joints and 1 channels" in refused(lambda: parse_asf(many, "a.asf"))


def test_frames_of_thousands_of_digits() -> None:
    skeleton = parse_asf(asf(), "a.asf")
    text = amc().replace("\n2\n", f"\n{LONG}\n")
    assert "unknown bone '1111" in refused(lambda: parse_amc(text, skeleton, "a.amc"))


def test_bones_without_end() -> None:
    text = asf().replace("direction 0", "direction 1.7e308 1.7e308 0", 1)
    assert refused(lambda: parse_asf(text, "a.asf")).endswith("the direction is without end")


@pytest.mark.parametrize(
    ("format_name", "field"), [("bvh", "OFFSET 0.000000"), ("amc", "root 0.000000000")]
)
def test_joints_far_away(tmp_path: pathlib.Path, format_name: str, field: str) -> None:
    source = tmp_path / "in"
    source.mkdir()
    text = bvh() if format_name == "bvh" else amc()
    (source / f"a.{format_name}").write_text(text.replace(field, f"{field.split()[0]} 1e300"))
    (source / "a.asf").write_text(asf())
    said = refused(lambda: prepare(format_name, source, tmp_path / "out", progress=False))
    assert f"a.{format_name}: has joints 1e+09 units and more from the origin" in said


def test_labels_of_thousands_of_digits(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    name = "a01_s01_e00_v01"
    content = json.dumps(nw_ucla_content(name, label=LONG))
    (nw_ucla_folder / f"{name}.json").write_text(content)
    _, report = prepare("nw_ucla", nw_ucla_folder, tmp_path / "out", progress=False)
    (said,) = report.blanked.values()
    assert "is out of range (1 to 10)" in said
    assert len(said) < 120


def damaged(path: pathlib.Path, kind: int) -> pathlib.Path:
    """A `.npz` file packed in some way whose values are damaged."""
    np.savez(path, a=np.random.default_rng(0).normal(size=(30, 20, 3)))
    with zipfile.ZipFile(path) as archive:
        content = archive.read("a.npy")
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("a.npy", content)
    packed = bytearray(path.read_bytes())
    packed[600:900] = bytes(300)
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize("kind", [8, 12, 14])  # deflate, bzip2, LZMA
def test_packed_arrays_that_are_damaged(tmp_path: pathlib.Path, kind: int) -> None:
    with open_source(damaged(tmp_path / "a.npz", kind)) as source:
        said = refused(lambda: NpzFile(source, "a.npz").array("a"))
    assert said.startswith("a.npz, array a: cannot be read (")


def test_more_files_than_a_process_may_open(tmp_path: pathlib.Path) -> None:
    for number in range(60):
        np.savez_compressed(tmp_path / f"{number}.npz", a=motion(str(number), 2, 20))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 20, before[1]))
    try:
        options = ReaderOptions(layout="kinect_v1_20")
        out = tmp_path.with_name("out")
        dataset, _ = prepare("arrays", tmp_path, out, options=options, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(dataset) == 60


def test_arrays_without_an_array(tmp_path: pathlib.Path) -> None:
    clips = {f"c{number}": motion(str(number), 2, 20) for number in range(30)}
    source = write_arrays(tmp_path / "in", clips)
    np.savez(source / "empty.npz")
    options = ReaderOptions(layout="kinect_v1_20")
    _, report = prepare("arrays", source, tmp_path / "out", options=options, progress=False)
    assert report.blanked == {"empty": "empty.npz: holds no array"}


def test_a_split_whose_clips_are_unreadable(tmp_path: pathlib.Path) -> None:
    clips = {f"c{number:02}": motion(str(number), 2, 20) for number in range(30)}
    table = "file,label,split\nbad.npy,wave,train\n" + "".join(
        f"{name}.npy,nod,\n" for name in clips
    )
    source = write_arrays(tmp_path / "in", clips, table)
    (source / "bad.npy").write_bytes(b"\x93NUMPY")
    options = ReaderOptions(layout="kinect_v1_20")
    dataset, report = prepare("arrays", source, tmp_path / "out", options=options, progress=False)
    assert dataset.split_names == ()
    assert "split given left out: none of its training clips is readable" in report.lines()


def test_members_without_a_name(tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.csv", "")
    content = (tmp_path / "a.zip").read_bytes()
    nameless = content.replace(b"x.csv", b"\0.csv")  # the name ends at the zero
    (tmp_path / "a.zip").write_bytes(nameless)
    said = refused(lambda: open_source(tmp_path / "a.zip"))
    assert said.endswith("a.zip: refused, it holds a member without a name")


@pytest.mark.parametrize("format_name", ["csv", "arrays", "pyskl"])
def test_more_persons_than_memory_has_room_for(tmp_path: pathlib.Path, format_name: str) -> None:
    """One clip of a crowd is bad; that the others are not padded to it is seen in their shape."""
    source = tmp_path / "in"
    source.mkdir()
    joints = 25 if format_name == "pyskl" else 20
    clips = {f"c{number:02}": motion(str(number), 2, joints, persons=2) for number in range(30)}
    clips["crowd"] = np.ones((1, 101, joints, 3), np.float32)
    if format_name == "csv":
        rows = wide_rows(clips, load_layout("kinect_v1_20"))
        (source / "mine.csv").write_bytes(table_bytes(rows))
    elif format_name == "arrays":
        write_arrays(source, clips)
    else:
        annotations = [annotation(name, poses, 0) for name, poses in clips.items()]
        write_pyskl(source / "mine.pkl", annotations)
    options = ReaderOptions(layout="" if format_name == "pyskl" else "kinect_v1_20")
    out = tmp_path / "out"
    dataset, report = prepare(format_name, source, out, options=options, progress=False)
    assert [poses.num_persons for poses in map(dataset.poses, dataset.layouts)] == [2]
    (said,) = report.blanked.values()
    assert "101" in said
    assert "100" in said


HIDDEN = (".git/a.npy", "deep/.ipynb_checkpoints/b.npy", "__MACOSX/._a.npy", "._a.npy", ".npy")


@pytest.mark.parametrize("packing", ["", "zip", "gztar"])
def test_what_is_hidden_is_no_part_of_a_source(tmp_path: pathlib.Path, packing: str) -> None:
    folder = tmp_path / ".mine"  # where the source lies does not matter
    for name in (*HIDDEN, "a.npy", "deep/b.npy"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    archive = str(tmp_path / "packed")
    with open_source(
        shutil.make_archive(archive, packing, folder) if packing else folder
    ) as source:
        assert source.names == ("a.npy", "deep/b.npy")
    with open_source(folder / ".npy") as source:
        assert source.names == (".npy",)


def test_messages_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    odd = "a\x1b[31m\nb\udce9\u2028é"
    plain = "a\\x1b[31m\\nb\\udce9\\u2028é"
    assert str(InputError(odd)) == str(InputError(str(InputError(odd)))) == plain
    warn(odd)
    assert capsys.readouterr().err == f"warning: {plain}\n"
    report = PrepareReport("csv", odd, skipped={odd: "no reason"})
    assert report.lines()[-1].endswith(f": {plain}")


def test_names_of_another_encoding_are_kept_in_json(tmp_path: pathlib.Path) -> None:
    files.write_json(tmp_path / "a.json", {"caf\udce9": "é"})
    assert files.read_json(tmp_path / "a.json") == {"caf\udce9": "é"}
    assert "caf\\udce9" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_long_groups_of_copies_are_cut_short() -> None:
    report = PrepareReport("csv", "x", copies=[[f"c{number}" for number in range(99)]])
    assert report.lines()[-1] == "1 groups of clips with identical poses: c0=c1=c2=..."
