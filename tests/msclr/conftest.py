"""A small dataset in several layouts, and a run on it, by short names."""

from __future__ import annotations

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.runs.folder import RunFolder


@pytest.fixture(scope="session")
def dataset(clr_dataset: ClipDataset) -> ClipDataset:
    return clr_dataset


@pytest.fixture(scope="session")
def run(clr_run: RunFolder) -> RunFolder:
    return clr_run
