"""Motion prediction (section 3.2.1, Eq. 1), of later frames or of hidden body parts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.methods.ms2l.losses import hidden_joints_loss, motion_prediction_loss
from ms2l_tf.methods.ms2l.tasks.base import Task, Version
from ms2l_tf.networks.heads import frame_head
from ms2l_tf.views import SpatialMask, TemporalMask, View


class _Prediction(Task):
    """A head that gives coordinates for every frame.

    Args:
        view: the masked input.
        reduction: over a clip's squared errors, ``mean`` or ``sum`` (see the losses).
        decoder: head, ``frame`` or ``gru`` (`ms2l_tf.networks.heads.frame_head`).
        weight: factor in L_self.
    """

    def __init__(
        self, view: View, *, reduction: str = "mean", decoder: str = "frame", weight: float = 1.0
    ) -> None:
        super().__init__([view], weight=weight, name="prediction")
        self.view = view
        self.reduction = reduction
        self.decoder = decoder

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "view": keras.saving.serialize_keras_object(self.view),
            "reduction": self.reduction,
            "decoder": self.decoder,
        }

    def build_for(self, poses: tuple[int, ...], features: int) -> None:
        units = math.prod(poses[1:])
        self.head = frame_head(units, kind=self.decoder, hidden=features, name="prediction_head")
        self.head.build((None, poses[0], features))


@keras.saving.register_keras_serializable("ms2l_tf")
class MotionPrediction(_Prediction):
    """From the noisy first T' frames, predict frames T'+1 .. T."""

    view: TemporalMask

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


@keras.saving.register_keras_serializable("ms2l_tf")
class SpatialPrediction(_Prediction):
    """From the body parts that are seen, predict those that are hidden, in all frames (Table 8)."""

    view: SpatialMask

    def loss(
        self, versions: Mapping[str, Version], *, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        version = versions[self.view.name]
        poses, hidden = version.target
        predicted = tf.reshape(self.head(version.features, training=training), tf.shape(poses))
        return hidden_joints_loss(predicted, poses, hidden, reduction=self.reduction), {}
