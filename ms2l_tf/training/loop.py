"""The epochs of a run: one loop for every method and protocol, resumable."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import sys
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from ms2l_tf.data.pipeline import Share
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.batches import Batches
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.lock import locked
from ms2l_tf.runs.weights import save_weights
from ms2l_tf.settings.config import TrainingConfig
from ms2l_tf.training.callbacks import HistoryFile, StopWhenDiverged
from ms2l_tf.training.checkpoints import Checkpoints
from ms2l_tf.training.workers import agreeing, check_alike, give_weights, is_chief


@dataclasses.dataclass(frozen=True)
class Loop:
    """What the epochs need.

    Attributes:
        make_learner: the learner with its weights, compiled; called under the strategy.
        started: writes the records of the run; called once nothing can be refused any more.
        begin: makes the learner ready before the first step of the run.
        batches: what it trains on.
        monitor: adds readings to the logs, or None.
    """

    make_learner: Callable[[], Learner]
    started: Callable[[], None]
    begin: Callable[[Learner], None]
    batches: Batches
    monitor: Callable[[Learner], keras.callbacks.Callback | None]


def run_epochs(
    folder: RunFolder, settings: TrainingConfig, replicas: tf.distribute.Strategy, loop: Loop
) -> Learner:
    """Trains from the newest checkpoint of the folder, or the start, to the last epoch.

    Args:
        folder: of the run; at the end ``model.weights.h5`` holds the weights of the last epoch.
        settings: seed and number of epochs.
        replicas: under which learner and optimiser are made.
        loop: what is trained on what.

    Raises:
        InputError: another command trains the same folder.
    """
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    writes = is_chief(replicas)
    with contextlib.ExitStack() as held:
        with replicas.scope():
            learner = loop.make_learner()
        with agreeing(replicas):
            if writes:
                loop.started()
                held.enter_context(locked(folder))
        with replicas.scope():
            checkpoints = Checkpoints(learner, folder)
        with agreeing(replicas):
            first = checkpoints.restore()
        check_alike(replicas, str(first), "the last checkpoint's epoch")
        if writes:
            folder.prolong(settings.epochs)
        begun = time.perf_counter()
        if not first:  # else the checkpoint holds what it made
            with agreeing(replicas), replicas.scope():
                loop.begin(learner)
            give_weights(replicas, learner)
        learner.fit(
            _dealt(loop.batches, first * loop.batches.steps, replicas),
            steps_per_epoch=loop.batches.steps,
            epochs=settings.epochs,
            initial_epoch=first,
            shuffle=False,  # the pipeline shuffles; Keras would warn that it cannot
            verbose=(1 if sys.stdout.isatty() else 2) if writes else 0,
            callbacks=_callbacks(loop.monitor(learner), folder, checkpoints, first)
            if writes
            else [StopWhenDiverged(folder)],
        )
        with agreeing(replicas):  # the others end when all is written
            if writes:
                folder.write_timing(time.perf_counter() - begun, settings.epochs - first)
                save_weights(learner, folder.weights)
    return learner


def _dealt(
    batches: Batches, first_step: int, strategy: tf.distribute.Strategy
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """The batches from a step on: each worker reads its rows alone, each replica gets its own."""

    def share(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        rows = batches.begin(first_step, Share(context.input_pipeline_id, workers))
        if context.num_replicas_in_sync == workers:
            return rows
        return rows.rebatch(batches.batch // context.num_replicas_in_sync, drop_remainder=True)

    return strategy.distribute_datasets_from_function(share)


def _callbacks(
    monitor: keras.callbacks.Callback | None,
    folder: RunFolder,
    checkpoints: Checkpoints,
    first: int,
) -> list[keras.callbacks.Callback]:
    """The monitor comes early: it adds to the logs that the others write; checkpoints last."""
    callbacks = [StopWhenDiverged(folder), *([] if monitor is None else [monitor])]
    if importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(str(folder.tensorboard)))
    else:
        print("tensorboard is not installed; history.csv has the same numbers", file=sys.stderr)
    return [*callbacks, HistoryFile(folder, first), checkpoints]
