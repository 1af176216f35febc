"""The shared encoder f of MS2L: a bidirectional GRU over flattened poses (section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.networks import recurrent
from ms2l_tf.networks.sequence_network import SequenceNetwork
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom


@keras.saving.register_keras_serializable("ms2l_tf")
class FrameEncoder(SequenceNetwork):
    """Features of every frame, read both ways; D = 2 x units.

    Args:
        layouts: that it reads; see `SequenceNetwork`.
        layers: bidirectional layers.
        units: units a layer and direction.
        cell: ``gru`` or ``lstm``.
        **kwargs: inputs and name, see `Network`.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        [B, T, D].
    """

    gives_frames = True

    def __init__(
        self,
        layouts: Sequence[SkeletonLayout] = (),
        *,
        layers: int = 1,
        units: int = 30,
        cell: str = "gru",
        **kwargs: Any,
    ) -> None:
        super().__init__(layouts, layers=layers, units=units, **{"name": "encoder", **kwargs})
        self.cell = cell
        # The paper: "uniform random initialisation"; Keras' defaults are Glorot uniform for the
        # input and orthogonal for the recurrent kernel, which trains far more steadily.
        self.recurrent = [
            recurrent.bidirectional(cell, units, name=f"bidirectional_{number}")
            for number in range(layers)
        ]

    @property
    def feature_dim(self) -> int:
        return 2 * self.units

    def build_layers(self, frames: int | None, size: int) -> None:
        for layer in self.recurrent:
            layer.build((None, frames, size))
            size = 2 * self.units

    def features(self, sequences: tf.Tensor) -> tf.Tensor:
        for layer in self.recurrent:
            sequences = recurrent.run(layer, sequences)
        return sequences

    def frames(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> tf.Tensor:
        return self.encoded(poses, layout, training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cell": self.cell}
