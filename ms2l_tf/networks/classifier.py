"""The action classifier C on top of the shared encoder (sections 3.3 and 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.networks.recurrent import GRU
from ms2l_tf.views import ClipRandom


@keras.saving.register_keras_serializable("ms2l_tf")
class Classifier(keras.Model):
    """A unidirectional GRU over the encoder's frames, then an MLP to class logits.

    Args:
        classes: K.
        units: of the GRU, whose last output the MLP reads; 0: no GRU, the mean over frames.
        hidden: sizes of the MLP's hidden layers (ReLU); empty: a linear classifier.
        dropout: rate before every layer of the MLP, where `random` is given. (Keras' own layer
            keeps a random state that no checkpoint saves: a resumed run would not equal another.)

    Input shape:
        [B, T, D]; or [B, D] from an encoder that gives one vector a clip: the GRU is left out.

    Output shape:
        [B, K] logits, float32.
    """

    def __init__(
        self,
        classes: int,
        *,
        units: int = 60,
        hidden: Sequence[int] = (60,),
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"name": "classifier", **kwargs})
        self.classes = classes
        self.units = units
        self.hidden = tuple(hidden)
        self.dropout = dropout
        self.mlp = [
            *(keras.layers.Dense(size, activation="relu") for size in self.hidden),
            keras.layers.Dense(classes, dtype="float32"),
        ]
        self.recurrent: keras.layers.Layer | None = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        size = input_shape[-1]
        if len(input_shape) == 3 and self.units:
            self.recurrent = GRU(self.units, name="gru")
            self.recurrent.build((None, *input_shape[1:]))
            size = self.units
        for layer in self.mlp:
            layer.build((None, size))
            size = layer.units
        self.built = True

    def call(self, features: tf.Tensor, random: ClipRandom | None = None) -> tf.Tensor:
        if self.recurrent is not None:
            features = self.recurrent(features)
        elif len(features.shape) == 3:
            features = tf.reduce_mean(features, axis=1)
        for number, layer in enumerate(self.mlp):
            if random is not None and self.dropout:
                features = _dropped(features, self.dropout, random.stream(number))
            features = layer(features)
        return features

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.classes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "classes": self.classes,
            "units": self.units,
            "hidden": list(self.hidden),
            "dropout": self.dropout,
        }


def _dropped(features: tf.Tensor, rate: float, random: ClipRandom) -> tf.Tensor:
    """Entries set to zero at `rate`, the others scaled up: [B, D] -> [B, D]."""
    kept = random.uniform([features.shape[-1]]) >= rate
    return tf.where(kept, features / (1.0 - rate), 0.0)
