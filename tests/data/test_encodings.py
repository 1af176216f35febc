"""Byte order marks, UTF-16 and capitals, in every kind of text file that a user may hand over."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import numpy as np
import pytest

from ms2l_tf import files
from ms2l_tf.data import ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.clip_dataset import read_clip_table
from ms2l_tf.data.formats.asf import parse_asf
from ms2l_tf.data.formats.asf_amc import parse_amc
from ms2l_tf.data.formats.bandai_namco import CONTENTS, STYLES, BandaiNamcoReader
from ms2l_tf.data.formats.bvh import parse_bvh
from ms2l_tf.data.formats.hdm05 import Hdm05Reader
from ms2l_tf.data.formats.mocap import read_text
from ms2l_tf.data.formats.nw_ucla import LAYOUT
from ms2l_tf.data.label_table import label_clips
from ms2l_tf.data.prepare import prepare
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.figures.curves import read_history
from ms2l_tf.skeletons import load_layout, load_mapping
from tests.data import test_hdm05, writers_bandai_namco, writers_hdm05
from tests.data.test_asf_amc import CHAIN
from tests.data.test_bvh import CONTENT
from tests.data.test_label_table import CLIPS

LAYOUT_FILE = load_layout("coco_17").to_json()
MAPPING = {
    "source": "kinect_v2_25",
    "target": "coco_17",
    "joints": {name: ["head"] for name in LAYOUT_FILE["joints"]},
}
AMC = ":DEGREES\n1\nroot 0 0 0 0 0 0\na 0 0 0\nb 0 0\n"


def through_source(parse: Callable[[str, str], object]) -> Callable[[pathlib.Path], object]:
    def read(path: pathlib.Path) -> object:
        with open_source(path.parent) as source:
            return parse(read_text(source, path.name), path.name)

    return read


# What is read, its text, and how: each as a function of the file's path.
READERS: dict[str, tuple[str, Callable[[pathlib.Path], object]]] = {
    "motion.bvh": (CONTENT, through_source(lambda text, name: parse_bvh(text, name).joints)),
    "bones.asf": (CHAIN, through_source(lambda text, name: parse_asf(text, name).joints)),
    "motion.amc": (
        AMC,
        through_source(
            lambda text, name: parse_amc(text, parse_asf(CHAIN, "a.asf"), name).num_frames
        ),
    ),
    "layout.json": (json.dumps(LAYOUT_FILE), lambda path: load_layout(path).joints),
    "mapping.json": (json.dumps(MAPPING), lambda path: load_mapping(str(path)).target),
    "settings.json": ('{"a": 1}', files.read_json),
    "clips.csv": (
        "name,label,subject,camera,setup,group,source,start,end\nx,0,,,,,,0,0\n",
        lambda path: read_clip_table(path, 1),
    ),
    "labels.csv": (
        "file,label\na.mp4,wave\n",
        lambda path: label_clips(CLIPS, path).label_names,
    ),
    "history.csv": ("epoch,loss\n1,2.5\n", lambda path: sorted(read_history(path))),
}


@pytest.mark.parametrize("name", READERS)
def test_a_byte_order_mark_changes_nothing(tmp_path: pathlib.Path, name: str) -> None:
    text, read = READERS[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    plain = read(path)
    path.write_text(text, encoding="utf-8-sig")
    assert read(path) == plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", [name for name in READERS if name != "history.csv"])
def test_other_unicode_is_named(tmp_path: pathlib.Path, name: str, encoding: str) -> None:
    text, read = READERS[name]
    path = tmp_path / name
    path.write_text(text, encoding=encoding)
    said = rf"{name}: is UTF-(16|32) text; save it as UTF-8$"
    if encoding == "utf-32":
        said = said.replace("(16|32)", "32")
    with pytest.raises(InputError, match=said):
        read(path)


def test_the_files_of_a_dataset(tiny: ClipDataset) -> None:
    where = tiny.path / "dataset.json"
    where.write_text(where.read_text(), encoding="utf-8-sig")
    split = json.dumps({"train": ["walk_1"], "test": ["wave_2"]})
    (tiny.path / "splits" / "mine.json").write_text(split, encoding="utf-8-sig")
    assert ClipDataset.open(tiny.path).split("mine").train.tolist() == [0]


def test_nw_ucla_files_and_their_suffix(
    nw_ucla_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    plain, _ = prepare("nw_ucla", nw_ucla_folder, tmp_path / "plain", progress=False)
    for path in nw_ucla_folder.iterdir():
        path.with_suffix(".JSON").write_text(path.read_text(), encoding="utf-8-sig")
        path.unlink()
    odd, report = prepare("nw_ucla", nw_ucla_folder, tmp_path / "odd", progress=False)
    assert not report.skipped
    assert odd.names.tolist() == plain.names.tolist()
    np.testing.assert_array_equal(odd.poses(LAYOUT).coords, plain.poses(LAYOUT).coords)


def test_bvh_and_label_in_capitals(tmp_path: pathlib.Path) -> None:
    name = "dataset-2_run_normal_001"
    (tmp_path / f"{name}.BVH").write_text(writers_bandai_namco.content())
    label = {"content": CONTENTS.index("run"), "style": STYLES.index("normal")}
    (tmp_path / f"{name}.JSON").write_text(json.dumps(label))
    with open_source(tmp_path) as source:
        reader = BandaiNamcoReader(source)
        (entry,) = reader.entries()
        assert reader.read(entry).clip.name == name
    (tmp_path / f"{name}.JSON").write_text(json.dumps({**label, "content": 0}))
    with open_source(tmp_path) as source, pytest.raises(InputError, match="contradicts"):
        BandaiNamcoReader(source).read(f"{name}.BVH")


@pytest.mark.parametrize("skeleton", ["HDM_bd.ASF", "HDM_BD.ASF", "HDM_bd.Asf"])
def test_asf_and_amc_in_capitals(tmp_path: pathlib.Path, skeleton: str) -> None:
    name = test_hdm05.NAME
    (tmp_path / f"{name}.AMC").write_text(writers_hdm05.motion(4))
    (tmp_path / skeleton).write_text(writers_hdm05.skeleton())
    with open_source(tmp_path) as source:
        reader = Hdm05Reader(source)
        (entry,) = reader.entries()
        assert reader.read(entry).clip.name == name


def test_a_layout_file_in_capitals_is_a_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("MINE.JSON").write_text(json.dumps(LAYOUT_FILE))
    assert load_layout("MINE.JSON").name == "coco_17"


def test_acclaim_words_in_capitals() -> None:
    shouted = "\n".join(
        line.upper() if line.strip() in ("begin", "end") else line for line in CHAIN.splitlines()
    )
    assert parse_asf(shouted, "a.asf").joints == parse_asf(CHAIN, "a.asf").joints
