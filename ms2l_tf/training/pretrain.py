"""Self-supervised pre-training of a run, resumable."""

from __future__ import annotations

import importlib.util
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf import files
from ms2l_tf.config import RunConfig
from ms2l_tf.data.pipeline import steps_an_epoch, training_batches
from ms2l_tf.evaluation.features import encoder_features
from ms2l_tf.model import MS2L
from ms2l_tf.runs.build import build_normaliser, build_optimizer, build_run_model
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.training.callbacks import Checkpoints, FeatureMonitor, HistoryFile
from ms2l_tf.training.distribution import make_strategy

PROTOCOL = "unsupervised"
MONITOR_CLIPS = 2000  # the monitors look at no more fit and validation clips than this


def pretrain(config: RunConfig, workdir: str, *, strategy: str = "auto") -> RunFolder:
    """Trains L_self to the last epoch, or goes on where an interrupted run stopped.

    Args:
        config: settings of the run.
        workdir: its folder.
        strategy: see `make_strategy`.

    Returns:
        The run's folder; ``model.weights.h5`` holds the weights of the last epoch.
    """
    data = open_run_data(config)
    normaliser = build_normaliser(config, data.store)  # refuses what does not fit the poses
    replicas = make_strategy(strategy, config.training.batch)
    folder = RunFolder(workdir)
    folder.start(
        config,
        protocol=PROTOCOL,
        dataset=data.dataset.name,
        fingerprint=data.dataset.fingerprint,
    )
    if folder.finished:
        return folder
    _make_deterministic(config)
    clips = data.fit if config.data.train_on == "fit" else data.train
    steps = steps_an_epoch(len(clips), config.training.batch)
    with replicas.scope():
        model = build_run_model(config, data)
        model.compile(
            optimizer=build_optimizer(
                config.optimiser, steps_an_epoch=steps, epochs=config.training.epochs
            )
        )
        checkpoints = Checkpoints(model, folder)
    first = checkpoints.restore()
    batches = training_batches(
        data.store,
        clips,
        normaliser,
        batch=config.training.batch,
        seed=config.training.seed,
        first_epoch=first,
    )
    started = time.perf_counter()
    model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=config.training.epochs,
        initial_epoch=first,
        shuffle=False,  # the pipeline shuffles; Keras would warn that it cannot
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=_callbacks(config, data, model, folder, checkpoints, first),
    )
    _finish(model, folder, time.perf_counter() - started, config.training.epochs - first)
    return folder


def _make_deterministic(config: RunConfig) -> None:
    keras.utils.set_random_seed(config.training.seed)
    tf.config.experimental.enable_op_determinism()


def _callbacks(
    config: RunConfig,
    data: RunData,
    model: MS2L,
    folder: RunFolder,
    checkpoints: Checkpoints,
    first: int,
) -> list[keras.callbacks.Callback]:
    """The monitor comes first: it adds to the logs that the others write; checkpoints last."""
    found: list[keras.callbacks.Callback] = []
    if config.training.monitor_epochs and len(data.validation):
        found.append(_monitor(config, data, model))
    if importlib.util.find_spec("tensorboard"):
        found.append(keras.callbacks.TensorBoard(str(folder.tensorboard)))
    else:
        print("tensorboard is not installed; history.csv has the same numbers", file=sys.stderr)
    return [*found, HistoryFile(folder, first), checkpoints]


def _monitor(config: RunConfig, data: RunData, model: MS2L) -> FeatureMonitor:
    normaliser = build_normaliser(config, data.store)
    parts = [_thinned(part) for part in (data.fit, data.validation)]

    def features() -> tuple[np.ndarray, np.ndarray]:
        fit, validation = (
            encoder_features(
                model.encoder, data.store, part, normaliser, pooling=config.probes.pooling
            )
            for part in parts
        )
        return fit, validation

    labels = (data.dataset.labels[parts[0]], data.dataset.labels[parts[1]])
    return FeatureMonitor(
        features, labels, every=config.training.monitor_epochs, epochs=config.training.epochs
    )


def _thinned(indices: np.ndarray) -> np.ndarray:
    """At most MONITOR_CLIPS of them, evenly spaced."""
    step = max(1, -(-len(indices) // MONITOR_CLIPS))
    return indices[::step]


def _finish(model: MS2L, folder: RunFolder, seconds: float, epochs: int) -> None:
    timing = {"training_seconds": round(seconds, 1), "epochs_timed": epochs}
    files.write_json(folder.path / "timing.json", timing)
    with files.replacing(folder.weights) as temporary:
        model.save_weights(temporary)
