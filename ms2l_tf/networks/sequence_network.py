"""What networks of sequences share: their input, flattened poses of one or several layouts."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ms2l_tf.networks.base import FeatureMap, Network
from ms2l_tf.networks.layout_rows import LayoutRows
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom


class SequenceNetwork(Network, abc.ABC):
    """Layers over the flattened poses of all persons, frame after frame.

    One layout's channels are fed as they are. Several layouts have a linear map each, from their
    own number of values to 2 x units, before the layers that all share.

    Args:
        layouts: that it reads; see `Network`.
        layers: how many.
        units: of a layer.
        **kwargs: inputs and name, see `Network`.
    """

    def __init__(
        self,
        layouts: Sequence[SkeletonLayout] = (),
        *,
        layers: int,
        units: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(layouts, **kwargs)
        self.num_layers = layers
        self.units = units
        self.embedding: Any = None

    @abc.abstractmethod
    def features(self, sequences: tf.Tensor) -> tf.Tensor:
        """[B, T, I] -> [B, T, D], or [B, D]."""

    @abc.abstractmethod
    def build_layers(self, frames: int | None, size: int) -> None:
        """Creates the weights of the layers for sequences [B, T, I]."""

    def build(self, input_shape: tuple[Any, ...]) -> None:
        frames, persons, joints, coords = input_shape[1:]
        sizes = [persons * size for size in self.person_sizes(joints, coords)]
        size = sizes[0]
        if len(self.layouts) > 1:
            size = 2 * self.units
            self._input_rows = LayoutRows(sizes)
            self.embedding = self.add_weight(
                name="embedding", shape=(self._input_rows.total, size), initializer="glorot_uniform"
            )
        self.build_layers(frames, size)
        self.built = True

    def feature_map(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> FeatureMap:
        return FeatureMap.of_clips(self.encoded(poses, layout, training))

    def encoded(
        self, poses: tf.Tensor, layout: tf.Tensor | int, training: bool = False
    ) -> tf.Tensor:
        """[B, T, M, J, C] -> [B, T, D], or [B, D]."""
        return self.features(self.sequences(poses, layout))

    def sequences(self, poses: tf.Tensor, layout: tf.Tensor | int) -> tf.Tensor:
        """What the layers read: [B, T, I]."""
        batch, time = tf.shape(poses)[0], tf.shape(poses)[1]
        flat = [
            tf.reshape(channel, [batch, time, _size_of_frame(channel)])
            for channel in self.person_channels_of(poses, layout)
        ]
        sequences = tf.concat(flat, axis=-1)
        if self.embedding is None:
            return sequences
        kernel = self._input_rows.of(tf.convert_to_tensor(self.embedding), layout)
        return tf.matmul(tf.cast(sequences, kernel.dtype), kernel)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": self.num_layers,
            "units": self.units,
        }


def _size_of_frame(channel: tf.Tensor) -> int:
    """Numbers of all persons in a frame of [B, T, M, K, k], or -1 where that is not known."""
    return -1 if None in channel.shape[2:] else math.prod(channel.shape[2:])
