"""Training of a run under any protocol, resumable."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.config import UNSUPERVISED, RunConfig
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pipeline import recognition_batches, steps_an_epoch, training_batches
from ms2l_tf.runs.build import build_normaliser, build_optimizer, build_run_model, pose_shape
from ms2l_tf.runs.data import RunData, open_run_data
from ms2l_tf.runs.folder import RunFolder, run_record
from ms2l_tf.runs.initial import open_initial_run
from ms2l_tf.runs.labels import draw_labelled, mend_labelled, write_labelled
from ms2l_tf.runs.weights import check_weights
from ms2l_tf.training.batches import fitted_batch
from ms2l_tf.training.callbacks import AccuracyMonitor, FeatureMonitor
from ms2l_tf.training.distribution import make_strategy
from ms2l_tf.training.loop import run_epochs
from ms2l_tf.training.monitors import accuracy_monitor, feature_monitor


def train(config: RunConfig, workdir: str, *, strategy: str = "auto") -> RunFolder:
    """Trains to the last epoch, or goes on where an interrupted run stopped.

    A run that is told more epochs than before is prolonged: what its schedules make of the number
    of epochs stays as it was planned at the start. An epoch has as many steps as one pass over all
    training clips takes, however few are labelled.

    Args:
        config: settings of the run.
        workdir: its folder.
        strategy: see `make_strategy`.

    Returns:
        The run's folder; ``model.weights.h5`` holds the weights of the last epoch.
    """
    data = open_run_data(config.data)
    folder = RunFolder(workdir)
    record = run_record(config, config.protocol.protocol, data, pose_shape(config, data))
    folder.check(record)
    clips = data.fit if config.data.train_on == "fit" else data.train
    labelled = None
    if config.protocol.protocol != UNSUPERVISED:
        labelled = draw_labelled(config, data, clips, config.data.train_on)
    if folder.trained_to(config.training.epochs):
        check_weights(folder.weights)
        if labelled is not None:
            mend_labelled(folder, config, data, labelled)
        return folder
    # A run that goes on has its weights in its checkpoint; where it started from may be gone.
    initial = None if folder.has_checkpoint else open_initial_run(config, data)
    normaliser = build_normaliser(
        config.normaliser, data.store
    )  # refuses what does not fit the poses
    if initial is not None and labelled is not None:
        initial.check_labels(data, labelled)
        record["init"] = initial.record()
    replicas = make_strategy(strategy, config.training.batch)
    batch = fitted_batch(config, len(clips), replicas=replicas.num_replicas_in_sync)
    steps = steps_an_epoch(len(clips), batch)

    def make_model() -> keras.Model:
        model = build_run_model(config, data, steps_an_epoch=steps)
        if initial is not None:
            initial.load_into(model, config, data)
        return model

    def started() -> None:
        folder.start(record)
        if labelled is not None:
            print(f"reads the labels of {len(labelled)} of {len(clips)} training clips")
            write_labelled(folder, config, data, labelled)

    run_epochs(
        folder,
        config.training,
        replicas,
        steps=steps,
        make_model=make_model,
        make_optimizer=lambda: build_optimizer(
            config.optimiser,
            steps_an_epoch=steps,
            epochs=folder.planned_epochs(config.training.epochs),
        ),
        started=started,
        batches=lambda first: _batches(config, data, normaliser, clips, labelled, batch, first),
        monitor=lambda model: _monitor(config, data, normaliser, model),
    )
    return folder


def _batches(
    config: RunConfig,
    data: RunData,
    normaliser: Normaliser,
    clips: np.ndarray,
    labelled: np.ndarray | None,
    batch: int,
    first_step: int,
) -> tf.data.Dataset:
    """All clips, or labelled clips and, where the tasks are there too, all clips beside them."""
    settings = config.training
    if labelled is None:
        return training_batches(
            data.store,
            clips,
            normaliser,
            batch=batch,
            seed=settings.seed,
            first_step=first_step,
        )
    return recognition_batches(
        data.store,
        labelled,
        data.dataset.labels,
        normaliser,
        unlabelled=clips if config.protocol.has_tasks else None,
        batch=batch,
        seed=settings.seed,
        first_step=first_step,
    )


def _monitor(
    config: RunConfig, data: RunData, normaliser: Normaliser, model: keras.Model
) -> FeatureMonitor | AccuracyMonitor | None:
    if config.protocol.protocol == UNSUPERVISED:
        return feature_monitor(
            config.training, data, normaliser, model.encoder, pooling=config.probes.pooling
        )
    if config.data.train_on != "fit":  # the validation clips are trained on
        return None
    return accuracy_monitor(config.training, data, normaliser, model)
