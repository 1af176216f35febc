"""Settings of networks small enough to train in a test."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training import loop
from msclr.config import ClrConfig
from msclr.data import open_clr_data
from msclr.evaluation import build_run_model
from msclr.initial import with_initial_run
from msclr.training import train

LAYOUTS = ("kinect_v2_25", "h36m_17")
TINY: dict[str, Any] = {
    "layouts": LAYOUTS, "frames": 8, "width": 2, "blocks": 2, "temporal_kernel": 3, "batch": 8,
    "epochs": 2, "monitor_epochs": 1, "projection": 4, "k": (1,), "raw_frames": 4, "dropout": 0.2,
    "learning_rate": 0.05, "validation": "none", "classifier_hidden": (4,),
    "optimiser": "sgd", "decay": "step", "momentum": 0.999,
}  # fmt: skip


def config(dataset: ClipDataset, **changes: Any) -> ClrConfig:
    return ClrConfig.from_flat({"data": str(dataset.path), **TINY, **changes})


def labelled(dataset: ClipDataset, init: str, **changes: Any) -> ClrConfig:
    values = {"data": str(dataset.path), **TINY, "init": init, "protocol": "supervised", **changes}
    return ClrConfig.from_flat(with_initial_run(values, {"layouts"} & set(changes)))


def weights(folder: RunFolder[ClrConfig], settings: ClrConfig) -> list[np.ndarray]:
    model = build_run_model(folder, settings, open_clr_data(settings))
    model.load_weights(folder.weights)
    found: list[np.ndarray] = model.get_weights()
    return found


def assert_same_weights(
    one: RunFolder[ClrConfig], other: RunFolder[ClrConfig], settings: ClrConfig, atol: float = 0
) -> None:
    for mine, its in zip(weights(one, settings), weights(other, settings), strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=atol)


class StoppedAfterOneEpoch(Exception):
    pass


def train_one_epoch(
    settings: ClrConfig, workdir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trains until the first checkpoint is written, then breaks off."""

    class Breaks(loop.Checkpoints):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            super().on_epoch_end(epoch, logs)
            raise StoppedAfterOneEpoch

    with monkeypatch.context() as patch:
        patch.setattr(loop, "Checkpoints", Breaks)
        with pytest.raises(StoppedAfterOneEpoch):
            train(settings, str(workdir))
