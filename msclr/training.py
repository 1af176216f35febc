"""Training of an MS-CLR run under any protocol, resumable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ms2l_tf import errors
from ms2l_tf.config import UNSUPERVISED
from ms2l_tf.data import pipeline
from ms2l_tf.errors import InputError
from ms2l_tf.runs.folder import RunFolder, run_record
from ms2l_tf.runs.labels import draw_labelled, mend_labelled, write_labelled
from ms2l_tf.runs.weights import check_weights
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.training.distribution import make_strategy
from ms2l_tf.training.loop import run_epochs
from ms2l_tf.training.monitors import accuracy_monitor, feature_monitor
from msclr.build import build_clr_model, build_clr_optimizer, build_recogniser, queue_length
from msclr.config import AUTO_QUEUE, ClrConfig
from msclr.data import ClrData, in_one_layout, open_clr_data
from msclr.initial import (
    InitialEncoder,
    open_initial_encoder,
    recorded_layouts,
    recorded_number,
)
from msclr.pairs import PairSampler, pair_batches


def train(config: ClrConfig, workdir: str, *, strategy: str = "auto") -> RunFolder[ClrConfig]:
    """Trains to the last epoch, or goes on where an interrupted run stopped.

    A run that is told more epochs than before is prolonged, see `ms2l_tf.training.train`.

    Args:
        config: settings of the run.
        workdir: its folder.
        strategy: see `ms2l_tf.training.distribution.make_strategy`.

    Returns:
        The run's folder; ``model.weights.h5`` holds the weights of the last epoch.
    """
    if config.protocol.protocol != UNSUPERVISED:
        config = in_one_layout(config)
    data = open_clr_data(config)
    folder = RunFolder(workdir, ClrConfig)
    if config.protocol.protocol == UNSUPERVISED:
        _pretrain(config, data, folder, strategy)
    else:
        _recognise(config, data, folder, strategy)
    return folder


def clr_record(
    config: ClrConfig, data: ClrData, layouts: Sequence[SkeletonLayout], trained: np.ndarray
) -> dict[str, Any]:
    """What the folder of a run on the clips `trained` keeps beside its settings."""
    shape = (config.normaliser.frames, data.persons, data.layouts[0].num_joints, data.coords)
    return {
        **run_record(config, config.protocol.protocol, data.parts[0], shape),
        "fingerprint": data.fingerprint,
        "layouts": [layout.to_json() for layout in layouts],
        "trained_clips": len(trained),
    }


def _pretrain(
    config: ClrConfig, data: ClrData, folder: RunFolder[ClrConfig], strategy: str
) -> None:
    clips = data.trained(config.data.train_on)
    settings = config.training
    sampler = PairSampler(
        data.has_poses(), clips, config.contrast.pairs, settings.batch, settings.seed
    )
    record = clr_record(config, data, data.layouts, sampler.clips)
    folder.check(record)
    if folder.trained_to(config.training.epochs):
        check_weights(folder.weights)
        return
    planned = folder.planned_epochs(config.training.epochs)
    if not folder.has_checkpoint:  # what began before goes on
        _check_set(len(sampler.clips))
    warn(config, sampler, len(clips))
    _count_poses(data, clips)

    def make_model() -> keras.Model:
        return build_clr_model(
            config,
            data.layouts,
            persons=data.persons,
            coords=data.coords,
            clips=len(sampler.clips),
            total_steps=sampler.steps * planned,
        )

    run_epochs(
        folder,
        settings,
        make_strategy(strategy, settings.batch),
        steps=sampler.steps,
        make_model=make_model,
        make_optimizer=lambda: build_clr_optimizer(
            config, steps_an_epoch=sampler.steps, epochs=planned, decoupled_decay=False
        ),
        started=lambda: folder.start(record),
        batches=lambda first: pair_batches(data, sampler, batch=settings.batch, first_step=first),
        monitor=lambda model: feature_monitor(
            settings, data.parts[0], data.normalisers[0], model.encoder, pooling="mean"
        ),
    )


def _check_set(used: int) -> None:
    """Refuses a set without two clips to tell apart.

    Raises:
        InputError: it has fewer.
    """
    if used < 2:
        raise InputError(
            f"--data: contrast tells clips apart, and {used} training clip is too few; train on "
            "two at least"
        )


def warn(config: ClrConfig, sampler: PairSampler, clips: int) -> None:
    """Says what of `clips` training clips goes unused, and which settings fit them badly."""
    used, batch = len(sampler.clips), config.training.batch
    if batch > used:
        errors.warn(
            f"--batch={batch}: is larger than the {used} training clips, so clips stand in a batch "
            "more than once; copies of a clip are never its negatives"
        )
    queue = queue_length(config, used)
    if queue > used // 2:
        fix = (
            f"a --batch of at most {used // 2} lets it hold half of the clips"
            if config.contrast.queue == AUTO_QUEUE
            else "--queue=0 takes half of the clips"
        )
        errors.warn(
            f"the queue holds {queue} keys for {used} training clips, so clips stand in it more "
            f"than once, though never as negatives of themselves; {fix}"
        )
    if used < clips:
        errors.warn(
            f"{clips - used} of {clips} training clips lack the layouts that "
            f"--pairs={config.contrast.pairs} needs; they are not used"
        )
    if alone := sampler.unpaired():
        errors.warn(
            f"{alone} of {clips} training clips have poses in one layout only; they are never "
            "paired with another"
        )
    if config.normaliser.scale == "none" and config.augment.noise:
        errors.warn(
            f"with --scale=none the noise has the unit of the poses, metres where it is known: "
            f"--noise={config.augment.noise:g} of it"
        )


def _count_poses(data: ClrData, clips: np.ndarray) -> None:
    """Says which layouts some of the training clips lack."""
    for name, has_poses in zip(data.names, data.has_poses(), strict=True):
        if not has_poses[clips].all():
            print(f"{name}: {has_poses[clips].sum()} of {len(clips)} training clips have poses")


def _where_from(
    config: ClrConfig, data: ClrData, folder: RunFolder[ClrConfig], clips: np.ndarray
) -> tuple[InitialEncoder | None, Sequence[SkeletonLayout], int]:
    """The encoder to begin with, the network's layouts, and the number of the one it reads.

    A run that goes on has its weights in its checkpoint; where it started from may be gone.
    """
    if folder.has_checkpoint or folder.finished:
        folder.check(clr_record(config, data, data.layouts, clips))
        return None, recorded_layouts(folder), recorded_number(folder, data.names[0])
    initial = open_initial_encoder(config, data)
    if initial is None:
        return None, data.layouts, 0
    return initial, initial.layouts, initial.layout


def _recognise(
    config: ClrConfig, data: ClrData, folder: RunFolder[ClrConfig], strategy: str
) -> None:
    """Learns from labels in the reference layout."""
    part, normaliser, settings = data.parts[0], data.normalisers[0], config.training
    clips = part.fit if config.data.train_on == "fit" else part.train
    initial, layouts, layout = _where_from(config, data, folder, clips)
    labelled = draw_labelled(config, part, clips, config.data.train_on)
    record = clr_record(config, data, layouts, clips)
    if initial is not None:
        record["init"] = initial.record()
    folder.check(record)
    if folder.trained_to(config.training.epochs):
        check_weights(folder.weights)
        mend_labelled(folder, config, part, labelled)
        return
    planned = folder.planned_epochs(config.training.epochs)
    _count_poses(data, data.dataset.split(part.split).train)
    steps = pipeline.steps_an_epoch(len(clips), settings.batch)

    def make_model() -> keras.Model:
        model = build_recogniser(
            config,
            layouts,
            layout,
            persons=data.persons,
            coords=data.coords,
            classes=len(data.dataset.label_names),
        )
        if initial is not None:
            initial.load_into(model)
        return model

    def started() -> None:
        folder.start(record)
        write_labelled(folder, config, part, labelled)

    def monitor(model: keras.Model) -> keras.callbacks.Callback | None:
        if config.data.train_on != "fit":  # the validation clips are trained on
            return None
        return accuracy_monitor(settings, part, normaliser, model)

    run_epochs(
        folder,
        settings,
        make_strategy(strategy, settings.batch),
        steps=steps,
        make_model=make_model,
        make_optimizer=lambda: build_clr_optimizer(
            config, steps_an_epoch=steps, epochs=planned, decoupled_decay=True
        ),
        started=started,
        batches=lambda first: pipeline.recognition_batches(
            part.store,
            labelled,
            part.dataset.labels,
            normaliser,
            batch=settings.batch,
            seed=settings.seed,
            first_step=first,
        ),
        monitor=monitor,
    )
