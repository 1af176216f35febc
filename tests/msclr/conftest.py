"""A small dataset in several layouts, and a run on it."""

from __future__ import annotations

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.runs.folder import RunFolder
from msclr.config import ClrConfig
from msclr.training import train
from tests.msclr.tiny import LAYOUTS, config


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "clr"
    return generate(out, clips=48, seed=2, layouts=[*LAYOUTS, "smpl_24"], progress=False)


@pytest.fixture(scope="session")
def run(dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder[ClrConfig]:
    return train(config(dataset), str(tmp_path_factory.mktemp("runs") / "run"))
