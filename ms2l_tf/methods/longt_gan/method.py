"""LongT GAN as a method of `ms2l-train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ms2l_tf.methods.augmentation import AugmentSettings, labelled_view
from ms2l_tf.methods.registry import Method
from ms2l_tf.networks.registry import build_network
from ms2l_tf.settings.config import RunConfig

if TYPE_CHECKING:
    from ms2l_tf.methods.base import RunShape
    from ms2l_tf.methods.longt_gan.model import LongTGAN


def build(config: RunConfig, shape: RunShape) -> LongTGAN:
    """The learner around the run's network, not built yet."""
    from ms2l_tf.methods.longt_gan.model import LongTGAN

    return LongTGAN(
        build_network(config, shape.layouts, coords=shape.coords),
        augmentation=labelled_view(config, shape),
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )


METHOD = Method(
    name="longt_gan",
    summary="re-generation of masked clips with an adversary (Zheng et al. 2018)",
    build=build,
    settings=(AugmentSettings,),
    defaults={"network": "gru_last"},
    labelled_view=labelled_view,
)
