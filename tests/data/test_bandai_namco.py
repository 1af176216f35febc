from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats.bandai_namco import CONTENTS, LAYOUT, STYLES, BandaiNamcoReader
from ms2l_tf.data.prepare import PrepareReport, prepare
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import mapping_names
from tests.conftest import SHARED_DATA
from tests.data.writers_bandai_namco import content

NAME = "dataset-2_walk-turn-left_masculine_007"


def write(folder: pathlib.Path, text: str, name: str = NAME, label: object = None) -> str:
    (folder / f"{name}.bvh").write_text(text)
    if label is not None:
        text = label if isinstance(label, str) else json.dumps(label)
        (folder / f"{name}.json").write_text(text)
    return f"{name}.bvh"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """One clip of every content and style."""
    folder = tmp_path / "data"
    folder.mkdir()
    for label, name in enumerate(CONTENTS):
        for number, style in enumerate(STYLES):
            meaning = {"content": label, "style": number}
            text = content(shift=10 * label + number)
            write(folder, text, f"dataset-2_{name}_{style}_001", meaning)
    return folder


def test_name_gives_content_style_and_group(tmp_path: pathlib.Path) -> None:
    entry = write(tmp_path, content())
    with open_source(tmp_path) as files:
        reader = BandaiNamcoReader(files)
        read = reader.read(entry)
        assert reader.identify(entry) == read.clip
    clip = read.clip
    assert (clip.name, clip.setup, clip.group) == (NAME, "masculine", "masculine_normal")
    assert (clip.subject, CONTENTS[clip.label]) == ("", "walk-turn-left")
    coords = read.poses[LAYOUT].coords
    assert coords.shape == (3, 1, 22, 3)
    # Metres; frame 1 is turned about x, which takes y to z.
    np.testing.assert_allclose(coords[0, 0, :, 1], np.arange(22), atol=1e-5)
    np.testing.assert_allclose(coords[1, 0, :, 2], np.arange(22), atol=1e-5)


def test_other_frame_rates_are_brought_to_30(tmp_path: pathlib.Path) -> None:
    entry = write(tmp_path, content(frames=9, frame_time=1 / 120))
    with open_source(tmp_path) as files:
        coords = BandaiNamcoReader(files).read(entry).poses[LAYOUT].coords
    assert len(coords) == 3
    np.testing.assert_array_equal(coords[1:], coords[:-1])


@pytest.mark.parametrize(
    "name",
    ["walk", "dataset-1_walk_active_001", "dataset-2_dance_active_001", "dataset-2_walk_shy_001"],
)
def test_unknown_names(tmp_path: pathlib.Path, name: str) -> None:
    entry = write(tmp_path, content(), name)
    with open_source(tmp_path) as files:
        assert BandaiNamcoReader(files).identify(entry) is None
        with pytest.raises(InputError, match=f"^{name}.bvh: the name is not dataset-2_<content>"):
            BandaiNamcoReader(files).read(entry)


@pytest.mark.parametrize(
    "label", ["{", "[" * 100_000, [], {"content": 1}, {"content": 2, "style": 4}]
)
def test_label_that_contradicts_the_name(tmp_path: pathlib.Path, label: object) -> None:
    entry = write(tmp_path, content(), label=label)
    message = rf"^{NAME}.json: (is not valid JSON|contradicts)"
    with open_source(tmp_path) as files, pytest.raises(InputError, match=message):
        BandaiNamcoReader(files).read(entry)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (content().replace("Hips", "Hip"), ": lacks the joint 'Hips', unlike the layout bandai_22"),
        (content().replace("0 90 0", "0 nan 0"), r", line \d+: 'nan' is not a finite number"),
        (content()[:-6], r", line \d+: the motion is truncated, 2 frames of 3"),
        (content().replace("ROOT", "ROT"), r", line 2: 'ROT' is no word of a hierarchy"),
    ],
)
def test_bad_file(tmp_path: pathlib.Path, text: str, message: str) -> None:
    entry = write(tmp_path, text)
    with open_source(tmp_path) as files, pytest.raises(InputError, match=f"^{entry}{message}"):
        BandaiNamcoReader(files).read(entry)


