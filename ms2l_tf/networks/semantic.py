"""A network of the points that all layouts share: one set of weights reads any skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.networks.base import FeatureMap, Network
from ms2l_tf.networks.layout_rows import LayoutRows
from ms2l_tf.serialised import deserialised
from ms2l_tf.skeletons.canonical import NECK, PELVIS, points_of_joints
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.semantic import SEMANTIC
from ms2l_tf.views import ClipRandom


class SemanticPoints:
    """Makes poses of any layout those of the canonical skeleton.

    A semantic point is the mean of its joints. One that a layout lacks is put where it is on a
    standing body (`ms2l_tf.skeletons.canonical`): below the hip or shoulder, or above the neck, by
    its usual distance along the clip's mean spine, so that what is computed of it hardly changes.

    Args:
        layouts: that are read.

    Raises:
        InputError: a layout lacks the neck, or all but two of the points.
    """

    def __init__(self, layouts: Sequence[SkeletonLayout]) -> None:
        self.layouts = tuple(layouts)
        points = [points_of_joints(layout) for layout in self.layouts]
        self._rows = LayoutRows([layout.num_joints for layout in self.layouts])
        self._weights = np.concatenate([each.weights for each in points])
        self._hung = np.stack([each.hung for each in points])

    def __call__(self, poses: tf.Tensor, layout: tf.Tensor | int = 0) -> tf.Tensor:
        """[B, T, M, J, C] -> [B, T, M, 11, C]."""
        weights = self._rows.of(tf.constant(self._weights, poses.dtype), layout)
        points = tf.einsum("btmjc,jp->btmpc", poses, weights)
        if not self._hung.any():
            return points
        shown = tf.reduce_any(poses != 0, axis=[3, 4], keepdims=True)
        shown = tf.cast(shown, poses.dtype)
        spine = points[:, :, :, NECK : NECK + 1] - points[:, :, :, PELVIS : PELVIS + 1]
        frames = tf.maximum(tf.reduce_sum(shown, axis=1, keepdims=True), 1)
        spine = tf.reduce_sum(spine * shown, axis=1, keepdims=True) / frames
        hung = tf.constant(self._hung, poses.dtype)[layout]
        return points + hung[:, None] * spine * shown


@keras.saving.register_keras_serializable("ms2l_tf")
class SemanticNetwork(Network):
    """Poses of any layout become those of the canonical skeleton, which a network reads.

    See `SemanticPoints`. No weight belongs to a layout.

    Args:
        network: of the canonical layout.
        layouts: that are read.
        **kwargs: name, see `Network`.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        That of the network.

    Raises:
        InputError: a layout lacks the neck, or all but two of the points.
    """

    def __init__(self, network: Network, layouts: Sequence[SkeletonLayout], **kwargs: Any) -> None:
        settings = {"coords": network.coords, "dtype": network.dtype_policy}
        super().__init__(layouts, **{**settings, **kwargs})
        self.network = network
        self.channels = network.channels
        self.has_frames, self.gives_frames = network.has_frames, network.gives_frames
        self._points = SemanticPoints(self.layouts)

    @property
    def feature_dim(self) -> int:
        return self.network.feature_dim

    def build(self, input_shape: tuple[Any, ...]) -> None:
        if not self.network.built:
            self.network.build((*input_shape[:3], len(SEMANTIC), input_shape[4]))
        self.built = True

    def points(self, poses: tf.Tensor, layout: tf.Tensor | int = 0) -> tf.Tensor:
        """Poses of the canonical skeleton: [B, T, M, J, C] -> [B, T, M, 11, C]."""
        return self._points(poses, layout)

    def feature_map(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> FeatureMap:
        return self.network.feature_map(self.points(poses, layout), 0, training, random)

    def pooled(self, features: FeatureMap) -> tf.Tensor:
        return self.network.pooled(features)

    def frames(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> tf.Tensor:
        return self.network.frames(self.points(poses, layout), 0, training, random)

    def call(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
        by_frame: bool | None = None,
    ) -> tf.Tensor:
        points = self.points(poses, layout)
        return self.network(points, training=training, random=random, by_frame=by_frame)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "network": keras.saving.serialize_keras_object(self.network),
            "layouts": [layout.to_json() for layout in self.layouts],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> SemanticNetwork:
        layouts = [SkeletonLayout.from_json(entry, "saved model") for entry in config["layouts"]]
        rest = {name: value for name, value in config.items() if name != "layouts"}
        return cls(**deserialised(rest, custom_objects), layouts=layouts)
