"""The epochs of a run: one loop for every model and protocol, resumable."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from ms2l_tf.config import TrainingConfig
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.weights import save_weights
from ms2l_tf.training.callbacks import HistoryFile, StopWhenDiverged
from ms2l_tf.training.checkpoints import Checkpoints


def run_epochs(
    folder: RunFolder,
    settings: TrainingConfig,
    replicas: tf.distribute.Strategy,
    *,
    steps: int,
    make_model: Callable[[], keras.Model],
    make_optimizer: Callable[[], keras.optimizers.Optimizer],
    started: Callable[[], None],
    batches: Callable[[int], tf.data.Dataset],
    monitor: Callable[[keras.Model], keras.callbacks.Callback | None],
) -> keras.Model:
    """Trains from the newest checkpoint of the folder, or the start, to the last epoch.

    Args:
        folder: of the run; at the end ``model.weights.h5`` holds the weights of the last epoch.
        settings: seed and number of epochs.
        replicas: under which model and optimiser are made.
        steps: an epoch.
        make_model: the model with its weights, with a `train_step` of its own.
        make_optimizer: what trains it.
        started: writes the records of the run; called once nothing can be refused any more.
        batches: from the number of the first step to an endless dataset.
        monitor: adds readings to the logs, or None.

    Raises:
        InputError: another command trains the same folder.
    """
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    with replicas.scope():
        model = make_model()
        model.compile(optimizer=make_optimizer())
        started()
    with folder.locked():
        _fit(model, folder, settings, replicas, steps, batches, monitor)
    return model


def _fit(
    model: keras.Model,
    folder: RunFolder,
    settings: TrainingConfig,
    replicas: tf.distribute.Strategy,
    steps: int,
    batches: Callable[[int], tf.data.Dataset],
    monitor: Callable[[keras.Model], keras.callbacks.Callback | None],
) -> None:
    with replicas.scope():
        checkpoints = Checkpoints(model, folder)
    first = checkpoints.restore()
    folder.prolong(settings.epochs)
    begun = time.perf_counter()
    model.fit(
        batches(first * steps),
        steps_per_epoch=steps,
        epochs=settings.epochs,
        initial_epoch=first,
        shuffle=False,  # the pipeline shuffles; Keras would warn that it cannot
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=_callbacks(monitor(model), folder, checkpoints, first),
    )
    folder.write_timing(time.perf_counter() - begun, settings.epochs - first)
    save_weights(model, folder.weights)


def _callbacks(
    monitor: keras.callbacks.Callback | None,
    folder: RunFolder,
    checkpoints: Checkpoints,
    first: int,
) -> list[keras.callbacks.Callback]:
    """The monitor comes early: it adds to the logs that the others write; checkpoints last."""
    found = [StopWhenDiverged(folder), *([] if monitor is None else [monitor])]
    if importlib.util.find_spec("tensorboard"):
        found.append(keras.callbacks.TensorBoard(str(folder.tensorboard)))
    else:
        print("tensorboard is not installed; history.csv has the same numbers", file=sys.stderr)
    return [*found, HistoryFile(folder, first), checkpoints]
