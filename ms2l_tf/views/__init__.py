"""Views: transformed versions of a batch of clips, each with its target."""

from ms2l_tf.views.augment import Augmentation
from ms2l_tf.views.clip_random import ClipRandom, JointRandom
from ms2l_tf.views.spatial import HiddenJoints, SpatialJigsaw, SpatialMask
from ms2l_tf.views.temporal import Plain, TemporalJigsaw, TemporalMask, View

__all__ = [
    "Augmentation",
    "ClipRandom",
    "HiddenJoints",
    "JointRandom",
    "Plain",
    "SpatialJigsaw",
    "SpatialMask",
    "TemporalJigsaw",
    "TemporalMask",
    "View",
]
