"""The one round of a method that is solved in closed form."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import tensorflow as tf

from ms2l_tf.methods.base import Learner
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.lock import locked
from ms2l_tf.runs.weights import save_weights
from ms2l_tf.settings.config import TrainingConfig
from ms2l_tf.training.callbacks import HistoryFile


def fit_once(
    folder: RunFolder,
    settings: TrainingConfig,
    make_learner: Callable[[], Learner],
    claim: Callable[[], None],
    started: Callable[[], None],
    fit: Callable[[Learner], dict[str, float]],
) -> None:
    """Fits the learner; the run counts as one epoch. Interrupted, it begins again.

    Args:
        folder: of the run; at the end ``model.weights.h5`` holds the weights.
        settings: the seed.
        make_learner: the learner with its weights, as drawn.
        claim: makes the folder one of this run, so that it can be locked.
        started: writes the other records; called under the lock, once nothing can be refused.
        fit: measures the weights, and returns what to log.

    Raises:
        InputError: another command trains the same folder.
    """
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    learner = make_learner()
    claim()
    with locked(folder):
        folder.remove_leftovers()
        started()
        begun = time.perf_counter()
        logs = fit(learner)
        print("fitted: " + ", ".join(f"{name} {value:.4g}" for name, value in logs.items()))
        HistoryFile(folder, 0).on_epoch_end(0, logs)
        seconds = time.perf_counter() - begun
        save_weights(learner, folder.weights)
        folder.write_timing(seconds, 1)  # last: before there are weights it tells of lost ones
