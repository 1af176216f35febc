"""A synthetic dataset in a packaged layout, and short runs on it."""

from __future__ import annotations

from typing import Any

import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.data.synthetic import generate
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.train import train

LAYOUT = "kinect_v2_25"
QUICK: dict[str, Any] = {"epochs": 1, "frames": 12, "batch": 8, "monitor_epochs": 0}
MS2L_QUICK: dict[str, Any] = {**QUICK, "units": 4, "observed": 4.0, "projection": 4}
KERNELS_QUICK: dict[str, Any] = {"frames": 12, "mixes": 8, "dims": 6, "instance_views": 2}
POINTING_QUICK: dict[str, Any] = {**QUICK, "units": 4, "target_mixes": 8, "target_dims": 6}
MSCLR_QUICK: dict[str, Any] = {**QUICK, "width": 2, "blocks": 2, "projection": 4}


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ClipDataset:
    out = tmp_path_factory.mktemp("data") / "clips"
    layouts = [LAYOUT, "h36m_17"]
    return generate(out, clips=36, seed=3, layouts=layouts, progress=False)


def trained(
    dataset: ClipDataset, factory: pytest.TempPathFactory, method: str, **values: Any
) -> RunFolder:
    quick = MSCLR_QUICK if method == "msclr" else MS2L_QUICK
    config = run_config({"method": method, "data": str(dataset.path), **quick, **values})
    return train(config, str(factory.mktemp("runs") / "run"), strategy="one")


@pytest.fixture(scope="session")
def ms2l_run(dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(dataset, tmp_path_factory, "ms2l", layouts=(LAYOUT,), inputs=("joint", "motion"))


@pytest.fixture(scope="session")
def msclr_run(dataset: ClipDataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(dataset, tmp_path_factory, "msclr", layouts=(LAYOUT, "h36m_17"))
