"""Recurrent encoders that give one vector a clip: plain LSTM and BLSTM, and LongT GAN's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.recurrent import GRU
from ms2l_tf.streams import input_streams


@keras.saving.register_keras_serializable("ms2l_tf")
class ClipEncoder(keras.Model):
    """Features of a whole clip: the last output of stacked recurrent layers.

    Args:
        layers: recurrent layers.
        units: units a layer and direction; D = units, or 2 x units when bidirectional.
        cell: ``gru`` or ``lstm``.
        bidirectional: read the clip both ways; each direction gives its own last output.
        inputs: streams fed side by side (see `ms2l_tf.streams`).
        parents: parent of each joint (its own index for roots); for ``bone`` only.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        [B, D].
    """

    def __init__(
        self,
        *,
        layers: int = 1,
        units: int = 100,
        cell: str = "lstm",
        bidirectional: bool = False,
        inputs: Sequence[str] = ("joint",),
        parents: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"name": "clip_encoder", **kwargs})
        self.num_layers = layers
        self.units = units
        self.cell = cell
        self.bidirectional = bidirectional
        self.inputs_used = tuple(inputs)
        self.parents = [int(p) for p in parents]
        self.recurrent = [self._layer(number, layers) for number in range(layers)]

    def _layer(self, number: int, layers: int) -> keras.layers.Layer:
        kind = {"gru": GRU, "lstm": keras.layers.LSTM}[self.cell]
        layer = kind(self.units, return_sequences=number < layers - 1)
        return keras.layers.Bidirectional(layer) if self.bidirectional else layer

    @property
    def feature_dim(self) -> int:
        """D."""
        return self.units * (2 if self.bidirectional else 1)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        size = len(self.inputs_used) * math.prod(input_shape[2:])
        for layer in self.recurrent:
            layer.build((None, input_shape[1], size))
            size = self.feature_dim
        self.built = True

    def call(self, poses: tf.Tensor) -> tf.Tensor:
        features = input_streams(poses, self.inputs_used, self.parents)
        for layer in self.recurrent:
            features = layer(features)
        return features

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.feature_dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": self.num_layers,
            "units": self.units,
            "cell": self.cell,
            "bidirectional": self.bidirectional,
            "inputs": list(self.inputs_used),
            "parents": self.parents,
        }
