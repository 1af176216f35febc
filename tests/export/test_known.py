"""Familiarity: a rank among held-out training clips, by the nearest of the others."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.export.known import KnownClips, read_known, write_known
from tests.helpers import random_poses


def clips(count: int, *, groups: bool = True, labels: int = 3) -> ClipFeatures:
    numbers = np.arange(count)
    return ClipFeatures(
        features=random_poses(count, 4),
        labels=numbers % labels,
        names=np.array([f"c{number}" for number in numbers]),
        groups=numbers // 6 if groups else None,
    )


def test_familiarity_is_a_rank() -> None:
    directions = np.eye(3, dtype=np.float32)
    known = KnownClips(directions, np.array([0.2, 0.5, 0.9], np.float32))
    features = np.array([[5, 0, 0], [0, 0, 0], [1, 1, 1], [-1, 0, -1]], np.float32)
    np.testing.assert_allclose(known.familiarity(features), [1, 0.25, 0.75, 0.25])
    assert known.familiarity(np.empty((0, 3), np.float32)).shape == (0,)


def test_known_actions_of_others_are_refused_as_often_as_said(tmp_path: pathlib.Path) -> None:
    """Features are alike: those held out are no different from new ones."""
    write_known(tmp_path, clips(600))
    known = read_known(tmp_path, 4)
    assert known is not None
    assert len(known.held_out) == 600, "each clip is held out once"
    assert (np.diff(known.held_out) >= 0).all()
    share = known.familiarity(random_poses(3000, 4, seed=5))
    for threshold in (0.05, 0.2, 0.5):
        assert (share < threshold).mean() == pytest.approx(threshold, abs=0.06)


def test_a_clip_is_near_to_those_of_other_groups(tmp_path: pathlib.Path) -> None:
    """Two that are equal, of one group: neither is the other's nearest; without groups it is."""
    features = np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]], np.float32)
    groups = np.array(["a", "a", "b", "b"])
    for given, expected in ((groups, [0, 0.6, 0.6, 0.6]), (None, [0.8, 0.8, 1, 1])):
        folder = tmp_path / str(given is None)
        folder.mkdir()
        names = np.array(["c0", "c1", "c2", "c3"])
        write_known(folder, ClipFeatures(features, np.zeros(4, int), names, groups=given))
        known = read_known(folder, 2)
        assert known is not None
        np.testing.assert_allclose(known.held_out, expected, atol=1e-6)


def test_nothing_is_written_of_one_clip(tmp_path: pathlib.Path) -> None:
    write_known(tmp_path, clips(1))
    assert list(tmp_path.iterdir()) == []
    assert read_known(tmp_path, 4) is None


def test_damage_is_told(tmp_path: pathlib.Path) -> None:
    write_known(tmp_path, clips(60))
    with pytest.raises(InputError, match=r"known.npy: is damaged; export the run again"):
        read_known(tmp_path, 5)
    path = tmp_path / "held_out.npy"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match=r"known.npy: is damaged; export the run again"):
        read_known(tmp_path, 4)
