"""A block of the ST-GCN: graph convolution over joints, convolution over frames, residual."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.networks.layout_rows import LayoutRows
from ms2l_tf.networks.normalisation import BatchNorm
from ms2l_tf.views import ClipRandom

_LEVELS = 256  # a dropout decision takes one random byte


@dataclasses.dataclass(frozen=True)  # not a tuple: Keras would look into it for tensors
class Dropping:
    """What dropout is drawn from.

    Attributes:
        random: of the clips.
        persons: M.
        rows: [N] int32; which of the B * M persons the rows of a feature map are.
    """

    random: ClipRandom
    persons: tf.Tensor | int
    rows: tf.Tensor

    def stream(self, number: int) -> Dropping:
        """An independent stream; equal numbers give equal streams."""
        return dataclasses.replace(self, random=self.random.stream(number))

    def kept(self, values: tf.Tensor, rate: float) -> tf.Tensor:
        """Ones where entries stay and zeros where they are dropped: [N, T, J, D].

        A person's mask belongs to its clip, wherever the clip is computed. Random bytes rather
        than floats: a quarter of the time, and exact for a rate of one half.

        Args:
            values: [N, T, J, D].
            rate: share that is dropped, rounded to 1/256.
        """
        channels = values.shape[-1]
        words = -(-channels // 4)
        frames, joints = _sizes(values)[1:3]
        drawn = self.random.words([self.persons, frames, joints, words])
        drawn = tf.reshape(drawn, [self.random.batch * self.persons, frames, joints, words])
        drawn = tf.bitcast(tf.gather(drawn, self.rows), tf.uint8)
        drawn = tf.reshape(drawn, [*_sizes(values)[:3], 4 * words])[..., :channels]
        return tf.cast(drawn >= _threshold(rate), values.dtype)


class GraphBlock(keras.layers.Layer):
    """Graph convolution, BN, ReLU, temporal convolution, BN, dropout; plus residual; ReLU.

    The graph convolution of partitions A_r, edge importance E_r and kernels W_r is
    ``y[w] = sum_r sum_v A_r[v, w] E_r[v, w] x[v] W_r``. Convolutions have no bias, for batch
    normalisation follows. The residual is the input itself, or its strided 1x1 convolution with
    BN where the shape changes.

    Args:
        filters: output channels D'.
        stride: of the temporal convolution.
        temporal_kernel: its frames.
        residual: add the block's input.
        dropout: rate.
        partitions: R.
        layouts: how many have statistics of their own in the normalisations.
        edges: entries R * J * J of every layout's adjacency; empty: no edge importance.
    """

    def __init__(
        self,
        filters: int,
        *,
        stride: int,
        temporal_kernel: int,
        residual: bool,
        dropout: float,
        partitions: int,
        layouts: int,
        edges: Sequence[int],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.stride = stride
        self.temporal_kernel = temporal_kernel
        self.residual = residual
        self.dropout = dropout
        self.partitions = partitions
        self.layouts = layouts
        self.edges = LayoutRows(edges)
        self.graph_norm = BatchNorm(filters, layouts=layouts, name="graph_norm")
        self.temporal_norm = BatchNorm(filters, layouts=layouts, name="temporal_norm")
        self.residual_norm: BatchNorm | None = None

    def build(self, input_shape: tuple[Any, ...]) -> None:
        channels = input_shape[-1]
        self.graph_kernel = self._kernel("graph", (self.partitions * channels, self.filters))
        shape = (self.temporal_kernel, 1, self.filters, self.filters)
        self.frames_kernel = self._kernel("temporal", shape)
        if self.edges.total:
            self.importance = self.add_weight(
                name="edge_importance", shape=(self.edges.total,), initializer="ones"
            )
        if self.residual and (self.stride > 1 or channels != self.filters):
            self.residual_kernel = self._kernel("residual", (1, 1, channels, self.filters))
            self.residual_norm = BatchNorm(self.filters, layouts=self.layouts, name="residual_norm")
            self.residual_norm.build((None, None, None, self.filters))
        for norm in (self.graph_norm, self.temporal_norm):
            norm.build((None, None, None, self.filters))
        self.built = True

    def _kernel(self, name: str, shape: tuple[int, ...]) -> keras.Variable:
        return self.add_weight(name=f"{name}_kernel", shape=shape, initializer="he_normal")

    def call(
        self,
        values: tf.Tensor,
        adjacency: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        dropping: Dropping | None = None,
    ) -> tf.Tensor:
        """One block.

        Args:
            values: [N, T, J, D].
            adjacency: of the layout, flat in the order of joint, partition, neighbour: [J * R * J].
            layout: its number.
            training: use the statistics of the batch.
            dropping: source of dropout; None: none.

        Returns:
            [N, T', J, D'].
        """
        dtype = values.dtype
        if self.edges.total:
            importance = self.edges.of(tf.convert_to_tensor(self.importance), layout)
            adjacency = adjacency * tf.cast(importance, dtype)
        drops = dropping is not None and self.dropout > 0
        outputs = graph_convolution(values, adjacency, _cast(self.graph_kernel, dtype))
        outputs = tf.nn.relu(self.graph_norm(outputs, training=training, layout=layout))
        outputs = self._strided(outputs, self.frames_kernel)
        # What dropout keeps is scaled up here, where it costs nothing.
        gain = _LEVELS / (_LEVELS - _threshold(self.dropout)) if drops else 1.0
        outputs = self.temporal_norm(outputs, training=training, layout=layout, gain=gain)
        if drops:
            assert dropping is not None
            outputs *= dropping.kept(outputs, self.dropout)
        if self.residual:
            outputs += self._shortcut(values, layout, training)
        return tf.nn.relu(outputs)

    def _shortcut(self, values: tf.Tensor, layout: tf.Tensor | int, training: bool) -> tf.Tensor:
        if self.residual_norm is None:
            return values
        shorter = self._strided(values, self.residual_kernel)
        return self.residual_norm(shorter, training=training, layout=layout)

    def _strided(self, values: tf.Tensor, kernel: keras.Variable) -> tf.Tensor:
        return temporal_convolution(values, _cast(kernel, values.dtype), self.stride)


def graph_convolution(values: tf.Tensor, adjacency: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Neighbours are summed by one matrix product, partitions and channels mixed by another.

    Args:
        values: [N, T, J, D].
        adjacency: flat in the order of joint, partition, neighbour: [J * R * J].
        kernel: partitions one below the other: [R * D, D'].

    Returns:
        [N, T, J, D'].
    """
    rows, frames, joints, channels = _sizes(values)
    adjacency = tf.reshape(adjacency, [-1, joints])
    summed = tf.matmul(adjacency, tf.reshape(values, [-1, joints, channels]))
    mixed = tf.matmul(tf.reshape(summed, [-1, kernel.shape[0]]), kernel)
    return tf.reshape(mixed, [rows, frames, joints, kernel.shape[1]])


def temporal_convolution(values: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Convolution over frames whose output frame t is centred at input frame stride * t.

    Args:
        values: [N, T, J, D].
        kernel: [frames, 1, D, D'], frames odd.
        stride: over frames.

    Returns:
        [N, ceil(T / stride), J, D'], as if frames before and after were zero.
    """
    padding, half = "SAME", kernel.shape[0] // 2
    if stride > 1:
        # "SAME" would move the centre for an even T. The convolution's own explicit padding gives
        # the same numbers as this, with gradients that take three times as long on a CPU.
        values = tf.pad(values, [[0, 0], [half, half], [0, 0], [0, 0]])
        padding = "VALID"
    return tf.nn.conv2d(values, kernel, strides=[1, stride, 1, 1], padding=padding)


def _threshold(rate: float) -> int:
    return round(_LEVELS * rate)


def _cast(weight: keras.Variable, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.convert_to_tensor(weight), dtype)


def _sizes(values: tf.Tensor) -> list[tf.Tensor | int]:
    """Sizes of the axes, static where known."""
    dynamic = tf.shape(values)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(values.shape)]
