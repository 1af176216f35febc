from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ms2l_tf.data.outliers import MAX_DISTANCE, body_length, far_joints, lacks_torso
from tests.helpers import REST_POSE, motion, tiny_layout

ANCHORS = tiny_layout().anchors
TORSO = 0.5


def person(length: int = 90, seed: int = 0) -> np.ndarray:
    return motion(length, seed=seed)[:, 0]


@pytest.mark.parametrize("joint", range(5))
@pytest.mark.parametrize("frames", [slice(None), slice(0, 1), slice(40, 41), slice(80, None)])
@pytest.mark.parametrize("value", [150.0, 1e4, 1e7, -1e7, 3e38])
def test_a_joint_that_lies_off_is_found_alone(joint: int, frames: slice, value: float) -> None:
    coords = person()
    wanted = np.zeros(coords.shape[:2], bool)
    coords[frames, joint, 1] = value
    wanted[frames, joint] = True
    distances = far_joints(coords, ANCHORS, 30.0, MAX_DISTANCE)
    assert distances is not None
    np.testing.assert_array_equal(distances > MAX_DISTANCE, wanted)
    if frames != slice(None):  # an anchor that always lies off leaves no torso to measure with
        assert distances[wanted][0] == pytest.approx(abs(value) / TORSO, rel=0.1)


def test_frames_in_which_all_joints_lie_off_are_found() -> None:
    coords = person()
    coords[10:20, 1:] = 1e6
    coords[50] += 1e6
    distances = far_joints(coords, ANCHORS, 30.0, MAX_DISTANCE)
    assert distances is not None
    far = distances > MAX_DISTANCE
    assert far[10:20, 1:].all()
    assert far[50].all()
    assert far.sum() == 10 * 4 + 5


@given(
    speed=st.floats(0, 12),
    rate=st.sampled_from([1.0, 10.0, 30.0, 240.0]),
    frames=st.integers(1, 400),
    start=st.floats(-1e4, 1e4),
    standing=st.floats(0, 1),
)
def test_running_away_is_no_outlier(
    speed: float, rate: float, frames: int, start: float, standing: float
) -> None:
    seconds = np.maximum(np.arange(frames) / rate - standing * frames / rate, 0)
    coords = np.tile(REST_POSE, (frames, 1, 1))
    coords[..., 2] += (start + speed * seconds)[:, None]
    assert far_joints(coords.astype(np.float32), ANCHORS, rate, MAX_DISTANCE) is None


def test_a_person_who_goes_on_elsewhere_is_no_outlier() -> None:
    coords = person(100)
    coords[47:] += 500.0  # another person has taken the row
    coords[60:70] = np.nan
    distances = far_joints(coords, ANCHORS, 30.0, MAX_DISTANCE)
    assert distances is None or not (distances > MAX_DISTANCE).any()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_lengths_have_the_unit_of_the_poses(scale: float) -> None:
    assert body_length(scale * person(), ANCHORS) == pytest.approx(0.5 * scale, rel=0.05)


@pytest.mark.parametrize("flaw", ["no anchor", "end-on", "zero", "off"])
def test_a_torso_that_says_nothing_is_replaced(flaw: str) -> None:
    coords, anchors = person(), ANCHORS
    root = coords[:, :2].mean(axis=1)
    if flaw == "no anchor":
        anchors = {**ANCHORS, "spine_top": ()}
    elif flaw == "off":
        coords[:, 2] = 1e7
    else:
        coords[:, 2] = root + (0.01 if flaw == "end-on" else 0.0)
    assert 0.2 < body_length(coords, anchors) < 1.0


def test_nothing_seen_and_nothing_large() -> None:
    blank = np.full((4, 5, 3), np.nan, np.float32)
    assert np.isnan(body_length(blank, ANCHORS))
    assert far_joints(blank, ANCHORS, 30.0, MAX_DISTANCE) is None
    assert far_joints(np.ones_like(blank), ANCHORS, 30.0, MAX_DISTANCE) is None
    assert not lacks_torso(blank[:, None], ANCHORS)
    assert lacks_torso(np.ones_like(blank)[:, None], ANCHORS)
    assert not lacks_torso(person()[:, None], ANCHORS)
