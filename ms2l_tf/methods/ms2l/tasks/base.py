"""What the model asks of a task."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ms2l_tf.serialised import deserialised
from ms2l_tf.views import View


class Version(NamedTuple):
    """One encoded view of a batch."""

    features: tf.Tensor  # [B, T, D]
    target: Any  # as the view gives it: a tensor, several, or None


class Task(keras.layers.Layer):
    """A self-supervised objective.

    Attributes:
        views: the views it reads; the model builds the union over its tasks once.
        weight: factor of its loss in L_self.
    """

    def __init__(self, views: Sequence[View], *, weight: float, name: str) -> None:
        super().__init__(name=name)
        self.views = tuple(views)
        self.weight = weight

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes; a task adds what is its own."""
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Task:
        return cls(**deserialised(config, custom_objects))

    @abc.abstractmethod
    def build_for(self, poses: tuple[int, ...], features: int) -> None:
        """Creates the head's weights.

        Args:
            poses: (T, M, J, C).
            features: D.
        """

    @abc.abstractmethod
    def loss(
        self, versions: Mapping[str, Version], *, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The unweighted loss of the local batch, and what else is worth logging (scalars)."""
