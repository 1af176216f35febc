"""Familiarity: the cosine of a clip and the nearest labelled training clip."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from ms2l_tf import ExportedModel
from ms2l_tf.data import ClipDataset
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.export.known import KnownClips, read_known, write_known
from tests.helpers import TrainedRun, random_poses


def clips(count: int) -> ClipFeatures:
    return ClipFeatures(random_poses(count, 4), np.arange(count) % 3)


def test_familiarity_is_the_nearest_cosine() -> None:
    known = KnownClips(np.eye(3, dtype=np.float32)[:2])
    features = np.array([[5, 0, 0], [0, 0, 0], [3, 0, 4], [-1, 0, -1], [0, 0, 1]], np.float32)
    expected = [1, 0, 0.6, 0, 0]
    np.testing.assert_allclose(known.familiarity(features), expected, atol=1e-6)
    assert known.familiarity(np.empty((0, 3), np.float32)).shape == (0,)
    many = random_poses(2500, 3)
    every = (many @ known.directions.T).max(axis=1) / np.linalg.norm(many, axis=1)
    np.testing.assert_allclose(known.familiarity(many), every, atol=1e-6)


def test_what_is_written_is_read(tmp_path: pathlib.Path) -> None:
    assert read_known(tmp_path, 4) is None
    given = clips(60)
    write_known(tmp_path, given)
    known = read_known(tmp_path, 4)
    assert known is not None
    np.testing.assert_allclose(known.familiarity(np.asarray(given.features)), 1, atol=1e-6)


def test_an_exported_model_knows_its_training_clips(
    model: ExportedModel, trained_run: TrainedRun, tiny_dataset: ClipDataset
) -> None:
    split = tiny_dataset.split(trained_run.config.data.split or tiny_dataset.split_names[0])
    rows = split.train[tiny_dataset.poses("tiny_5").seen[split.train]]
    rows = rows[tiny_dataset.labels[rows] >= 0]
    familiar = model.familiarity(model.embed(tiny_dataset, rows))
    assert familiar is not None
    np.testing.assert_allclose(familiar, 1, atol=1e-4)
    strange = model.familiarity(-model.embed(tiny_dataset, rows))
    assert strange is not None
    assert (strange < 0.99).all()


def test_damage_is_told(tmp_path: pathlib.Path) -> None:
    write_known(tmp_path, clips(60))
    with pytest.raises(InputError, match=r"known.npy: is damaged; export the run again"):
        read_known(tmp_path, 5)
    path = tmp_path / "known.npy"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match=r"known.npy: is damaged; export the run again"):
        read_known(tmp_path, 4)
