"""Recurrent encoders that give one vector a clip: plain LSTM and BLSTM, and LongT GAN's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.networks.recurrent import GRU
from ms2l_tf.networks.sequence_network import SequenceNetwork
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom


@keras.saving.register_keras_serializable("ms2l_tf")
class ClipEncoder(SequenceNetwork):
    """Features of a whole clip: the last output of stacked recurrent layers.

    Args:
        layouts: that it reads; see `SequenceNetwork`.
        layers: recurrent layers.
        units: units a layer and direction; D = units, or 2 x units when bidirectional.
        cell: ``gru`` or ``lstm``.
        bidirectional: read the clip both ways; each direction gives its own last output.
        **kwargs: inputs and name, see `Network`.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        [B, D].
    """

    has_frames = False

    def __init__(
        self,
        layouts: Sequence[SkeletonLayout] = (),
        *,
        layers: int = 1,
        units: int = 100,
        cell: str = "lstm",
        bidirectional: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(layouts, layers=layers, units=units, **{"name": "clip_encoder", **kwargs})
        self.cell = cell
        self.bidirectional = bidirectional
        self.recurrent = [self._layer(number, layers) for number in range(layers)]

    def _layer(self, number: int, layers: int) -> keras.layers.Layer:
        kind = {"gru": GRU, "lstm": keras.layers.LSTM}[self.cell]
        layer = kind(self.units, return_sequences=number < layers - 1)
        return keras.layers.Bidirectional(layer) if self.bidirectional else layer

    @property
    def feature_dim(self) -> int:
        return self.units * (2 if self.bidirectional else 1)

    def build_layers(self, frames: int | None, size: int) -> None:
        for layer in self.recurrent:
            layer.build((None, frames, size))
            size = self.feature_dim

    def features(self, sequences: tf.Tensor) -> tf.Tensor:
        for layer in self.recurrent:
            sequences = layer(sequences)
        return sequences

    def call(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
        by_frame: bool | None = None,
    ) -> tf.Tensor:
        return self.encoded(poses, layout, training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cell": self.cell, "bidirectional": self.bidirectional}
