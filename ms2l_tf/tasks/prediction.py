"""Motion prediction (section 3.2.1, Eq. 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import tensorflow as tf

from ms2l_tf.heads import frame_head
from ms2l_tf.losses import motion_prediction_loss
from ms2l_tf.tasks.base import Task, Version
from ms2l_tf.views import TemporalMask


class MotionPrediction(Task):
    """From the noisy first T' frames, predict frames T'+1 .. T.

    Args:
        view: the masked input.
        reduction: see `motion_prediction_loss`.
        decoder: head, ``frame`` or ``gru`` (`ms2l_tf.heads.frame_head`).
        weight: factor in L_self.
    """

    def __init__(
        self,
        view: TemporalMask,
        *,
        reduction: str = "mean",
        decoder: str = "frame",
        weight: float = 1.0,
    ) -> None:
        super().__init__([view], weight=weight, name="prediction")
        self.view = view
        self.reduction = reduction
        self.decoder = decoder

    def build_for(self, poses: tuple[int, ...], features: int) -> None:
        units = math.prod(poses[1:])
        self.head = frame_head(units, kind=self.decoder, hidden=features, name="prediction_head")
        self.head.build((None, poses[0], features))

    def loss(
        self, versions: Mapping[str, Version], *, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        version = versions[self.view.name]
        start = self.view.observed
        if self.decoder == "frame":  # the frames to predict are independent given the features
            predicted = self.head(version.features[:, start:], training=training)
        else:
            predicted = self.head(version.features, training=training)[:, start:]
        target = tf.reshape(version.target[:, start:], tf.shape(predicted))
        return motion_prediction_loss(predicted, target, reduction=self.reduction), {}
