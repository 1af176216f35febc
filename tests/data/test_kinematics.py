from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation  # type: ignore[import-untyped]

from ms2l_tf.data.kinematics import (
    axis_rotation,
    euler_rotation,
    resample,
    visit_order,
    world_points,
    world_rotations,
)

X, Y, Z = np.eye(3)


@pytest.mark.parametrize(
    ("axis", "fixed", "start", "end"), [("X", X, Y, Z), ("Y", Y, Z, X), ("Z", Z, X, Y)]
)
def test_quarter_turns(axis: str, fixed: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    turn = axis_rotation(axis, np.array(np.pi / 2))
    np.testing.assert_allclose(turn @ fixed, fixed, atol=1e-12)
    np.testing.assert_allclose(turn @ start, end, atol=1e-12)
    np.testing.assert_allclose(turn @ end, -start, atol=1e-12)


@pytest.mark.parametrize("axes", ["", "Y", "XZ", "XYZ", "ZXY", "ZYX", "YZX"])
def test_euler_rotation_is_the_product_as_written(axes: str) -> None:
    angles = np.random.default_rng(0).uniform(-7, 7, (5, len(axes)))
    expected = np.broadcast_to(np.eye(3), (5, 3, 3))
    if axes:  # capitals: about the axes of the turned body, which is the product as written
        expected = Rotation.from_euler(axes, angles).as_matrix()
    np.testing.assert_allclose(euler_rotation(axes, angles), expected, atol=1e-12)


def test_visit_order_has_parents_first_and_leaves_circles_out() -> None:
    assert visit_order([2, 0, -1]) == [2, 0, 1]
    assert visit_order([-1, 2, 1, 0]) == [0, 3]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bones_keep_their_length_and_a_turned_root_turns_everything(seed: int) -> None:
    random = np.random.default_rng(seed)
    parents = [-1, *(int(random.integers(0, joint)) for joint in range(1, 6))]
    offsets = random.normal(size=(6, 3))
    local = Rotation.random(4 * 6, rng=seed).as_matrix().reshape(4, 6, 3, 3)

    def points(local: np.ndarray) -> np.ndarray:
        world = world_rotations(parents, local)
        steps = np.stack(
            [
                world[:, max(parent, 0)] @ offset
                for parent, offset in zip(parents, offsets, strict=True)
            ],
            axis=1,
        )
        steps[:, 0] = 0
        return world_points(parents, steps)

    pose = points(local)
    for joint, parent in enumerate(parents[1:], start=1):
        length = np.linalg.norm(pose[:, joint] - pose[:, parent], axis=-1)
        np.testing.assert_allclose(length, np.linalg.norm(offsets[joint]), rtol=1e-9)
    turn = Rotation.random(rng=seed + 1).as_matrix()
    turned = local.copy()
    turned[:, 0] = turn @ local[:, 0]
    np.testing.assert_allclose(points(turned), pose @ turn.T, atol=1e-9)


def test_resample() -> None:
    line = np.arange(9.0).reshape(9, 1, 1)
    np.testing.assert_array_equal(resample(line, 120, 30), line[::4])
    np.testing.assert_array_equal(resample(line, 1 / 0.0333333, 30), line)
    np.testing.assert_allclose(resample(line, 20, 30)[:, 0, 0], np.arange(13) * 2 / 3)
    np.testing.assert_allclose(resample(line, 50, 30)[:, 0, 0], [0, 5 / 3, 10 / 3, 5, 20 / 3])
    assert len(resample(line[:1], 50, 30)) == 1
