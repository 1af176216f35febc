"""Training of a run, whatever its method and protocol, resumable."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.data.run_data import RunData
from ms2l_tf.data.splits import held_out_by
from ms2l_tf.errors import InputError, warn
from ms2l_tf.methods.base import Learner, RunShape
from ms2l_tf.methods.batches import Batches, LabelledBatches
from ms2l_tf.methods.mixed_batches import MixedBatches
from ms2l_tf.methods.recogniser import Recogniser
from ms2l_tf.methods.registry import closed_form, contrasts_clips, method_of
from ms2l_tf.runs.build import (
    build_learner,
    build_optimizer,
    open_data,
    reads_points,
    run_shape,
)
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import InitialRun, open_initial_run
from ms2l_tf.runs.labels import draw_labelled, mend_labelled, write_labelled
from ms2l_tf.runs.origin import current_origin, keep_origin
from ms2l_tf.runs.record import recorded_layouts, recorded_number, run_record
from ms2l_tf.runs.starting import check_folder, check_settings, identity, start_run
from ms2l_tf.runs.weights import check_weights
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.training.classifier_start import start_from_probe
from ms2l_tf.training.closed_form import fit_once
from ms2l_tf.training.cluster import MULTIWORKER
from ms2l_tf.training.distribution import make_strategy
from ms2l_tf.training.loop import Loop, run_epochs
from ms2l_tf.training.monitors import accuracy_monitor, feature_monitor
from ms2l_tf.training.workers import agreeing, check_alike, is_chief, loss_told


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What a run is going to do.

    Attributes:
        batches: what it trains on.
        shape: what its learner is built for.
        record: what its folder keeps.
        labelled: clips whose labels it reads, or None.
        initial: the run it starts from, or None.
    """

    batches: Batches
    shape: RunShape
    record: dict[str, Any]
    labelled: np.ndarray | None = None
    initial: InitialRun | None = None


def train(
    config: RunConfig,
    workdir: str,
    *,
    strategy: str = "auto",
    checkpoint_minutes: float = 10.0,
) -> RunFolder:
    """Trains to the last epoch, or goes on where an interrupted run stopped.

    A run that is told more epochs than before is prolonged: what its schedules make of the number
    of epochs stays as it was planned at the start.

    Args:
        config: settings of the run.
        workdir: its folder.
        strategy: see `make_strategy`.
        checkpoint_minutes: see `Checkpoints`; they change nothing of what is computed.

    Returns:
        The run's folder; ``model.weights.h5`` holds the weights of the last epoch.

    Raises:
        InputError: settings, clips or folder do not allow it.
        RunAgainError: one of several workers was lost.
    """
    if strategy == MULTIWORKER and closed_form(config) is not None:
        raise InputError(
            f"--strategy=multiworker: --method={config.model.method} takes no steps that workers "
            "could share, it is fitted in one process; leave the flag out"
        )
    settings, folder = config.training, RunFolder(workdir)
    replicas = make_strategy(strategy, settings.batch, settings.accumulate)
    with loss_told(replicas):
        _train(config, folder, replicas, checkpoint_minutes)
    return folder


def _train(
    config: RunConfig,
    folder: RunFolder,
    replicas: tf.distribute.Strategy,
    checkpoint_minutes: float,
) -> None:
    with agreeing(replicas):  # before the chief writes anything
        data = open_data(config)
        planned = _with_labels if config.reads_labels else _without_labels
        parts = replicas.num_replicas_in_sync * config.training.accumulate
        plan = planned(config, data, folder, parts)
    finished = folder.trained_to(config.training.epochs)
    check_alike(replicas, identity(plan.record), "the checksum of settings and data")
    check_alike(replicas, "there" if finished else "not there", "the trained run", comes_late=True)
    if finished:
        check_weights(folder.weights)
        if plan.labelled is not None and is_chief(replicas):
            mend_labelled(folder, config, data.dataset, plan.labelled)
        return
    solve = closed_form(config)
    if is_chief(replicas):
        _tell(data, plan, config.data.validation, [] if solve else plan.batches.warnings())

    def make_learner() -> Learner:
        learner = build_learner(config, plan.shape)
        if plan.initial is not None:
            plan.initial.load_into(learner)
        if solve is not None:
            return learner
        steps, epochs = plan.shape.steps, plan.shape.epochs
        optimizer = build_optimizer(config.optimiser, learner, steps=steps, epochs=epochs)
        learner.compile(optimizer=optimizer)
        return learner

    def claim() -> None:
        start_run(folder, plan.record)

    def started() -> None:
        keep_origin(folder, current_origin(replicas.num_replicas_in_sync))
        if plan.labelled is not None:
            write_labelled(folder, config, data.dataset, plan.labelled)

    if solve is not None:
        fit = functools.partial(solve, config, data)
        fit_once(folder, config.training, make_learner, claim, started, fit)
        return
    loop = Loop(
        make_learner=make_learner,
        claim=claim,
        started=started,
        begin=functools.partial(_begin, config, data, plan),
        batches=plan.batches,
        monitor=lambda learner: _monitor(config, data, plan.shape, learner),
    )
    run_epochs(folder, config.training, replicas, loop, checkpoint_minutes=checkpoint_minutes)


