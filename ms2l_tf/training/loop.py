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

from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.batches import Batches
from ms2l_tf.runs.checkpoint_files import START, Position
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.lock import locked
from ms2l_tf.runs.weights import save_weights
from ms2l_tf.settings.config import TrainingConfig
from ms2l_tf.stopping import Stopped
from ms2l_tf.training.callbacks import HistoryFile, StopWhenDiverged
from ms2l_tf.training.checkpoints import Checkpoints
from ms2l_tf.training.distribution import dealt
from ms2l_tf.training.workers import agreeing, are_alone, check_alike, give_weights, is_chief


@dataclasses.dataclass(frozen=True)
class Loop:
    """What the epochs need.

    Attributes:
        make_learner: the learner with its weights, compiled; called under the strategy.
        claim: makes the folder one of this run, so that it can be locked.
        started: writes the other records; called under the lock, once nothing can be refused.
        begin: makes the learner ready before the first step of the run.
        batches: what it trains on.
        monitor: adds readings to the logs, or None.
    """

    make_learner: Callable[[], Learner]
    claim: Callable[[], None]
    started: Callable[[], None]
    begin: Callable[[Learner], None]
    batches: Batches
    monitor: Callable[[Learner], keras.callbacks.Callback | None]


def run_epochs(
    folder: RunFolder,
    settings: TrainingConfig,
    replicas: tf.distribute.Strategy,
    loop: Loop,
    *,
    checkpoint_minutes: float = 0.0,
) -> Learner:
    """Trains from the newest checkpoint of the folder, or the start, to the last epoch.

    Args:
        folder: of the run; at the end ``model.weights.h5`` holds the weights of the last epoch.
        settings: seed and number of epochs.
        replicas: under which learner and optimiser are made.
        loop: what is trained on what.
        checkpoint_minutes: see `Checkpoints`.

    Raises:
        InputError: another command trains the same folder.
        Stopped: a signal asks for it; what was trained is kept.
    """
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    alone, writes = are_alone(replicas), is_chief(replicas)
    with contextlib.ExitStack() as held:
        with replicas.scope():
            learner = loop.make_learner()
        with agreeing(replicas):
            if writes:
                loop.claim()
                held.enter_context(locked(folder))
                folder.remove_leftovers()
                loop.started()
        with replicas.scope():
            checkpoints = Checkpoints(
                learner,
                folder,
                minutes=checkpoint_minutes if alone else 0.0,
                writes=writes,
            )
        with agreeing(replicas):
            start = checkpoints.restore()
        check_alike(replicas, str(start), "the last checkpoint", comes_late=True)
        with agreeing(replicas):
            if writes:
                folder.prolong(settings.epochs)
        if start == START:  # else the checkpoint holds what it made
            with agreeing(replicas), replicas.scope():
                loop.begin(learner)
            give_weights(replicas, learner)
        watching = _watching(loop.monitor(learner), folder, start.epoch) if writes else []
        callbacks = [StopWhenDiverged(folder), *watching, checkpoints]
        try:
            first = _end_epoch(learner, loop.batches, settings.epochs, start, callbacks)
            begun = time.perf_counter()
            _fit(learner, loop.batches, settings.epochs, Position(first), callbacks)
        except Stopped as stopped:
            if alone:  # other workers would have to say what their metrics have summed up
                checkpoints.keep()
            stopped.args = (_told(folder, checkpoints.saved),)
            raise
        with agreeing(replicas):  # the others end when all is written
            if writes:
                folder.write_timing(time.perf_counter() - begun, settings.epochs - first)
                save_weights(learner, folder.weights)
    return learner


def _told(folder: RunFolder, position: Position) -> str:
    if position == START:
        return "no step was trained; the same command starts again"
    return f"{folder.path}: kept as it is after {position}; the same command goes on there"


def _end_epoch(
    learner: Learner,
    batches: Batches,
    epochs: int,
    start: Position,
    callbacks: list[keras.callbacks.Callback],
) -> int:
    """Trains what an interrupt left of an epoch; returns the number of finished epochs."""
    if not start.step:
        return start.epoch
    print(f"goes on after {start}, which has {batches.steps} steps")
    if start.step < batches.steps:
        one = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: setattr(learner, "stop_training", True)
        )
        _fit(learner, batches, epochs, start, [*callbacks, one])
    else:  # stopped by its last step, before history and checkpoint were written
        rest = keras.callbacks.CallbackList(callbacks, model=learner)
        rest.on_train_begin()
        rest.on_epoch_begin(start.epoch)
        rest.on_epoch_end(start.epoch, learner.get_metrics_result())
        rest.on_train_end()
    return start.epoch + 1


def _fit(
    learner: Learner,
    batches: Batches,
    epochs: int,
    start: Position,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Epochs of the steps that are left of the first of them."""
    learner.fit(
        dealt(batches, start.epoch * batches.steps + start.step, learner.distribute_strategy),
        steps_per_epoch=batches.steps - start.step,
        epochs=epochs,
        initial_epoch=start.epoch,
        shuffle=False,  # the pipeline shuffles; Keras would warn that it cannot
        verbose=(1 if sys.stdout.isatty() else 2) if is_chief(learner.distribute_strategy) else 0,
        callbacks=callbacks,
    )


def _watching(
    monitor: keras.callbacks.Callback | None, folder: RunFolder, first: int
) -> list[keras.callbacks.Callback]:
    """What reads and writes numbers; the monitor comes first: it adds to what the others write."""
    callbacks = [] if monitor is None else [monitor]
    if importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(str(folder.tensorboard)))
    else:
        print("tensorboard is not installed; history.csv has the same numbers", file=sys.stderr)
    return [*callbacks, HistoryFile(folder, first)]
