from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.operations import derive, stream_of, write
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import load_layout, load_mapping
from tests.data.operations.datasets import LAYOUT, OTHER, make

PACKAGED = load_mapping("coco_17_to_openpose_18")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    return make(tmp_path_factory.mktemp("derive") / "data")


def test_it_is_the_mapping_applied(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    wanted = ["h36m_17", OTHER, "openpose_18"]
    derived, lines = write(derive(stream_of(dataset), wanted), tmp_path / "out", progress=False)
    assert set(derived.layouts) == set(wanted)
    mapping = load_mapping(f"{LAYOUT}_to_h36m_17")
    for index in range(len(dataset)):
        own, held = dataset.poses(LAYOUT).poses(index), derived.poses("h36m_17").poses(index)
        np.testing.assert_array_equal(held.coords, mapping.apply(own.coords))
        np.testing.assert_array_equal(held.present, own.present)
    own, held = dataset.poses(OTHER).poses(2), derived.poses("openpose_18").poses(2)
    assert own.confidence is not None
    np.testing.assert_array_equal(held.confidence, PACKAGED.apply_confidence(own.confidence))
    assert derived.clips == dataset.clips
    assert (derived.poses("h36m_17").unit, derived.poses("openpose_18").unit) == ("m", "px")
    assert f"--derive: h36m_17 from {LAYOUT}, without htop" in lines


def test_native_is_all_there_is(dataset: ClipDataset) -> None:
    stream = derive(stream_of(dataset), ["native", "h36m_15"])
    assert [poses.layout for poses in stream.header.poses] == [OTHER, LAYOUT, "h36m_15"]


def test_a_mapping_of_a_file(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "map.json"
    joints = {joint: ["neck"] for joint in load_layout("h36m_15").joints}
    file.write_text(json.dumps({"source": LAYOUT, "target": "h36m_15", "joints": joints}))
    stream = derive(stream_of(dataset), [str(file)])
    neck = dataset.poses(LAYOUT).layout.index("neck")
    coords = stream.read(1)["h36m_15"].coords
    own = dataset.poses(LAYOUT).poses(1).coords
    np.testing.assert_array_equal(coords, np.repeat(own[:, :, neck : neck + 1], 15, axis=2))


def test_mappings_by_names(dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"^--derive: 'smpl_24' cannot be derived .* known: "):
        derive(stream_of(dataset), ["smpl_24"])
    stream = derive(derive(stream_of(dataset), [LAYOUT]), ["smpl_24"], "auto")
    derived, lines = write(stream, tmp_path / "out", progress=False)
    assert (derived.path / f"{LAYOUT}_to_smpl_24.json").is_file()
    assert any("suggested by the names of joints" in line for line in lines)


@pytest.mark.parametrize(
    ("layouts", "line"),
    [
        (["h36m_17", "h36m_17"], "--derive: names h36m_17 twice"),
        (["native", LAYOUT], f"--derive: names {LAYOUT} twice"),
        (["no/such.json"], "no/such.json: no such file"),
    ],
)
def test_bad_words(dataset: ClipDataset, layouts: list[str], line: str) -> None:
    with pytest.raises(InputError, match=f"^{line}"):
        derive(stream_of(dataset), layouts)
