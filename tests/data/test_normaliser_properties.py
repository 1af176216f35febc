"""What leaves normalised poses as they are, and the normaliser inside graphs and files."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.data.normaliser import Normaliser
from tests.helpers import assert_close, motion, tiny_layout

T = 12
LAYOUT = tiny_layout()
PROPERTY = settings(deadline=None, max_examples=25)

angles = st.floats(-3.2, 3.2)
seeds = st.integers(0, 1000)
lengths = st.integers(1, 20)


@functools.cache
def graph(centre: str, rotation: str) -> Any:
    """The normaliser traced once for clips of any length: much faster than one by one."""
    layer = Normaliser(LAYOUT.anchors, frames=T, persons=2, centre=centre, rotation=rotation)
    signature = [tf.TensorSpec([None, None, 2, 5, 3]), tf.TensorSpec([None], tf.int32)]
    return tf.function(lambda *one: layer(*one)[0], input_signature=signature)


def normalised(clip: np.ndarray, *, centre: str = "frame", rotation: str = "first") -> Any:
    """[F, M, J, C] -> [T, 2, J, C]."""
    return graph(centre, rotation)(clip[None].astype(np.float32), [len(clip)]).numpy()[0]


def turned(clip: np.ndarray, *about: float) -> np.ndarray:
    """Turned about x, then y, then z."""
    for axis, angle in enumerate(about):
        matrix = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        matrix[[a, b], [a, b]] = np.cos(angle)
        matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
        clip = clip @ matrix.T
    return clip


@pytest.mark.parametrize("rotation", ["first", "clip"])
@pytest.mark.parametrize("centre", ["frame", "clip"])
@PROPERTY
@given(
    seed=seeds,
    length=lengths,
    about=st.tuples(angles, angles, angles),
    shift=st.tuples(*[st.floats(-5, 5)] * 3),
    size=st.floats(0.1, 10),
)
def test_where_and_how_large_the_person_is_changes_nothing(
    centre: str,
    rotation: str,
    seed: int,
    length: int,
    about: tuple[float, ...],
    shift: tuple[float, ...],
    size: float,
) -> None:
    clip = motion(length, seed=seed, persons=2)
    moved = size * turned(clip, *about) + np.array(shift)
    expected = normalised(clip, centre=centre, rotation=rotation)
    # Five metres beside a body part of 2 cm costs some digits of float32.
    assert_close(normalised(moved, centre=centre, rotation=rotation), expected, 2e-3)


@PROPERTY
@given(seed=seeds, length=lengths, yaw=angles)
def test_vertical_forgets_the_yaw_and_keeps_up(seed: int, length: int, yaw: float) -> None:
    clip = turned(motion(length, seed=seed, persons=2), 0.3, 0.0, -0.2)
    poses = normalised(clip, rotation="vertical")
    assert_close(normalised(turned(clip, 0, yaw, 0), rotation="vertical"), poses, 1e-4)
    assert_close(poses[..., 1], normalised(clip, rotation="none")[..., 1], 1e-4)


@pytest.mark.parametrize("rotation", ["first", "clip", "vertical", "none"])
@PROPERTY
@given(seed=seeds, length=lengths)
def test_a_mirrored_clip_gives_mirrored_poses(rotation: str, seed: int, length: int) -> None:
    def mirrored(poses: np.ndarray) -> np.ndarray:
        return poses[..., list(LAYOUT.mirror), :] * np.array([-1, 1, 1], np.float32)

    clip = motion(length, seed=seed, persons=2)
    expected = mirrored(normalised(clip, rotation=rotation))
    assert_close(normalised(mirrored(clip), rotation=rotation), expected, 1e-4)


@PROPERTY
@given(
    seed=seeds,
    length=lengths,
    extra=st.integers(0, 9),
    padding=st.sampled_from([0.0, 1e6, np.nan, np.inf]),
    flawed=st.booleans(),
)
def test_padding_and_batch_mates_change_nothing(
    seed: int, length: int, extra: int, padding: float, flawed: bool
) -> None:
    clip = motion(length, seed=seed, persons=2)
    if flawed:
        clip[::2, 0, 3] = np.nan
        clip[1:, 1] = np.nan
    mate = motion(7, seed=seed + 1, persons=2)
    coords = np.full((2, max(length, 7) + extra, 2, 5, 3), padding, np.float32)
    coords[0, :length], coords[1, :7] = clip, mate
    poses = graph("frame", "first")(coords, [length, 7])
    assert_close(poses[0], normalised(clip), 1e-6)
    assert_close(poses[1], normalised(mate), 1e-6)


def test_the_body_frame_is_what_it_says() -> None:
    """Over the clip, hips lie along +x and the spine in the plane of x and y, upwards."""
    clip = turned(motion(T, seed=3, persons=2), 0.4, 2.0, -0.7)
    main = normalised(clip, rotation="clip")[:, 0]
    hips = (main[:, 0] - main[:, 1]).mean(axis=0)
    assert hips[0] > 0.1
    assert_close(hips[1:], [0, 0])
    spine = main[:, 2].mean(axis=0)
    assert spine[1] > 0.9
    assert_close(spine[2], 0.0)
    assert_close(np.linalg.norm(main[:, 2], axis=-1).mean(), 1.0)


def inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three clips, one of them with a gap: coords, lengths, present."""
    lengths = np.array([6, 1, 9], np.int32)
    coords = np.zeros((3, 9, 2, 5, 3), np.float32)
    for row, length in zip(coords, lengths, strict=True):
        row[:length] = motion(int(length), persons=2)
    coords[2, 3:5, 0, 4] = np.nan
    return coords, lengths, np.ones(coords.shape[:3], bool)


def layer() -> Normaliser:
    return Normaliser(LAYOUT.anchors, frames=T, persons=2, rotation="vertical")


def test_the_same_inside_a_function_and_a_pipeline() -> None:
    coords, lengths, present = inputs()
    expected = layer()(coords, lengths, present)[0]
    signature = [
        tf.TensorSpec([None, None, 2, 5, 3]),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, None, 2], tf.bool),
    ]
    traced = tf.function(lambda *one: layer()(*one)[0], input_signature=signature)
    assert_close(traced(coords, lengths, present), expected, 1e-6)
    assert traced(coords[:, :1], [1, 1, 1], present[:, :1]).shape == [3, T, 2, 5, 3]
    rows = tf.data.Dataset.from_tensor_slices((coords, lengths, present)).batch(2)
    batches = [poses for poses, _ in rows.map(layer())]
    assert_close(tf.concat(batches, axis=0), expected, 1e-6)


def test_the_same_after_saving(tmp_path: pathlib.Path) -> None:
    coords, lengths, _ = inputs()
    expected = layer()(coords, lengths)[0]
    spec = [keras.Input([None, 2, 5, 3]), keras.Input([], dtype="int32")]
    model = keras.Model(spec, layer()(*spec)[0])
    model.save(tmp_path / "normaliser.keras")
    copy = keras.saving.load_model(tmp_path / "normaliser.keras")
    assert_close(copy([coords, lengths]), expected, 1e-6)
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved").serve([coords, lengths])
    assert_close(served, expected, 1e-6)
