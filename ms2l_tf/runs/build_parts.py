"""From settings to what the models of all methods have in common."""

from __future__ import annotations

from ms2l_tf.config import AugmentConfig
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import Augmentation


def build_augmentation(settings: AugmentConfig, layout: SkeletonLayout) -> Augmentation | None:
    """The clip augmentation of poses of `layout`, or None when every strength is zero."""
    augmentation = Augmentation(
        shear=settings.shear,
        rotate=settings.rotate,
        crop=settings.crop,
        joint_dropout=settings.joint_dropout,
        flip=settings.flip,
        mirror=tuple(layout.mirror),
    )
    return augmentation if augmentation.active else None
