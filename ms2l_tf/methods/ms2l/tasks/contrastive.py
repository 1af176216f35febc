"""Contrastive learning against the mean of a clip's versions (section 3.2.3, Eq. 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.methods.ms2l.losses import mean_contrastive_loss, version_means
from ms2l_tf.methods.ms2l.tasks.base import Task, Version
from ms2l_tf.networks.heads import pool_frames, vector_head
from ms2l_tf.views import View


@keras.saving.register_keras_serializable("ms2l_tf")
class Contrastive(Task):
    """Each version of a clip finds its own clip's mean among the means of the global batch.

    Args:
        views: V views that are versions of the clip.
        projection: size of the projection z.
        temperature: of the softmax; 1 in the paper.
        head, hidden: see `ms2l_tf.networks.heads.vector_head`.
        pooling: frames to one vector, ``mean`` or ``max``.
        weight: factor in L_self.
    """

    def __init__(
        self,
        views: Sequence[View],
        *,
        projection: int = 60,
        temperature: float = 1.0,
        head: str = "fc",
        hidden: Sequence[int] = (),
        pooling: str = "mean",
        weight: float = 1.0,
    ) -> None:
        super().__init__(views, weight=weight, name="contrastive")
        self.projection = projection
        self.temperature = temperature
        self.kind = head
        self.hidden = tuple(hidden)
        self.pooling = pooling

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "views": [keras.saving.serialize_keras_object(view) for view in self.views],
            "projection": self.projection,
            "temperature": self.temperature,
            "head": self.kind,
            "hidden": list(self.hidden),
            "pooling": self.pooling,
        }

    def build_for(self, poses: tuple[int, ...], features: int) -> None:
        del poses
        self.head = vector_head(
            self.projection, kind=self.kind, hidden=self.hidden, name="contrastive_head"
        )
        self.head.build((None, features))

    def loss(
        self, versions: Mapping[str, Version], *, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        pooled = [pool_frames(versions[view.name].features, self.pooling) for view in self.views]
        # One head call on all versions: batch norm, if any, sees them together.
        rows = self.head(tf.concat(pooled, axis=0), training=training)
        projections = tf.stack(tf.split(rows, len(pooled)), axis=1)
        means = replicas.gather(version_means(projections))
        loss = mean_contrastive_loss(
            projections,
            temperature=self.temperature,
            means=means,
            offset=replicas.index() * tf.shape(projections)[0],
        )
        return loss, {}
