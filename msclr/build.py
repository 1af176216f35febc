"""From settings to the MS-CLR learner."""

from __future__ import annotations

import dataclasses

from ms2l_tf.methods.base import RunShape
from ms2l_tf.networks.registry import build_network
from ms2l_tf.settings.config import RunConfig
from msclr.augment import Augmentation, WeakView
from msclr.batches import queue_length
from msclr.model import MSCLR
from msclr.settings import ContrastSettings, ViewSettings


def build_msclr(config: RunConfig, shape: RunShape) -> MSCLR:
    """The learner around the run's network and its momentum copy, not built yet."""
    settings = config.of(ContrastSettings)
    mining = round(settings.mining_from * shape.epochs * shape.steps)
    return MSCLR(
        build_network(config, shape.layouts, coords=shape.coords),
        build_network(config, shape.layouts, coords=shape.coords, name="key_encoder"),
        method=settings.contrast,
        projection=settings.projection,
        queue=queue_length(config, shape.clips),
        momentum=settings.momentum,
        temperature=settings.temperature,
        attention_threshold=settings.attention_threshold,
        mining_step=mining if settings.mining_from < 1 else -1,
        l2_penalty=config.optimiser.weight_decay,
        augmentation=_augmentation(config),
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )


def _augmentation(config: RunConfig) -> Augmentation:
    return Augmentation(**dataclasses.asdict(config.of(ViewSettings)))


def weak_view(config: RunConfig, shape: RunShape) -> WeakView:
    """The weak view."""
    return WeakView(_augmentation(config), tuple(shape.layouts[shape.layout].mirror))
