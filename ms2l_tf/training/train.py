"""Training of a run under any protocol, resumable."""

from __future__ import annotations

import importlib.util
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf import files
from ms2l_tf.config import UNSUPERVISED, RunConfig
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pipeline import recognition_batches, steps_an_epoch, training_batches
from ms2l_tf.evaluation.features import class_logits, encoder_features
from ms2l_tf.runs.build import build_normaliser, build_optimizer, build_run_model, pose_shape
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.runs.folder import RunFolder, run_record
from ms2l_tf.runs.initial import open_initial_run
from ms2l_tf.runs.labels import draw_labelled, write_labelled
from ms2l_tf.runs.weights import save_weights
from ms2l_tf.training.callbacks import AccuracyMonitor, Checkpoints, FeatureMonitor, HistoryFile
from ms2l_tf.training.distribution import make_strategy

MONITOR_CLIPS = 2000  # the monitors look at no more fit and validation clips than this


def train(config: RunConfig, workdir: str, *, strategy: str = "auto") -> RunFolder:
    """Trains to the last epoch, or goes on where an interrupted run stopped.

    An epoch has as many steps as one pass over all training clips takes, however few are labelled.

    Args:
        config: settings of the run.
        workdir: its folder.
        strategy: see `make_strategy`.

    Returns:
        The run's folder; ``model.weights.h5`` holds the weights of the last epoch.
    """
    data = open_run_data(config)
    folder = RunFolder(workdir)
    record = run_record(config, data, pose_shape(config, data))
    if folder.finished:
        folder.check(record)
        return folder
    # A run that goes on has its weights in its checkpoint; where it started from may be gone.
    initial = None if folder.has_checkpoint else open_initial_run(config, data)
    normaliser = build_normaliser(config, data.store)  # refuses what does not fit the poses
    clips = data.fit if config.data.train_on == "fit" else data.train
    labelled = None
    if config.protocol.protocol != UNSUPERVISED:
        labelled = draw_labelled(config, data, clips)
    if initial is not None and labelled is not None:
        initial.check_labels(data, labelled)
        record["init"] = initial.record()
    replicas = make_strategy(strategy, config.training.batch)
    folder.check(record)
    _make_deterministic(config)
    steps = steps_an_epoch(len(clips), config.training.batch)
    with replicas.scope():
        model = build_run_model(config, data, steps_an_epoch=steps)
        if initial is not None:
            initial.load_into(model, config, data)
        model.compile(
            optimizer=build_optimizer(
                config.optimiser, steps_an_epoch=steps, epochs=config.training.epochs
            )
        )
        folder.start(record)
        checkpoints = Checkpoints(model, folder)
    if labelled is not None:
        write_labelled(folder, config, data, labelled)
    first = checkpoints.restore()
    started = time.perf_counter()
    model.fit(
        _batches(config, data, normaliser, clips, labelled, first * steps),
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


def _batches(
    config: RunConfig,
    data: RunData,
    normaliser: Normaliser,
    clips: np.ndarray,
    labelled: np.ndarray | None,
    first_step: int,
) -> tf.data.Dataset:
    """All clips, or labelled clips and, where the tasks are there too, all clips beside them."""
    settings = config.training
    if labelled is None:
        return training_batches(
            data.store,
            clips,
            normaliser,
            batch=settings.batch,
            seed=settings.seed,
            first_step=first_step,
        )
    return recognition_batches(
        data.store,
        labelled,
        data.dataset.labels,
        normaliser,
        unlabelled=clips if config.protocol.has_tasks else None,
        batch=settings.batch,
        seed=settings.seed,
        first_step=first_step,
    )


def _callbacks(
    config: RunConfig,
    data: RunData,
    model: keras.Model,
    folder: RunFolder,
    checkpoints: Checkpoints,
    first: int,
) -> list[keras.callbacks.Callback]:
    """The monitor comes first: it adds to the logs that the others write; checkpoints last."""
    found: list[keras.callbacks.Callback] = []
    if config.training.monitor_epochs and len(data.validation):
        if config.protocol.protocol == UNSUPERVISED:
            found.append(_feature_monitor(config, data, model))
        elif config.data.train_on == "fit":  # otherwise the validation clips are trained on
            found.append(_accuracy_monitor(config, data, model))
    if importlib.util.find_spec("tensorboard"):
        found.append(keras.callbacks.TensorBoard(str(folder.tensorboard)))
    else:
        print("tensorboard is not installed; history.csv has the same numbers", file=sys.stderr)
    return [*found, HistoryFile(folder, first), checkpoints]


def _feature_monitor(config: RunConfig, data: RunData, model: keras.Model) -> FeatureMonitor:
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


def _accuracy_monitor(config: RunConfig, data: RunData, model: keras.Model) -> AccuracyMonitor:
    normaliser = build_normaliser(config, data.store)
    clips = _thinned(data.validation)
    return AccuracyMonitor(
        lambda: class_logits(model, data.store, clips, normaliser),
        data.dataset.labels[clips],
        every=config.training.monitor_epochs,
        epochs=config.training.epochs,
    )


def _thinned(indices: np.ndarray) -> np.ndarray:
    """At most MONITOR_CLIPS of them, evenly spaced."""
    step = max(1, -(-len(indices) // MONITOR_CLIPS))
    return indices[::step]


def _finish(model: keras.Model, folder: RunFolder, seconds: float, epochs: int) -> None:
    timing = {"training_seconds": round(seconds, 1), "epochs_timed": epochs}
    files.write_json(folder.path / "timing.json", timing)
    save_weights(model, folder.weights)
