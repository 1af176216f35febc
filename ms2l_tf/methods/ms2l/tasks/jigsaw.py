"""Jigsaw (section 3.2.2, Eq. 2), of segments of time or of body parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.methods.ms2l.losses import jigsaw_loss
from ms2l_tf.methods.ms2l.tasks.base import Task, Version
from ms2l_tf.networks.heads import pool_frames, vector_head
from ms2l_tf.views import SpatialJigsaw, TemporalJigsaw


@keras.saving.register_keras_serializable("ms2l_tf")
class Jigsaw(Task):
    """Which of the S! orders the segments are in.

    Args:
        view: the shuffled input; its target is a row of its `orders` [S!, S].
        answer: ``orders``: one S!-way softmax; ``slots``: for each of the S places an S-way one,
            averaged.
        head, hidden: see `ms2l_tf.networks.heads.vector_head`.
        pooling: frames to one vector, ``mean`` or ``max``.
        weight: factor in L_self.
    """

    def __init__(
        self,
        view: TemporalJigsaw | SpatialJigsaw,
        *,
        answer: str = "orders",
        head: str = "fc",
        hidden: Sequence[int] = (),
        pooling: str = "mean",
        weight: float = 1.0,
    ) -> None:
        super().__init__([view], weight=weight, name="jigsaw")
        self.view = view
        self.answer = answer
        self.kind = head
        self.hidden = tuple(hidden)
        self.pooling = pooling

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "view": keras.saving.serialize_keras_object(self.view),
            "answer": self.answer,
            "head": self.kind,
            "hidden": list(self.hidden),
            "pooling": self.pooling,
        }

    def build_for(self, poses: tuple[int, ...], features: int) -> None:
        del poses
        orders, slots = self.view.orders.shape
        size = orders if self.answer == "orders" else slots * slots
        self.head = vector_head(size, kind=self.kind, hidden=self.hidden, name="jigsaw_head")
        self.head.build((None, features))

    def loss(
        self, versions: Mapping[str, Version], *, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        version = versions[self.view.name]
        logits = self.head(pool_frames(version.features, self.pooling), training=training)
        target = version.target
        if self.answer == "slots":
            orders = self.view.orders
            logits = tf.reshape(logits, [-1, orders.shape[1], orders.shape[1]])
            target = tf.gather(tf.constant(orders), target)
        right = tf.argmax(logits, axis=-1, output_type=tf.int32) == target
        accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
        return jigsaw_loss(logits, target), {"jigsaw_accuracy": accuracy}
