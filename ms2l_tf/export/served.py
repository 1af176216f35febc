"""The whole chain as one Keras model: raw poses in, features and actions out."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.evaluation.features import pool
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.classifier import Classifier
from ms2l_tf.serialised import deserialised

Outputs = dict[str, tf.Tensor]


@keras.saving.register_keras_serializable("ms2l_tf")
class ServedModel(keras.Model):
    """Raw poses, as they were recorded, to features and, with a head, to actions.

    The layers are those of evaluation: the `Normaliser`, the network and the pooling of a run.

    Args:
        normaliser: of the layout that is read, in its unit and axes.
        network: with its weights.
        shape: (J, C) of the poses.
        layout: number of that layout among those of the network.
        pooling: frames to one vector, see `pool`.
        head: features [B, D] to scores [B, K]; a `Classifier` reads what the network gives before
            pooling. None: there are features alone.
        temperature: that scores are divided by before they become probabilities.

    Input shape:
        ``{"poses": [B, F, M, J, C], "lengths": [B]}``, clips padded to any F and M. A missing joint
        is NaN; a person whose joints are all zero in a frame is absent there, as for every reader
        of arrays. What lies beyond a clip's length is ignored.

    Output shape:
        ``{"features": [B, D]}``, and with a head ``"scores"`` and ``"probabilities"`` [B, K] and
        ``"label"`` [B] int32, the number of the largest score.
    """

    def __init__(
        self,
        normaliser: Normaliser,
        network: Network,
        *,
        shape: tuple[int, int],
        layout: int = 0,
        pooling: str = "mean",
        head: keras.layers.Layer | None = None,
        temperature: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"name": "served", "dtype": "float32", "trainable": False, **kwargs})
        self.normaliser = normaliser
        self.network = network
        self.shape = tuple(shape)
        self.layout = layout
        self.pooling = pooling
        self.head = head
        self.temperature = temperature

    @property
    def poses_shape(self) -> tuple[int | None, ...]:
        """Of normalised poses: (None, T, M, J, C)."""
        return (None, self.normaliser.frames, self.normaliser.persons, *self.shape)

    def build(self, input_shape: Any = None) -> None:
        if not self.network.built:
            self.network.build(self.poses_shape)
        if self.head is not None and not self.head.built:
            encoded = self.network.compute_output_shape(self.poses_shape)
            size = encoded if self._reads_encoded else (None, self.feature_dim)
            self.head.build(size)
        self.built = True

    @property
    def feature_dim(self) -> int:
        """D."""
        output = self.network.compute_output_shape(self.poses_shape)
        return int(pool(tf.zeros((1, *output[1:])), self.pooling).shape[-1])

    @property
    def _reads_encoded(self) -> bool:
        return isinstance(self.head, Classifier)

    def embed(self, inputs: Outputs) -> Outputs:
        """The features alone."""
        return {"features": self._features(self._encoded(inputs))}

    def call(self, inputs: Outputs) -> Outputs:
        encoded = self._encoded(inputs)
        features = self._features(encoded)
        if self.head is None:
            return {"features": features}
        scores = tf.cast(self.head(encoded if self._reads_encoded else features), tf.float32)
        return {
            "features": features,
            "scores": scores,
            "probabilities": tf.nn.softmax(scores / self.temperature),
            "label": tf.argmax(scores, axis=-1, output_type=tf.int32),
        }

    def _encoded(self, inputs: Outputs) -> tf.Tensor:
        """What the network gives: [B, T, D'] or [B, D']."""
        poses, present = recorded(inputs["poses"])
        poses, _ = self.normaliser(poses, inputs["lengths"], present)
        poses = tf.ensure_shape(poses, self.poses_shape)
        return self.network(poses, layout=self.layout, training=False)

    def _features(self, encoded: tf.Tensor) -> tf.Tensor:
        return pool(tf.cast(encoded, tf.float32), self.pooling)

    def get_config(self) -> dict[str, Any]:
        serialised = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "normaliser": serialised(self.normaliser),
            "network": serialised(self.network),
            "shape": list(self.shape),
            "layout": self.layout,
            "pooling": self.pooling,
            "head": serialised(self.head),
            "temperature": self.temperature,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> ServedModel:
        return cls(**deserialised(config, custom_objects))


def recorded(poses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Who is present in poses as arrays have them; see `ms2l_tf.data.pose_writer.made_consistent`.

    Args:
        poses: [B, F, M, J, C]; a missing joint is not finite.

    Returns:
        The poses, zero where a person is absent, and who is present [B, F, M] bool: who has a joint
        there that is seen and, of skeletons of several joints, not at the origin.
    """
    seen = tf.reduce_all(tf.math.is_finite(poses), axis=-1)
    if poses.shape[3] > 1:
        seen = tf.logical_and(seen, tf.reduce_any(poses != 0, axis=-1))
    present = tf.reduce_any(seen, axis=-1)
    return tf.where(present[..., None, None], poses, 0.0), present
