"""From settings to networks, models and optimisers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import keras
import tensorflow as tf

from ms2l_tf.classifier import Classifier
from ms2l_tf.errors import InputError
from ms2l_tf.recognition import Recogniser
from ms2l_tf.schedules import learning_rate
from ms2l_tf.skeletons.layout import SkeletonLayout
from msclr.augment import Augmentation
from msclr.config import AUTO_QUEUE, ClrConfig
from msclr.model import MSCLR
from msclr.stgcn import STGCN, OneLayout

MOST_KEYS = 32768  # the queue of the published runs


def build_network(
    config: ClrConfig, layouts: Sequence[SkeletonLayout], *, coords: int, name: str = "encoder"
) -> STGCN:
    """The ST-GCN shared by all layouts, without weights yet."""
    settings = config.network
    return STGCN(
        layouts,
        coords=coords,
        stream=settings.stream,
        partition=settings.partition,
        width=settings.width,
        blocks=settings.blocks,
        temporal_kernel=settings.temporal_kernel,
        dropout=settings.dropout,
        name=name,
    )


def build_augmentation(config: ClrConfig) -> Augmentation:
    """The weak and strong views of a run."""
    return Augmentation(**dataclasses.asdict(config.augment))


def queue_length(config: ClrConfig, clips: int) -> int:
    """Q: as asked for, or half of the training clips, in which no clip stands twice.

    Raises:
        InputError: it is smaller than a batch.
    """
    asked, batch = config.contrast.queue, config.training.batch
    length = asked if asked != AUTO_QUEUE else min(MOST_KEYS, max(clips // 2, batch))
    if length < batch:
        raise InputError(
            f"--queue={length}: is smaller than --batch={batch}; a batch of keys must fit into it"
        )
    return length


def build_clr_model(
    config: ClrConfig,
    layouts: Sequence[SkeletonLayout],
    *,
    persons: int,
    coords: int,
    clips: int,
    total_steps: int = 1,
) -> MSCLR:
    """The model of the pre-training, freshly initialised from the seed, in its precision.

    Args:
        config: the run's settings.
        layouts: the skeleton conventions, the reference first.
        persons: M.
        coords: C.
        clips: how many are trained on; decides the length of the queue.
        total_steps: of the whole run; decides when neighbours count as positives.
    """
    keras.utils.set_random_seed(config.training.seed)
    keras.config.set_dtype_policy(config.training.precision)
    settings = config.contrast
    mining = round(settings.mining_from * total_steps)
    model = MSCLR(
        build_network(config, layouts, coords=coords),
        build_network(config, layouts, coords=coords, name="key_encoder"),
        method=settings.method,
        projection=settings.projection,
        queue=queue_length(config, clips),
        momentum=settings.momentum,
        temperature=settings.temperature,
        attention_threshold=settings.attention_threshold,
        mining_step=mining if settings.mining_from < 1 else -1,
        weight_decay=config.optimiser.weight_decay,
        augmentation=build_augmentation(config),
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )
    model.build((None, config.normaliser.frames, persons, layouts[0].num_joints, coords))
    return model


def build_recogniser(
    config: ClrConfig,
    layouts: Sequence[SkeletonLayout],
    layout: int,
    *,
    persons: int,
    coords: int,
    classes: int,
) -> Recogniser:
    """Encoder and classifier for one of the network's layouts, for the protocols with labels.

    Args:
        config: the run's settings.
        layouts: all layouts of the network.
        layout: the one that is recognised from.
        persons: M.
        coords: C.
        classes: K.
    """
    keras.utils.set_random_seed(config.training.seed)
    keras.config.set_dtype_policy(config.training.precision)
    network = build_network(config, layouts, coords=coords)
    encoder = OneLayout(network, layout)
    keras.utils.set_random_seed(config.training.seed + 1)
    protocol = config.protocol
    classifier = Classifier(
        classes,
        units=0,  # one vector a clip, no frames left to run over
        hidden=protocol.classifier_hidden,
        dropout=protocol.classifier_dropout,
    )
    mirror = tf.constant(layouts[layout].mirror, tf.int32)
    model = Recogniser(
        encoder,
        classifier,
        train_encoder=protocol.train == "all",
        augmentation=functools.partial(build_augmentation(config).weak, mirror=mirror),
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )
    model.build((None, config.normaliser.frames, persons, layouts[layout].num_joints, coords))
    return model


def build_clr_optimizer(
    config: ClrConfig, *, steps_an_epoch: int, epochs: int, decoupled_decay: bool
) -> keras.optimizers.Optimizer:
    """SGD with momentum 0.9, or Adam.

    Args:
        config: the run's settings.
        steps_an_epoch: turns epochs into steps.
        epochs: that the learning rate counts on.
        decoupled_decay: let the optimiser apply the weight decay (the model does not).
    """
    settings = config.optimiser
    rate = learning_rate(
        settings.decay,
        initial=settings.learning_rate,
        final=settings.final_learning_rate,
        decay_steps=settings.decay_epochs * steps_an_epoch,
        total_steps=epochs * steps_an_epoch,
        warmup_steps=settings.warmup_epochs * steps_an_epoch,
    )
    decay = settings.weight_decay if decoupled_decay and settings.weight_decay else None
    if settings.optimiser == "adam":
        return keras.optimizers.Adam(rate, weight_decay=decay)
    return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=decay)
