"""A temporal convolutional network over flattened channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.networks.normalisation import BatchNorm
from ms2l_tf.networks.sequence_network import SequenceNetwork
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom

TAPS = 5


@keras.saving.register_keras_serializable("ms2l_tf")
class TemporalBlock(keras.layers.Layer):
    """Adds to its input what a dilated convolution and a linear map of each frame make of it.

    x + map(gelu(convolution(layer norm(x)))), with the GELU's approximation by tanh.

    Args:
        units: D.
        dilation: frames between two taps.

    Input and output shape:
        [B, T, D].
    """

    def __init__(self, units: int, *, dilation: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dilation = dilation
        self.norm = keras.layers.LayerNormalization(name="norm")
        self.convolution = keras.layers.Conv1D(
            units, TAPS, padding="same", dilation_rate=dilation, name="convolution"
        )
        self.frame_map = keras.layers.Dense(units, name="frame_map")

    def build(self, input_shape: tuple[Any, ...]) -> None:
        for layer in (self.norm, self.convolution, self.frame_map):
            layer.build((None, None, self.units))
        self.built = True

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return values + self.frame_map(keras.ops.gelu(self.convolution(self.norm(values))))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dilation": self.dilation}


@keras.saving.register_keras_serializable("ms2l_tf")
class TCN(SequenceNetwork):
    """Features of every frame by residual convolutions over time; D = units.

    Every number of a frame is normalised over the batch first, channels being of very unequal
    size; then a linear map to D and the blocks, whose dilations double (Bai et al., "An empirical
    evaluation of generic convolutional and recurrent networks for sequence modeling", 2018; here
    neither causal nor with dropout).

    Args:
        layouts: that it reads; see `SequenceNetwork`.
        layers: blocks; the n-th looks 2 x 2^n frames each way (n from 0).
        units: D.
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
        layers: int = 4,
        units: int = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(layouts, layers=layers, units=units, **{"name": "tcn", **kwargs})
        self.input_map = keras.layers.Dense(units, name="input_map")
        self.blocks = [
            TemporalBlock(units, dilation=2**number, name=f"block_{number}")
            for number in range(layers)
        ]

    @property
    def feature_dim(self) -> int:
        return self.units

    def build_layers(self, frames: int | None, size: int) -> None:
        self.input_norm = BatchNorm(size, layouts=max(len(self.layouts), 1), name="input_norm")
        self.input_norm.build((None, None, 1, size))
        self.input_map.build((None, None, size))
        for block in self.blocks:
            block.build((None, None, self.units))

    def encoded(
        self, poses: tf.Tensor, layout: tf.Tensor | int, training: bool = False
    ) -> tf.Tensor:
        values = self.sequences(poses, layout)[:, :, None]
        values = self.input_norm(values, training=training, layout=layout)
        return self.features(values[:, :, 0])

    def features(self, sequences: tf.Tensor) -> tf.Tensor:
        values = self.input_map(sequences)
        for block in self.blocks:
            values = block(values)
        return values

    def frames(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> tf.Tensor:
        return self.encoded(poses, layout, training)