def test_splits_leave_one_group_out(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    dataset, _ = prepare("bandai_namco", folder, tmp_path / "out", strict=True, progress=False)
    targets = {name.split("_to_")[1] for name in mapping_names() if name.startswith(LAYOUT)}
    assert set(dataset.layouts) == {LAYOUT, *targets}
    assert np.bincount(dataset.labels).tolist() == [7] * 10
    for styles in (
        ("active", "elderly", "exhausted"),
        ("feminine", "youthful"),
        ("masculine", "normal"),
    ):
        group = "_".join(styles)
        split = dataset.split(f"leave_out_{group}")
        clips = [dataset.clips[index] for index in split.test]
        assert {clip.group for clip in clips} == {group}
        assert {clip.setup for clip in clips} == set(styles)
        assert len(split.train) + len(split.test) == 70
        assert not {dataset.clips[index].setup for index in split.train} & set(styles)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipDataset, PrepareReport]:
    archive = SHARED_DATA / "Bandai-Namco" / "Bandai-Namco-Motiondataset-2.tar.xz"
    if not archive.is_file():
        pytest.skip(f"the Bandai-Namco archive is not at {archive}")
    out = tmp_path_factory.mktemp("bandai_namco") / "out"
    return prepare("bandai_namco", archive, out, strict=True, progress=False)


@pytest.mark.slow
@pytest.mark.real_data
def test_published_archive(published: tuple[ClipDataset, PrepareReport]) -> None:
    dataset, report = published
    counts = np.bincount(dataset.labels)
    assert dict(zip(dataset.label_names, counts, strict=True)) == {
        "walk": 175, "walk-turn-left": 236, "walk-turn-right": 234, "run": 317,
        "wave-both-hands": 208, "wave-left-hand": 209, "wave-right-hand": 208,
        "raise-up-both-hands": 434, "raise-up-left-hand": 444, "raise-up-right-hand": 437,
    }  # fmt: skip
    lengths = dataset.poses(LAYOUT).lengths
    assert (lengths.min(), np.median(lengths), lengths.max(), lengths.sum()) == (
        19, 117, 466, 384931,
    )  # fmt: skip
    assert (report.skipped, report.blanked, report.repaired) == ({}, {}, {})
    assert [report.splits[name]["test"] for name in sorted(report.splits)] == [1251, 807, 844]


@pytest.mark.slow
@pytest.mark.real_data
def test_published_bodies(published: tuple[ClipDataset, PrepareReport]) -> None:
    """Bodies of human size, upright on the floor, one set of bone lengths, left is left."""
    store = published[0].poses(LAYOUT)
    index = store.layout.index
    joints = np.array(store.coords[::50, 0], np.float64)
    ends = {
        side: joints[:, index(f"Toes_{side}")] - joints[:, index(f"Foot_{side}")] for side in "LR"
    }
    spine = joints[:, index("Neck")] - joints[:, index("Hips")]
    left = joints[:, index("UpperLeg_L")] - joints[:, index("UpperLeg_R")]
    front = ends["L"] + ends["R"]
    assert (spine[:, 1] > 0).mean() > 0.99
    assert ((np.cross(spine, front) * left).sum(axis=-1) > 0).mean() > 0.95
    height = joints[:, index("Head"), 1] - joints[:, index("Toes_L"), 1]
    assert 1.2 < np.median(height) < 1.7
    for child, parent in (("Neck", "Chest"), ("Hand_L", "LowerArm_L"), ("Foot_R", "LowerLeg_R")):
        lengths = np.linalg.norm(joints[:, index(child)] - joints[:, index(parent)], axis=-1)
        np.testing.assert_allclose(lengths, lengths[0], atol=1e-4)
