"""Clip augmentation as a setting, for the methods that have no views of their own."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ms2l_tf.settings.config import RunConfig
from ms2l_tf.settings.options import Group, option
from ms2l_tf.skeletons.layout import SkeletonLayout

if TYPE_CHECKING:
    from ms2l_tf.methods.base import RunShape
    from ms2l_tf.views import Augmentation


@dataclasses.dataclass(frozen=True)
class AugmentSettings(Group):
    """Clip augmentation before the views; every strength 0 (crop 1) leaves clips as they are."""

    shear: float = option(0.0, "Shear: off-diagonal entries are drawn from U(-s, s).", least=0)
    rotate: float = option(0.0, "Rotation: angle about each axis from U(-a, a), degrees.", least=0)
    crop: float = option(
        1.0, "Temporal crop-resize: the kept fraction is drawn from U(crop, 1).", least=0.1, most=1
    )
    joint_dropout: float = option(
        0.0, "Probability that a joint is set to the origin in all frames.", least=0, most=0.9
    )
    flip: float = option(
        0.0,
        "Probability of a mirrored clip; leave it 0 where classes differ in left and right.",
        least=0,
        most=1,
    )
    augment_each: bool = option(
        False,
        "Draw the augmentation anew for each version of a clip, not once per clip.",
        only=("method=ms2l", "protocol=unsupervised or schedule=moving,joint or watch_tasks=True"),
    )


def build_augmentation(settings: AugmentSettings, layout: SkeletonLayout) -> Augmentation | None:
    """The clip augmentation of poses of `layout`, or None when every strength is zero."""
    from ms2l_tf.views import Augmentation

    augmentation = Augmentation(
        shear=settings.shear,
        rotate=settings.rotate,
        crop=settings.crop,
        joint_dropout=settings.joint_dropout,
        flip=settings.flip,
        mirror=tuple(layout.mirror),
    )
    return augmentation if augmentation.active else None


def labelled_view(config: RunConfig, shape: RunShape) -> Augmentation | None:
    """The augmentation of labelled clips, of a method that has these settings."""
    return build_augmentation(config.of(AugmentSettings), shape.layouts[shape.layout])
