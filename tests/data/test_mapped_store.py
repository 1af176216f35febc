"""The poses of a store in another layout: right, lazy, and refused where it cannot be."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.contact_sheet import save_contact_sheet
from ms2l_tf.data.inspect import summarise_poses
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pipeline import evaluation_batches, padded_batch
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons import JointMapping, SkeletonLayout, load_mapping
from tests.helpers import tiny_layout, write_dataset

TARGET = SkeletonLayout(
    name="tiny_3",
    joints=("pelvis", "neck", "hands"),
    edges=((0, 1), (2, 1)),
    bones=((0, 1), (2, 1)),
    graph_centre=1,
    mirror=(0, 1, 2),
    anchors={"root": (0,), "spine_top": (1,)},
    parts={"trunk": (0, 1, 2)},
)
WEIGHTS = np.array([[0.5, 0.5, 0, 0, 0], [0, 0, 1.0, 0, 0], [0, 0, 0, 0.5, 0.5]])
MAPPING = JointMapping("tiny_5_to_tiny_3", tiny_layout(), TARGET, WEIGHTS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PoseStore:
    """Two persons, one of them absent from the first clip, which misses a joint for a while."""
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny").poses("tiny_5")


class Spy:
    """An array that remembers what it was asked for."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape = array, array.shape
        self.asked: list[Any] = []

    def __getitem__(self, key: Any, /) -> np.ndarray:
        self.asked.append(key)
        return np.asarray(self.array[key])


def test_it_is_the_mapping_of_the_whole_array(store: PoseStore) -> None:
    whole = MAPPING.apply(store.coords[:])
    result = mapped(store, MAPPING)
    assert result.coords.shape == whole.shape == (*store.coords.shape[:2], 3, 3)
    assert result.coords[:].dtype == np.float32
    np.testing.assert_array_equal(result.coords[:], whole)
    np.testing.assert_array_equal(result.coords[7:20], whole[7:20])
    np.testing.assert_array_equal(result.coords[2:9, 1], whole[2:9, 1])
    for clip in range(len(store.lengths)):
        frames = slice(store.offsets[clip], store.offsets[clip + 1])
        np.testing.assert_array_equal(result.poses(clip).coords, whole[frames])
        np.testing.assert_array_equal(result.poses(clip).present, store.poses(clip).present)


def test_missing_joints_stay_missing(store: PoseStore) -> None:
    """A hand is missing in two frames of the first clip, all joints of an absent person are."""
    first = mapped(store, MAPPING).poses(0).coords
    gap = np.isnan(first).any(axis=-1)
    np.testing.assert_array_equal(np.argwhere(gap[:, 0]), [[1, 2], [2, 2]])
    assert gap[:, 1].all()


def test_what_the_mapping_does_not_touch_is_the_same(store: PoseStore) -> None:
    result = mapped(store, MAPPING)
    assert result.layout is TARGET
    assert (result.num_persons, result.num_coords) == (2, 3)
    for name in ("frame_rate", "unit", "axes", "offsets", "present"):
        assert getattr(result, name) is getattr(store, name)
    assert result.confidence is None
    np.testing.assert_array_equal(result.lengths, store.lengths)


def test_confidence_is_the_least_of_the_averaged_joints(store: PoseStore) -> None:
    confidence = np.random.default_rng(0).random(store.coords.shape[:3]).astype(np.float32)
    result = mapped(dataclasses.replace(store, confidence=confidence), MAPPING)
    assert result.confidence is not None
    assert result.confidence.shape == (*store.coords.shape[:2], 3)
    expected = [confidence[..., :2].min(-1), confidence[..., 2], confidence[..., 3:].min(-1)]
    np.testing.assert_array_equal(result.confidence[:], np.stack(expected, axis=-1))
    np.testing.assert_array_equal(result.poses(3).confidence, result.confidence[:][_of(store, 3)])


def _of(store: PoseStore, clip: int) -> slice:
    return slice(int(store.offsets[clip]), int(store.offsets[clip + 1]))


def test_only_the_frames_asked_for_are_read(store: PoseStore) -> None:
    spy = Spy(store.coords)
    result = mapped(dataclasses.replace(store, coords=spy), MAPPING)
    assert (result.num_persons, result.num_coords, result.coords.shape[2]) == (2, 3, 3)
    assert spy.asked == []
    padded_batch(result, np.array([4, 2]))
    assert spy.asked == [_of(store, 4), _of(store, 2)]


@given(clips=st.lists(st.integers(0, 17), min_size=1, max_size=5))
def test_mapping_then_batch_is_batch_then_mapping(store: PoseStore, clips: list[int]) -> None:
    indices = np.array(clips)
    ours = padded_batch(mapped(store, MAPPING), indices)
    theirs = padded_batch(store, indices)
    np.testing.assert_array_equal(ours.pop("coords"), MAPPING.apply(theirs.pop("coords")))
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value)


def test_normalised_batches_are_those_of_the_target_layout(store: PoseStore) -> None:
    """Torso lengths from the target's own anchors; missing joints filled in after the mapping."""
    result = mapped(store, MAPPING)
    settings: dict[str, Any] = {"frames": 6, "rotation": "none", "persons": 1}
    normaliser = Normaliser.for_store(result, **settings)
    for batch in evaluation_batches(result, np.arange(4), normaliser, batch=4):
        poses = batch["poses"].numpy()
        assert poses.shape == (4, 6, 1, 3, 3)
        assert np.isfinite(poses).all()
        np.testing.assert_allclose(poses[..., 0, :], 0, atol=1e-6)
        torso = np.linalg.norm(poses[..., 1, :], axis=-1).mean(axis=(1, 2))
        np.testing.assert_allclose(torso, 1, rtol=0.05)


def test_summary_and_contact_sheet(tiny_dataset: ClipDataset, tmp_path: pathlib.Path) -> None:
    """What else reads a store reads a mapped one."""
    result = mapped(tiny_dataset.poses("tiny_5"), MAPPING)
    assert summarise_poses(result)["joints"] == 3
    with_mapped = dataclasses.replace(tiny_dataset, _stores={"tiny_3": result})
    save_contact_sheet(with_mapped, "tiny_3", tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()


def test_a_mapping_from_another_layout(store: PoseStore) -> None:
    with pytest.raises(InputError, match=r"maps from kinect_v2_25, .* in tiny_5; .* none; choose"):
        mapped(store, load_mapping("kinect_v2_25_to_kinect_v1_20"))
    kinect = dataclasses.replace(store, layout=dataclasses.replace(store.layout, name="smplx_42"))
    with pytest.raises(
        InputError, match="from there: smplx_42_to_coco_17, smplx_42_to_smpl_24; choose"
    ):
        mapped(kinect, MAPPING)


def test_a_layout_of_the_same_name_with_other_joints(store: PoseStore) -> None:
    joints = ("hip_right", "hip_left", *tiny_layout().joints[2:])
    other = dataclasses.replace(MAPPING, source_layout=tiny_layout(joints=joints))
    with pytest.raises(InputError, match="its tiny_5 has other joints than the tiny_5 of the data"):
        mapped(store, other)


def test_joints_without_counterpart_are_named(store: PoseStore) -> None:
    weights = WEIGHTS * [[0], [1], [0]]
    with pytest.raises(
        InputError, match="tiny_5 has no counterpart of pelvis, hands in tiny_3; map to a layout"
    ) as caught:
        mapped(store, dataclasses.replace(MAPPING, weights=weights))
    assert "\n" not in str(caught.value)
