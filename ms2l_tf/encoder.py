"""The shared encoder f: a bidirectional GRU over flattened poses (section 4.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import recurrent
from ms2l_tf.streams import input_streams


@keras.saving.register_keras_serializable("ms2l_tf")
class Encoder(keras.Model):
    """Features of every frame.

    Args:
        layers: bidirectional layers.
        units: units a layer and direction; D = 2 x units.
        cell: ``gru`` or ``lstm``.
        inputs: streams fed side by side: ``joint``, ``motion`` (x[t+1] - x[t], last 0),
            ``bone`` (joint minus parent; roots 0).
        parents: parent of each joint (its own index for roots); for ``bone`` only.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        [B, T, D].
    """

    def __init__(
        self,
        *,
        layers: int = 1,
        units: int = 30,
        cell: str = "gru",
        inputs: Sequence[str] = ("joint",),
        parents: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"name": "encoder", **kwargs})
        self.num_layers = layers
        self.units = units
        self.cell = cell
        self.inputs_used = tuple(inputs)
        self.parents = [int(p) for p in parents]
        # The paper: "uniform random initialisation"; Keras' defaults are Glorot uniform for the
        # input and orthogonal for the recurrent kernel, which trains far more steadily.
        self.recurrent = [
            recurrent.bidirectional(cell, units, name=f"bidirectional_{number}")
            for number in range(layers)
        ]

    @property
    def feature_dim(self) -> int:
        """D."""
        return 2 * self.units

    def build(self, input_shape: tuple[Any, ...]) -> None:
        size = len(self.inputs_used) * math.prod(input_shape[2:])
        for layer in self.recurrent:
            layer.build((None, input_shape[1], size))
            size = 2 * self.units
        self.built = True

    def call(self, poses: tf.Tensor) -> tf.Tensor:
        frames = input_streams(poses, self.inputs_used, self.parents)
        for layer in self.recurrent:
            frames = recurrent.run(layer, frames)
        return frames

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], input_shape[1], 2 * self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": self.num_layers,
            "units": self.units,
            "cell": self.cell,
            "inputs": list(self.inputs_used),
            "parents": self.parents,
        }
