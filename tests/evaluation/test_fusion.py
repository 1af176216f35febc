"""Late fusion by hand, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.fusion import THREE_STREAM, fuse
from tests.helpers import assert_close, random_poses

JOINT = np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
BONE = np.array([[0.0, 3.0, 0.0], [1.0, 0.0, 0.0]])
MOTION = np.array([[0.0, 0.0, 5.0], [0.0, 0.0, 1.0]])
STREAMS = {"joint": JOINT, "bone": BONE, "motion": MOTION}


def test_the_published_weights_by_hand() -> None:
    fused = fuse(STREAMS, THREE_STREAM)
    assert_close(fused, [[1.2, 1.8, 2.6], [0.6, 0.6, 0.4]])


def test_without_weights_it_is_the_mean() -> None:
    assert_close(fuse(STREAMS), (JOINT + BONE + MOTION) / 3)
    assert_close(fuse({"joint": JOINT}), JOINT)


def test_what_cannot_matter_does_not() -> None:
    """The order of the names, a common factor of the weights, a constant added to a row."""
    streams = {name: random_poses(50, 7, seed=n) for n, name in enumerate(THREE_STREAM)}
    fused = fuse(streams, THREE_STREAM)
    assert_close(fuse(dict(reversed(streams.items())), THREE_STREAM), fused)
    twice = fuse(streams, {name: 2 * weight for name, weight in THREE_STREAM.items()})
    assert_close(twice, 2 * fused)
    shifted = {name: logits + random_poses(50, 1) for name, logits in streams.items()}
    np.testing.assert_array_equal(fuse(shifted, THREE_STREAM).argmax(1), fused.argmax(1))


def test_an_unseen_class_stays_impossible_and_no_weight_means_no_say() -> None:
    unseen = BONE.copy()
    unseen[:, 1] = -np.inf
    fused = fuse({"joint": JOINT, "bone": unseen}, {"joint": 1.0, "bone": 1.0})
    assert (fused[:, 1] == -np.inf).all()
    assert np.isfinite(fused[:, [0, 2]]).all()
    assert_close(fuse({"joint": JOINT, "bone": unseen}, {"joint": 1.0, "bone": 0.0}), JOINT)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        ({}, "no logits to fuse"),
        ({**STREAMS, "bone": BONE[:1]}, "'bone' has 1 clips of 3 classes, 'joint' has 2 clips"),
        ({**STREAMS, "bone": BONE[:, :2]}, "'bone' has 2 clips of 2 classes, 'joint' has 2"),
        ({**STREAMS, "bone": BONE[0]}, r"'bone' has logits of shape \(3,\)"),
        ({**STREAMS, "bone": BONE * np.nan}, "'bone' has a logit that is NaN .* in row 0"),
        ({"joint": JOINT, "bone": BONE}, "'motion' has a weight but no logits; .* joint, bone"),
        ({**STREAMS, "speed": BONE}, "'speed' has no weight; .* joint, bone, motion"),
    ],
)
def test_bad_logits(logits: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fuse(logits, THREE_STREAM)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_bad_weights(weight: float) -> None:
    with pytest.raises(InputError, match="weight of 'bone' is"):
        fuse(STREAMS, {**THREE_STREAM, "bone": weight})


def test_weights_of_nothing() -> None:
    with pytest.raises(InputError, match=r"all weights .* are 0"):
        fuse(STREAMS, dict.fromkeys(STREAMS, 0.0))
