"""The ST-GCN that serves several skeleton layouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.networks.base import FeatureMap, Network, present_persons
from ms2l_tf.networks.blocks import Dropping, GraphBlock
from ms2l_tf.networks.graph import partitions
from ms2l_tf.networks.layout_rows import LayoutRows
from ms2l_tf.networks.normalisation import BatchNorm
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom

# Channels (times the width) and temporal stride of the ten blocks.
_BLOCKS = ((1, 1), (1, 1), (1, 1), (1, 1), (2, 2), (2, 1), (2, 1), (4, 2), (4, 1), (16, 1))
# A shallower network loses these first: the inner blocks of a stage, then a stage.
_LEAST_NEEDED = (3, 6, 2, 8, 5, 1, 4, 7)


@keras.saving.register_keras_serializable("msclr")
class STGCN(Network):
    """Spatial-temporal graph convolutional network with one input side for each layout.

    Input normalisation, adjacency, edge importance and the moving statistics of every
    normalisation belong to a layout; all other weights are shared. A tensor holds one layout and
    is never padded to the joints of another; absent persons are left out before the network, and
    the present ones of a clip are averaged after it.

    Args:
        layouts: the skeletons.
        partition: one of `graph.PARTITIONS`.
        width: channels of the first blocks; D = 16 * width.
        blocks: 2 .. 10 of the ten.
        temporal_kernel: frames of a temporal convolution; odd.
        dropout: rate in every block but the first.
        edge_importance: learn a factor for every entry of the adjacency in every block.
        **kwargs: inputs, coords and name, see `Network`.

    Input shape:
        [B, T, M, J, C]; persons that are zero in all frames are absent.

    Output shape:
        [B, D], float32.

    Reference:
        Yan et al., "Spatial temporal graph convolutional networks for skeleton-based action
        recognition", AAAI 2018.
    """

    def __init__(
        self,
        layouts: Sequence[SkeletonLayout],
        *,
        partition: str = "spatial",
        width: int = 16,
        blocks: int = 10,
        temporal_kernel: int = 9,
        dropout: float = 0.5,
        edge_importance: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(layouts, **{"name": "stgcn", **kwargs})
        if not 2 <= blocks <= len(_BLOCKS):
            raise InputError(f"--blocks={blocks}: must be 2 to {len(_BLOCKS)}")
        if temporal_kernel % 2 == 0:
            raise InputError(f"--temporal_kernel={temporal_kernel}: must be odd")
        self.partition = partition
        self.width = width
        self.num_blocks = blocks
        self.temporal_kernel = temporal_kernel
        self.dropout = dropout
        self.edge_importance = edge_importance
        graphs = [partitions(layout, partition) for layout in self.layouts]
        self._edge_rows = LayoutRows([graph.size for graph in graphs])
        # [R, neighbour, joint] -> joint, partition, neighbour: the order of `graph_convolution`.
        self._adjacency = np.concatenate([graph.transpose(2, 0, 1).ravel() for graph in graphs])
        sizes = [self.joint_size * layout.num_joints for layout in self.layouts]
        self.input_norm = BatchNorm(sizes, name="input_norm")
        self.blocks = self._make_blocks(len(graphs[0]))

    def _make_blocks(self, count: int) -> list[GraphBlock]:
        left_out = _LEAST_NEEDED[: len(_BLOCKS) - self.num_blocks]
        kept = [block for number, block in enumerate(_BLOCKS) if number not in left_out]
        return [
            GraphBlock(
                multiple * self.width,
                stride=stride,
                temporal_kernel=self.temporal_kernel,
                residual=number > 0,
                dropout=self.dropout if number else 0.0,
                partitions=count,
                layouts=len(self.layouts),
                edges=self._edge_rows.sizes if self.edge_importance else (),
                name=f"block_{number}",
            )
            for number, (multiple, stride) in enumerate(kept)
        ]

    @property
    def feature_dim(self) -> int:
        return _BLOCKS[-1][0] * self.width

    def build(self, input_shape: tuple[Any, ...]) -> None:
        self.input_norm.build((None, None, 1, None))
        channels = self.joint_size
        for block in self.blocks:
            block.build((None, None, None, channels))
            channels = block.filters
        self.built = True

    def feature_map(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> FeatureMap:
        random = random if training else None
        poses = tf.cast(poses, self.compute_dtype)
        values, rows, persons = self._persons(poses, layout)
        values = self._normalised(values, layout, training)
        adjacency = tf.constant(self._adjacency, values.dtype)
        adjacency = self._edge_rows.of(adjacency, layout)
        dropping = None if random is None else Dropping(random, persons, rows)
        for number, block in enumerate(self.blocks):
            values = block(
                values,
                adjacency,
                layout=layout,
                training=training,
                dropping=dropping and dropping.stream(number),
            )
        return FeatureMap(values, rows // persons, tf.shape(poses)[0])

    def _persons(
        self, poses: tf.Tensor, layout: tf.Tensor | int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | int]:
        """The channels of those present, [N, T, J, C], which of B * M they are, [N], and M."""
        batch, frames, persons, joints, _ = tf.unstack(tf.shape(poses))
        persons = poses.shape[2] or persons
        rows = present_persons(poses)
        channels = tf.concat(self.channels_of(poses, layout), axis=-1)
        by_person = tf.transpose(channels, [0, 2, 1, 3, 4])
        coords = by_person.shape[-1]
        by_person = tf.reshape(by_person, [batch * persons, frames, joints, coords])
        by_person = tf.ensure_shape(by_person, [None, poses.shape[1], poses.shape[3], coords])
        return tf.gather(by_person, rows), rows, persons

    def _normalised(self, values: tf.Tensor, layout: tf.Tensor | int, training: bool) -> tf.Tensor:
        """Batch normalisation of every coordinate of every joint: [N, T, J, C]."""
        shape = tf.shape(values)
        flat = tf.reshape(values, [shape[0], shape[1], 1, shape[2] * shape[3]])
        flat = self.input_norm(flat, training=training, layout=layout)
        return tf.ensure_shape(tf.reshape(flat, shape), values.shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "partition": self.partition,
            "width": self.width,
            "blocks": self.num_blocks,
            "temporal_kernel": self.temporal_kernel,
            "dropout": self.dropout,
            "edge_importance": self.edge_importance,
        }
