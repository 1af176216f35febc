"""Tiny runs as exported models; copy a folder before writing into it."""

from __future__ import annotations

import pathlib

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.export.export import ExportChoices, export_run
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train
from tests.helpers import TrainedRun, tiny_config


@pytest.fixture(scope="session")
def exported(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The MS2L run on frames of a GRU, of two persons, with a ridge head."""
    out = tmp_path_factory.mktemp("models") / "ms2l"
    export_run(trained_run.folder.path, out, ExportChoices(formats=("keras",)))
    return out


@pytest.fixture(scope="session")
def labelled_run(tiny_dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with labels and a classifier of its own."""
    config = tiny_config(data=str(tiny_dataset.path), method="supervised", epochs=1)
    return train(config, str(tmp_path_factory.mktemp("runs") / "labels"), strategy="one")


@pytest.fixture(scope="session")
def kernels_run(tiny_dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The closed-form encoder."""
    changes = {"method": "kernels", "mixes": 8, "dims": 4, "instance_views": 2, "epochs": 1}
    config = tiny_config(data=str(tiny_dataset.path), **changes)
    return train(config, str(tmp_path_factory.mktemp("runs") / "kernels"), strategy="one")
