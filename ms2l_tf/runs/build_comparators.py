"""From settings to the methods that MS2L is compared with."""

from __future__ import annotations

from ms2l_tf.comparators import ClipEncoder, LongTGAN
from ms2l_tf.config import EncoderConfig, RunConfig
from ms2l_tf.runs.build_parts import build_augmentation
from ms2l_tf.skeletons.layout import SkeletonLayout


def build_longt_gan(config: RunConfig, layout: SkeletonLayout) -> LongTGAN:
    """LongT GAN around a unidirectional encoder of --layers, --units and --cell; not built."""
    return LongTGAN(
        _clip_encoder(config.encoder, layout, cell=config.encoder.cell),
        augmentation=build_augmentation(config.augment, layout),
        clip_norm=config.optimiser.clip_norm,
        seed=config.training.seed,
    )


def build_recurrent_encoder(settings: EncoderConfig, layout: SkeletonLayout) -> ClipEncoder:
    """The encoder of --method=lstm or blstm; --cell is not read."""
    return _clip_encoder(settings, layout, cell="lstm", bidirectional=settings.method == "blstm")


def _clip_encoder(
    settings: EncoderConfig, layout: SkeletonLayout, *, cell: str, bidirectional: bool = False
) -> ClipEncoder:
    return ClipEncoder(
        layers=settings.layers,
        units=settings.units,
        cell=cell,
        bidirectional=bidirectional,
        inputs=settings.inputs,
        parents=layout.parents,
    )
