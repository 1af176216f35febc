"""Every format from its files to features by two commands, as docs/data.md says."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.api.encoder import load_encoder
from ms2l_tf.data import ClipDataset
from ms2l_tf.data.formats import FORMATS
from ms2l_tf.skeletons.drawing import project
from tests.cli.conftest import Command
from tests.data.sources import SOURCES, Poses, blaze_people, people, pictured
from tests.test_packaging import ROOT

# Small and closed in form; what it learns is not asked here.
QUICK = ("--method=kernels", "--mixes=8", "--dims=4", "--frames=8")
NUM_CLIPS = 12
# Nobody divides these, or says who is who: the shortest command trains on them nevertheless.
UNDIVIDED = {"bvh", "amc", "openpose", "coco", "mediapipe"}
UNLABELLED = {"coco"}
# What is held out where nobody named subjects.
UNNAMED = {"pku_mmd": "group", "bandai_namco": "group"}
UNNAMED |= dict.fromkeys(UNDIVIDED, "clip")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Holds the sources and, as they are made, the datasets."""
    return tmp_path_factory.mktemp("formats")


def prepared(command: Command, folder: pathlib.Path, format_name: str) -> ClipDataset:
    """The dataset of a source by the command, made once; the format is recognised."""
    out = folder / "data" / format_name
    if not out.exists():
        source = SOURCES[format_name]
        source.write(folder / format_name)
        flags = (f"--source={folder / format_name}", f"--out={out}", "--workers=1")
        assert command("prepare", *flags, *source.prepare) == 0
    return ClipDataset.open(out)


def test_every_format_has_a_source_and_a_row() -> None:
    assert set(SOURCES) == set(FORMATS)
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2] for line in page.splitlines() if line.count("|") == 5]
    assert set(FORMATS) <= set(re.findall(r"`(\w+)`", "".join(rows)))


@pytest.mark.parametrize("format_name", SOURCES)
def test_a_dataset_of_people_who_face_the_viewer(
    command: Command, made: pathlib.Path, capsys: pytest.CaptureFixture[str], format_name: str
) -> None:
    dataset = prepared(command, made, format_name)
    told = capsys.readouterr()
    dataset.verify()
    assert f": --format={format_name}\n" in told.err
    assert f"{NUM_CLIPS} clips written" in told.out
    unlabelled = format_name in UNLABELLED
    assert ("12 clips have no label" if unlabelled else "2 classes with clips: 6 ") in told.out
    assert len(dataset) == NUM_CLIPS
    assert set(np.bincount(dataset.labels[dataset.labels >= 0])) <= {0, 6}
    split = dataset.split(dataset.split_names[0])
    assert (len(split.test) == 0) == (format_name in UNDIVIDED)
    check_upright(dataset, SOURCES[format_name].layout)


def check_upright(dataset: ClipDataset, layout: str) -> None:
    """As a contact sheet shows them: heads up, and their right at the left of the picture."""
    store = dataset.poses(layout)
    points = {**store.layout.anchors, **store.layout.semantic}
    for index in range(len(dataset)):
        for pose in store.poses(index).coords[:, 0]:
            shown = project(pose, store.layout, store.picture_plane)
            place = {name: shown[list(own)].mean(axis=0) for name, own in points.items()}
            for above, below in (("head", "hip_left"), ("hip_left", "ankle_left")):
                assert place[above][1] > place[below][1]
            for part in ("hip", "shoulder", "ankle"):
                assert place[f"{part}_right"][0] < place[f"{part}_left"][0]


KINECT_V2 = ("ntu", "pku_mmd", "pyskl", "stgcn", "ctrgcn", "csv", "arrays")
KINECT_V1 = ("nw_ucla", "utd_mhad", "msr_action3d", "utkinect", "msrc12")
SHOWN: Mapping[str, Callable[[], Poses]] = {
    **dict.fromkeys(KINECT_V2, lambda: people("kinect_v2_25")),
    **dict.fromkeys(KINECT_V1, lambda: people("kinect_v1_20")),
    "openpose": lambda: pictured(people("openpose_25")),
    "coco": lambda: pictured(people("coco_17")),
    "mediapipe": blaze_people,
}


@pytest.mark.parametrize("format_name", SHOWN)
def test_the_same_motions_out_of_every_format(
    command: Command, made: pathlib.Path, format_name: str
) -> None:
    """Nobody else is there. Formats name clips in their own ways, so they are found by poses."""
    store = prepared(command, made, format_name).poses(SOURCES[format_name].layout)
    found = [store.poses(index) for index in range(NUM_CLIPS)]
    clips = [poses.coords[:, :1] for poses in found]
    for one, other in zip(in_order(clips), in_order(SHOWN[format_name]().values()), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert all(np.isnan(poses.coords[:, 1:]).all() for poses in found)


def in_order(clips: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Clips by the place of a hand at the start."""
    return sorted(clips, key=lambda poses: poses[0, 0, 7].tolist())


@pytest.fixture
def eager() -> Iterator[None]:
    """Graphs for a dozen clips take longer to make than to run."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("format_name", SOURCES)
def test_features_by_two_commands(
    command: Command, made: pathlib.Path, capsys: pytest.CaptureFixture[str], format_name: str
) -> None:
    dataset = prepared(command, made, format_name)
    run = str(made / "runs" / format_name)
    flags = (f"--data={dataset.path}", f"--workdir={run}", *QUICK)
    assert command("train", *flags) == 0
    told = capsys.readouterr().out
    assert ("--probes=none" in told) == (format_name in UNDIVIDED)
    assert (f"cut by --validation={UNNAMED.get(format_name)}" in told) == (format_name in UNNAMED)
    features = load_encoder(run).transform(dataset)
    assert features.shape[0] == NUM_CLIPS
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=0).max() > 0
