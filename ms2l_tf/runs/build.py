"""From settings to models and optimisers."""

from __future__ import annotations

import keras

from ms2l_tf.classifier import Classifier
from ms2l_tf.config import (
    UNSUPERVISED,
    EncoderConfig,
    NormaliserConfig,
    OptimiserConfig,
    RunConfig,
)
from ms2l_tf.data.clip_dataset import PoseStore
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.encoder import Encoder
from ms2l_tf.model import MS2L
from ms2l_tf.recognition import Recogniser
from ms2l_tf.runs.build_comparators import build_longt_gan, build_recurrent_encoder
from ms2l_tf.runs.build_parts import build_augmentation
from ms2l_tf.runs.build_tasks import build_tasks
from ms2l_tf.runs.data import RunData
from ms2l_tf.schedules import LossMix, learning_rate
from ms2l_tf.skeletons.layout import SkeletonLayout


def build_normaliser(
    settings: NormaliserConfig, store: PoseStore, *, frames: int = 0
) -> Normaliser:
    """The normaliser of a run for one layout of a dataset; `frames` overrides T."""
    return Normaliser.for_store(
        store,
        frames=frames or settings.frames,
        centre=settings.centre,
        rotation=settings.rotation,
        scale=settings.scale,
        persons=settings.persons,
    )


def build_encoder(settings: EncoderConfig, layout: SkeletonLayout) -> Encoder:
    """The shared encoder."""
    return Encoder(
        layers=settings.layers,
        units=settings.units,
        cell=settings.cell,
        inputs=settings.inputs,
        parents=layout.parents,
    )


def build_model(config: RunConfig, layout: SkeletonLayout, *, persons: int, coords: int) -> MS2L:
    """The MS2L model with its weights created.

    Args:
        config: the run's settings.
        layout: joints of the poses.
        persons: M.
        coords: C.
    """
    model = MS2L(
        build_encoder(config.encoder, layout),
        build_tasks(config, layout),
        augmentation=build_augmentation(config.augment, layout),
        augment_each=config.augment.augment_each,
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )
    model.build((None, config.normaliser.frames, persons, layout.num_joints, coords))
    return model


def pose_shape(config: RunConfig, data: RunData) -> tuple[int, int, int, int]:
    """(T, M, J, C) of what the run's encoder reads."""
    store = data.store
    persons = config.normaliser.persons or store.num_persons
    return config.normaliser.frames, persons, store.layout.num_joints, store.num_coords


def build_run_model(
    config: RunConfig, data: RunData, *, steps_an_epoch: int = 1
) -> MS2L | Recogniser:
    """The run's model, freshly initialised from its seed, in its precision.

    Args:
        config: the run's settings.
        data: its clips.
        steps_an_epoch: turns the epochs of a loss schedule into steps; for training only.
    """
    return build_shaped_model(
        config,
        data.store.layout,
        pose_shape(config, data),
        classes=len(data.dataset.label_names),
        steps_an_epoch=steps_an_epoch,
    )


def build_shaped_model(
    config: RunConfig,
    layout: SkeletonLayout,
    shape: tuple[int, int, int, int],
    *,
    classes: int,
    steps_an_epoch: int = 1,
) -> MS2L | Recogniser:
    """`build_run_model` for poses of layout `layout` and shape (T, M, J, C), and K classes."""
    keras.utils.set_random_seed(config.training.seed)
    keras.config.set_dtype_policy(config.training.precision)
    if config.protocol.protocol != UNSUPERVISED:
        model = _build_recogniser(config, layout, shape, classes, steps_an_epoch)
        model.build((None, *shape))
        return model
    if config.encoder.method == "longt_gan":
        model = build_longt_gan(config, layout)
        model.build((None, *shape))
        return model
    return build_model(config, layout, persons=shape[1], coords=shape[3])


def _build_recogniser(
    config: RunConfig,
    layout: SkeletonLayout,
    shape: tuple[int, int, int, int],
    classes: int,
    steps_an_epoch: int,
) -> Recogniser:
    settings, method = config.protocol, config.encoder.method
    plain = method in ("lstm", "blstm")
    tasks = None
    if method == "longt_gan":
        encoder = build_longt_gan(config, layout).encoder
    elif plain:
        encoder = build_recurrent_encoder(config.encoder, layout)
    elif settings.has_tasks:
        tasks = build_model(config, layout, persons=shape[1], coords=shape[3])
        encoder = tasks.encoder
    else:
        encoder = build_encoder(config.encoder, layout)
    # The classifier starts the same whatever stands beside it, so that schedules can be compared.
    keras.utils.set_random_seed(config.training.seed + 1)
    classifier = Classifier(
        classes,
        # A plain recurrent network has one linear layer on top, as those of the literature.
        units=0 if plain else settings.classifier_units,
        hidden=() if plain else settings.classifier_hidden,
        dropout=settings.classifier_dropout,
    )
    if not encoder.built:
        encoder.build((None, *shape))
    classifier.build(encoder.compute_output_shape((None, *shape)))
    return Recogniser(
        encoder,
        classifier,
        tasks=tasks,
        mix=LossMix(
            settings.schedule,
            moving_steps=settings.moving_epochs * steps_an_epoch,
            omega=settings.omega,
        ),
        train_encoder=settings.train == "all",
        augmentation=build_augmentation(config.augment, layout),
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )


def build_optimizer(
    settings: OptimiserConfig, *, steps_an_epoch: int, epochs: int
) -> keras.optimizers.Optimizer:
    """Adam (AdamW with weight decay) on the chosen learning rate schedule."""
    rate = learning_rate(
        settings.decay,
        initial=settings.learning_rate,
        final=settings.final_learning_rate,
        decay_steps=settings.decay_epochs * steps_an_epoch,
        total_steps=epochs * steps_an_epoch,
        warmup_steps=settings.warmup_epochs * steps_an_epoch,
    )
    if settings.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    return keras.optimizers.Adam(rate)
