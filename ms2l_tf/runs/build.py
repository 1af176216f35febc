"""From the settings of a run to its learner and its optimiser."""

from __future__ import annotations

from typing import Any

import keras

from ms2l_tf.data.run_data import RunData, open_run_data
from ms2l_tf.errors import InputError
from ms2l_tf.methods.base import Learner, RunShape
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.recogniser import Recogniser
from ms2l_tf.methods.registry import Method, method_of
from ms2l_tf.methods.schedules import LossMix, learning_rate
from ms2l_tf.networks.classifier import Classifier
from ms2l_tf.networks.registry import build_network
from ms2l_tf.settings.config import OptimiserConfig, RunConfig
from ms2l_tf.skeletons.canonical import canonical_layout


def open_data(config: RunConfig) -> RunData:
    """The clips of a run, in all layouts that it reads.

    Raises:
        InputError: see `open_run_data`; or several data sets cannot be learnt from together.
    """
    several = not config.reads_labels and method_of(config).several_layouts(config)
    data = open_run_data(config.data, config.normaliser, several_layouts=several)
    if data.others:
        _check_together(config, data)
    return data


def _check_together(config: RunConfig, data: RunData) -> None:
    """Refuses several data sets that share no classes that are read, or no joints."""
    if config.reads_labels:
        raise InputError(
            f"--data={config.data.data}: --protocol={config.protocol.protocol} reads labels, and "
            "the classes of several data sets are not mixed; name one"
        )
    for other in data.others:
        if config.model.joints == "own" and other.names != data.names:
            raise InputError(
                f"--data: {data.dataset.path} is read in {', '.join(data.names)}, "
                f"{other.dataset.path} in {', '.join(other.names)}; use --joints=semantic, or name "
                "in --layouts what both have"
            )


def reads_points(config: RunConfig, data: RunData) -> bool:
    """Whether batches hold the semantic points: data sets in layouts of their own share no more."""
    return bool(data.others) and config.model.joints == "semantic"


def run_shape(config: RunConfig, data: RunData, **more: Any) -> RunShape:
    """What a learner is built for, as the run's clips have it; `more`: fields of `RunShape`.

    Where batches hold the semantic points (`reads_points`), their layout is the first.
    """
    layouts = tuple(layout for layout, _ in data.known_layouts.values())
    settings = {
        "layouts": (canonical_layout(), *layouts) if reads_points(config, data) else layouts,
        "frames": config.normaliser.frames,
        "persons": data.persons,
        "coords": data.coords,
        "classes": len(data.dataset.label_names),
    }
    return RunShape(**{**settings, **more})


def build_learner(config: RunConfig, shape: RunShape) -> Learner:
    """The run's learner, freshly initialised from its seed, in its precision."""
    keras.utils.set_random_seed(config.training.seed)
    keras.config.set_dtype_policy(config.training.precision)
    method = method_of(config)
    if config.reads_labels:
        learner: Learner = _recogniser(config, shape, method)
    else:
        assert method.build is not None, "checked with the settings"
        learner = method.build(config, shape)
    learner.build((None, *shape.poses))
    learner.accumulate = config.training.accumulate
    return learner


def _recogniser(config: RunConfig, shape: RunShape, method: Method) -> Recogniser:
    settings = config.protocol
    tasks: MS2L | None = None
    if settings.has_tasks:
        assert method.build is not None, "checked with the settings"
        with_tasks = method.build(config, shape)
        assert isinstance(with_tasks, MS2L), f"--method={method.name} has no tasks"
        with_tasks.build((None, *shape.poses))
        tasks, encoder = with_tasks, with_tasks.encoder
    else:
        encoder = build_network(config, shape.layouts, coords=shape.coords)
    # The classifier starts the same whatever stands beside it, so that schedules can be compared.
    keras.utils.set_random_seed(config.training.seed + 1)
    classifier = Classifier(
        shape.classes,
        units=settings.classifier_units,
        hidden=settings.classifier_hidden,
        dropout=settings.classifier_dropout,
    )
    return Recogniser(
        encoder,
        classifier,
        tasks=tasks,
        mix=LossMix(
            settings.schedule,
            moving_steps=settings.moving_epochs * shape.steps,
            omega=settings.omega,
        ),
        train_encoder=settings.trains_encoder,
        encoder_rate=settings.encoder_rate if settings.trains_encoder else 1.0,
        augmentation=method.labelled_view(config, shape),
        layout=shape.layout,
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )


def build_optimizer(
    settings: OptimiserConfig, learner: Learner, *, steps: int, epochs: int
) -> keras.optimizers.Optimizer:
    """The optimiser on the chosen learning rate schedule.

    Args:
        settings: of the run.
        learner: what is trained; one that penalises weights itself is spared the decay.
        steps: an epoch.
        epochs: of the run.
    """
    rate = learning_rate(
        settings.decay,
        initial=settings.learning_rate,
        final=settings.final_learning_rate,
        decay_steps=settings.decay_epochs * steps,
        total_steps=epochs * steps,
        warmup_steps=settings.warmup_epochs * steps,
    )
    decay = None if learner.l2_penalty else settings.weight_decay or None
    if settings.optimiser == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=decay)
    if decay:
        return keras.optimizers.AdamW(rate, weight_decay=decay)
    return keras.optimizers.Adam(rate)
