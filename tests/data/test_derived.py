from __future__ import annotations

import pathlib
from collections.abc import Iterator

import numpy as np
import pytest

from ms2l_tf.data.archives import open_source
from ms2l_tf.data.formats.derived import DerivedLayouts
from ms2l_tf.data.formats.nw_ucla import LAYOUT, NwUclaReader
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import load_mapping, mapping_names

TARGET = "h36m_17"


@pytest.fixture
def reader(nw_ucla_folder: pathlib.Path) -> Iterator[NwUclaReader]:
    with open_source(nw_ucla_folder) as files:
        yield NwUclaReader(files)


def test_default_is_the_native_layout_and_all_mappings(reader: NwUclaReader) -> None:
    derived = DerivedLayouts(reader)
    layouts = [poses.layout for poses in derived.header.poses]
    targets = [name.split("_to_")[1] for name in mapping_names() if name.startswith(LAYOUT)]
    assert layouts == [LAYOUT, *sorted(targets)]
    assert TARGET in targets


def test_derived_poses_are_the_mapped_native_ones(reader: NwUclaReader) -> None:
    entry = reader.entries()[0]
    native = reader.read(entry)
    derived = DerivedLayouts(reader, [TARGET, "native"])
    assert [poses.layout for poses in derived.header.poses] == [TARGET, LAYOUT]
    assert {(p.frame_rate, p.unit, p.axes) for p in derived.header.poses} == {
        (30.0, "m", NwUclaReader.header.poses[0].axes)
    }
    assert derived.entries() == reader.entries()
    assert derived.identify(entry) == reader.identify(entry)
    read = derived.read(entry)
    assert read.clip == native.clip
    np.testing.assert_array_equal(read.poses[LAYOUT].coords, native.poses[LAYOUT].coords)
    expected = load_mapping(f"{LAYOUT}_to_{TARGET}").apply(native.poses[LAYOUT].coords)
    np.testing.assert_array_equal(read.poses[TARGET].coords, expected)


def test_native_layout_can_be_left_out(reader: NwUclaReader) -> None:
    derived = DerivedLayouts(reader, [TARGET])
    assert set(derived.read(reader.entries()[0]).poses) == {TARGET}


def test_a_new_choice_replaces_the_old_one(reader: NwUclaReader) -> None:
    derived = DerivedLayouts(DerivedLayouts(reader, [TARGET]), ["native"])
    assert derived.reader is reader
    assert set(derived.read(reader.entries()[0]).poses) == {LAYOUT}


@pytest.mark.parametrize(
    ("layouts", "message"),
    [
        (["native", "smpl_24"], r"--layouts: 'smpl_24' cannot be derived .*known: native, kinect"),
        (["octopus_8"], r"--layouts: 'octopus_8' cannot be derived from this source"),
        (["native", LAYOUT], rf"--layouts: names {LAYOUT} twice"),
        ([], r"--layouts: is empty"),
    ],
)
def test_bad_layouts(reader: NwUclaReader, layouts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        DerivedLayouts(reader, layouts)
