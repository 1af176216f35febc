"""Heads that a probe of frozen features becomes: scores of classes, by operations of TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

_TINY = 1e-12


class _Head(keras.layers.Layer):
    """What its weights are is assigned by who fits it; nothing is trained."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"name": "head", "dtype": "float32", "trainable": False, **kwargs})

    def _kept(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> keras.Variable:
        return self.add_weight(
            name=name, shape=shape, initializer="zeros", trainable=False, dtype=dtype
        )


@keras.saving.register_keras_serializable("ms2l_tf")
class LinearHead(_Head):
    """``(features - centre) @ weights + bias``: a ridge or logistic regression.

    The scores of a clip are 0 in the mean over the classes: what they have in common says nothing,
    and single precision is kept for where they differ.

    Args:
        classes: K.

    Input shape:
        [B, D].

    Output shape:
        [B, K].
    """

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes

    @classmethod
    def of(cls, centre: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> LinearHead:
        """The head of these numbers: [D], [D, K] and [K]."""
        head = cls(len(bias))
        head.build((None, len(centre)))
        weights = weights - weights.mean(axis=1, keepdims=True)
        head.set_weights([centre, weights, bias - bias.mean()])
        return head

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        size = int(input_shape[-1] or 0)
        self.centre = self._kept("centre", (size,))
        self.map = self._kept("weights", (size, self.classes))
        self.bias = self._kept("bias", (self.classes,))
        self.built = True

    def call(self, features: tf.Tensor) -> tf.Tensor:
        return tf.matmul(features - self.centre, self.map) + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable("ms2l_tf")
class NeighbourHead(_Head):
    """Votes of the k nearest training clips by cosine distance, as `KNNProbe` counts them.

    A score is the share of votes; among classes with as many, the one whose nearest clip is the
    closest gets a little more, less than a vote.

    Args:
        classes: K.
        clips: N training clips, kept with the head.
        k: neighbours, N at most.

    Input shape:
        [B, D].

    Output shape:
        [B, K].
    """

    def __init__(self, classes: int, *, clips: int, k: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes
        self.clips = clips
        self.k = k

    @classmethod
    def of(cls, features: np.ndarray, numbers: np.ndarray, classes: int, k: int) -> NeighbourHead:
        """The head of training features [N, D] and the numbers of their classes [N]."""
        head = cls(classes, clips=len(features), k=k)
        head.build((None, features.shape[1]))
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        head.set_weights([features / np.maximum(lengths, _TINY), numbers])
        return head

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.directions = self._kept("directions", (self.clips, int(input_shape[-1] or 0)))
        self.numbers = self._kept("numbers", (self.clips,), "int32")
        self.built = True

    def call(self, features: tf.Tensor) -> tf.Tensor:
        lengths = tf.norm(features, axis=-1, keepdims=True)
        cosines = tf.matmul(
            features / tf.maximum(lengths, _TINY), self.directions, transpose_b=True
        )
        nearest = tf.math.top_k(cosines, k=self.k).indices
        votes = tf.one_hot(tf.gather(tf.convert_to_tensor(self.numbers), nearest), self.classes)
        # Half a vote at most, the more the nearer: [1, k, 1].
        closeness = 0.5 - 0.5 * tf.range(self.k, dtype=tf.float32)[None, :, None] / self.k
        closest = tf.reduce_max(votes * closeness, axis=1)
        return (tf.reduce_sum(votes, axis=1) + closest) / (self.k + 0.5)

    def get_config(self) -> dict[str, Any]:
        own = {"classes": self.classes, "clips": self.clips, "k": self.k}
        return {**super().get_config(), **own}