def _begin(config: RunConfig, data: RunData, plan: _Plan, learner: Learner) -> None:
    """What a learner is given before its first step."""
    if plan.labelled is None:
        method_of(config).begin(config, data, learner)
    elif config.starts_from_probe:
        assert isinstance(learner, Recogniser), "it reads labels"
        start_from_probe(learner, data, plan.labelled)


def _without_labels(config: RunConfig, data: RunData, folder: RunFolder, replicas: int) -> _Plan:
    batches = _batches(config, data, replicas)
    shape = _shape(config, data, folder, batches)
    record = run_record(config, data, shape)
    check_folder(folder, record)
    return _Plan(batches, shape, record)


def _batches(config: RunConfig, data: RunData, replicas: int) -> Batches:
    make = method_of(config).batches
    if not data.others:
        return make(config, data, replicas)
    return MixedBatches(
        config,
        data,
        lambda own, one: make(own, one, replicas),
        points=reads_points(config, data),
    )


def _with_labels(config: RunConfig, data: RunData, folder: RunFolder, replicas: int) -> _Plan:
    """A run that goes on has its weights in its checkpoint; where it started from may be gone."""
    clips = data.reference.trained(config.data.train_on)
    goes_on = folder.flags.is_file() and (folder.has_checkpoint or folder.finished)
    initial = None if goes_on else open_initial_run(config, data)
    labelled = draw_labelled(config, data.reference, clips)
    contrasted = contrasts_clips(config)
    batches = LabelledBatches(
        config, data, clips, labelled, replicas=replicas, contrasted=contrasted
    )
    more: dict[str, Any] = {}
    if goes_on:
        # Before the network's layouts are taken from there.
        check_settings(folder, config.to_json())
        more["layouts"] = recorded_layouts(folder)
        more["layout"] = recorded_number(folder, data.names[0])
    elif initial is not None:
        initial.check_labels(data, labelled)
        more["layouts"], more["layout"] = initial.shape.layouts, initial.layout
    shape = _shape(config, data, folder, batches, **more)
    record = run_record(config, data, shape)
    if initial is not None:
        record["init"] = initial.record()
    check_folder(folder, record)
    return _Plan(batches, shape, record, labelled, initial)


def _shape(
    config: RunConfig, data: RunData, folder: RunFolder, batches: Batches, **more: Any
) -> RunShape:
    epochs = folder.planned_epochs(config.training.epochs)
    clips, steps = len(batches.clips), batches.steps
    return run_shape(config, data, clips=clips, steps=steps, epochs=epochs, **more)


def _tell(data: RunData, plan: _Plan, validation: str, warnings: list[str]) -> None:
    """Says what is peculiar about the clips, beside the warnings."""
    for line in warnings:
        warn(line)
    for one in data.sets:
        by = held_out_by(one.dataset.clips, one.trained("all"), validation)
        if by != validation:
            print(
                f"{one.dataset.path}: the training clips name no two subjects, so that validation "
                f"clips are cut by --validation={by}"
            )
    first = 0
    for one in data.sets:
        clips = plan.batches.clips - first
        clips = clips[(clips >= 0) & (clips < len(one.dataset))]
        first += len(one.dataset)
        if data.others:
            print(f"{one.dataset.path}: {len(clips)} training clips in {', '.join(one.names)}")
        for name, has_poses in zip(one.names, one.has_poses(), strict=True):
            trained = has_poses[clips]
            if not trained.all():
                print(f"{name}: {trained.sum()} of {len(trained)} training clips have poses")
    if plan.labelled is not None:
        count = len(plan.batches.clips)
        print(f"reads the labels of {len(plan.labelled)} of {count} training clips")


def _monitor(
    config: RunConfig, data: RunData, shape: RunShape, learner: Learner
) -> keras.callbacks.Callback | None:
    """What is read during training: of several data sets, on the first."""
    settings, clips, normaliser = config.training, data.reference, data.normalisers[0]
    if not config.reads_labels:
        _, number = shape.reading(data.layouts[0])
        pooling = config.probes.pooling
        return feature_monitor(
            settings, clips, normaliser, learner.reader, pooling=pooling, layout=number
        )
    if config.data.train_on != "fit":  # the validation clips are trained on
        return None
    return accuracy_monitor(settings, clips, normaliser, learner)
