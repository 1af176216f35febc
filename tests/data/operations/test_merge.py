from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import pytest

from ms2l_tf.data import Axes, ClipDataset, ClipPoses
from ms2l_tf.data.operations import derive, merge, stream_of, subset, write
from ms2l_tf.errors import InputError
from tests.data.operations.datasets import LAYOUT, assert_same, content, make, sides


def merged(out: pathlib.Path, *datasets: ClipDataset) -> tuple[ClipDataset, tuple[str, ...]]:
    return write(merge([stream_of(dataset) for dataset in datasets]), out, progress=False)


@pytest.mark.parametrize("parts", [("subject:0", "subject:1,2"), ("camera:0", "camera:1")])
def test_parts_of_a_whole_are_the_whole(tmp_path: pathlib.Path, parts: tuple[str, ...]) -> None:
    whole = make(tmp_path / "whole")
    split = [
        write(subset(stream_of(whole), part), tmp_path / part.replace(":", "_"), progress=False)[0]
        for part in parts
    ]
    again, _ = merged(tmp_path / "again", *split)
    assert_same(content(again), content(whole))
    assert again.label_names == whole.label_names
    assert list(map(sorted, sides(again, "given"))) == list(map(sorted, sides(whole, "given")))
    assert (again.name, again.source, again.licence) == ("mine", "source of mine", "free")


def test_clashes_get_a_prefix(tmp_path: pathlib.Path) -> None:
    one = make(tmp_path / "one", name="one", clips=6)
    other = make(tmp_path / "other", name="other", clips=3, classes=("wave", "sit"), seed=1)
    both, lines = merged(tmp_path / "both", one, other)
    assert both.label_names == ("nod", "bow", "wave", "sit")
    names = [clip.name for clip in both.clips]
    assert names[:4] == ["one_c00", "one_c01", "one_c02", "c03"]
    assert names[6:] == ["other_c00", "other_c01", "other_c02"]
    assert [both.label_names[label] for label in both.labels[6:]] == ["wave", "sit", "wave"]
    assert both.subjects.tolist()[2:4] == ["one_2", "one_0"]
    assert both.subjects.tolist()[6:] == ["other_0", "other_1", "other_2"]
    assert sides(both, "given")[1] == ["one_c02", "c05", "other_c02"]
    assert both.name == "one+other"
    assert both.source == "source of one; source of other"
    assert "--merge: the name of 6 clips is in several datasets and got a prefix" in lines


def test_datasets_of_one_name_share_their_subjects(tmp_path: pathlib.Path) -> None:
    one, other = make(tmp_path / "one", clips=3), make(tmp_path / "other", clips=3, seed=1)
    both, _ = merged(tmp_path / "both", one, other)
    assert [clip.name for clip in both.clips][2:4] == ["mine1_c02", "mine2_c00"]
    assert both.subjects.tolist() == ["0", "1", "2"] * 2


def test_units_axes_and_frame_rates_become_those_of_the_first(tmp_path: pathlib.Path) -> None:
    one = make(tmp_path / "one", name="one", clips=3)
    turned = Axes(up="+z", forward="-y", handedness="right")
    other = make(
        tmp_path / "other", name="other", clips=3, frame_rate=60.0, unit="cm", axes=turned, seed=1
    )
    both, _ = merged(tmp_path / "both", one, other)
    poses = both.poses(LAYOUT)
    assert (poses.unit, poses.axes, poses.frame_rate) == ("m", one.poses(LAYOUT).axes, 30.0)
    x, y, z = np.moveaxis(np.array(other.poses(LAYOUT).poses(1).coords[::2]), -1, 0)
    # Up stays up and away from the viewer stays away; so right stays right.
    got = poses.poses(4)
    assert len(got.coords) == len(x)
    np.testing.assert_allclose(got.coords[..., 1], z / 100, atol=1e-6)
    np.testing.assert_allclose(got.coords[..., 2], -y / 100, atol=1e-6)
    right = one.poses(LAYOUT).axes.right_vector  # type: ignore[union-attr]
    np.testing.assert_allclose(
        got.coords @ right,
        np.stack([x, y, z], axis=-1) @ turned.right_vector / 100,
        atol=1e-6,
    )
    np.testing.assert_array_equal(got.present, np.array(other.poses(LAYOUT).poses(1).present)[::2])


def test_layouts_of_some_and_of_all(tmp_path: pathlib.Path) -> None:
    one = make(tmp_path / "one", name="one")
    other = make(tmp_path / "other", name="other", layout="kinect_v1_20", seed=1)
    both, lines = merged(tmp_path / "both", one, other)
    assert both.layouts == ("coco_17", "kinect_v1_20", "kinect_v2_25")
    assert "--merge: only some datasets have kinect_v2_25, kinect_v1_20" in lines
    assert np.count_nonzero(both.poses("kinect_v1_20").lengths) == 12
    streams = [derive(stream_of(dataset), ["kinect_v1_18"]) for dataset in (one, other)]
    mapped, _ = write(merge(streams), tmp_path / "mapped", progress=False)
    assert (mapped.layouts, len(mapped)) == (("kinect_v1_18",), 24)


def test_confidence_only_where_all_have_it(tmp_path: pathlib.Path) -> None:
    one = stream_of(make(tmp_path / "one"))
    coco = next(poses for poses in one.header.poses if poses.layout == "coco_17")
    header = dataclasses.replace(
        one.header, name="plain", poses=(dataclasses.replace(coco, confidence=False),)
    )

    def read(index: int) -> dict[str, ClipPoses]:
        held = one.read(index)
        return {"coco_17": ClipPoses(held["coco_17"].coords)} if "coco_17" in held else {}

    plain = dataclasses.replace(one, header=header, read=read)
    both, lines = write(merge([one, plain]), tmp_path / "both", progress=False)
    assert both.poses("coco_17").confidence is None
    assert "--merge: coco_17 comes without confidence, which not all have" in lines


def test_what_cannot_be_merged(tmp_path: pathlib.Path) -> None:
    one = stream_of(make(tmp_path / "one"))
    px = stream_of(make(tmp_path / "px", name="px", unit="unknown", seed=1))
    with pytest.raises(InputError, match=r"^--merge: name two dataset folders at least"):
        merge([one])
    with pytest.raises(InputError, match=r"^--merge: px: kinect_v2_25 is in unknown there, else"):
        merge([one, px])
    other = derive(stream_of(make(tmp_path / "other", name="x", seed=1)), ["coco_17"])
    line = r"^--merge: no layout is in all datasets \(mine has kinect_v2_25; x has coco_17\)"
    with pytest.raises(InputError, match=line):
        merge([derive(one, [LAYOUT]), other])
    poses = one.header.poses[0]
    odd = dataclasses.replace(poses.skeleton, graph_centre=7)
    header = dataclasses.replace(
        one.header, poses=(dataclasses.replace(poses, own=odd), one.header.poses[1])
    )
    with pytest.raises(InputError, match=r"the layout .* is another there; map one of them"):
        merge([one, dataclasses.replace(one, header=header)])
