"""Settings of networks small enough to train in a test."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from ms2l_tf.data import ClipDataset
from ms2l_tf.evaluation.layout_features import untrained_learner
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.build import open_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import with_initial_run
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training import loop
from ms2l_tf.training.train import train
from tests.helpers import fitting

LAYOUTS = ("kinect_v2_25", "h36m_17")
TINY: dict[str, Any] = {
    "layouts": LAYOUTS, "frames": 8, "width": 2, "blocks": 2, "temporal_kernel": 3, "batch": 8,
    "epochs": 2, "monitor_epochs": 1, "projection": 4, "k": (1,), "raw_frames": 4, "dropout": 0.2,
    "learning_rate": 0.05, "validation": "none", "classifier_hidden": (4,),
    "optimiser": "sgd", "decay": "step", "momentum": 0.999,
}  # fmt: skip


def config(dataset: ClipDataset, **changes: Any) -> RunConfig:
    values = {"method": "msclr", "data": str(dataset.path), **changes}
    return run_config({**fitting(TINY, values), **values})


def labelled(dataset: ClipDataset, init: str, **changes: Any) -> RunConfig:
    kept = {"batch", "epochs", "monitor_epochs", "k", "raw_frames", "learning_rate", "optimiser"}
    own = {name: TINY[name] for name in (*kept, "decay", "classifier_hidden")}
    values = {"data": str(dataset.path), **own, "init": init, "protocol": "supervised", **changes}
    return run_config(with_initial_run(values))


def weights(folder: RunFolder, settings: RunConfig) -> list[np.ndarray]:
    model = untrained_learner(folder, settings, open_data(settings))
    model.load_weights(folder.weights)
    found: list[np.ndarray] = model.get_weights()
    return found


def assert_same_weights(
    one: RunFolder, other: RunFolder, settings: RunConfig, atol: float = 0
) -> None:
    for mine, its in zip(weights(one, settings), weights(other, settings), strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=atol)


class StoppedAfterOneEpoch(Exception):
    pass


def train_one_epoch(
    settings: RunConfig, workdir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
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
