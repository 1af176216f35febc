"""What every network gives, whatever is inside: feature maps, frames, one vector a clip."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.networks.layout_rows import ArraysOfLayouts
from ms2l_tf.settings.config import CHANNELS
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import ClipRandom
from ms2l_tf.views.channels import (
    flat_size,
    joint_channels,
    joint_size,
    needs_layout,
    person_channels,
)
from ms2l_tf.views.layout_arrays import LayoutArrays


class FeatureMap(NamedTuple):
    """Features of the persons that are present.

    Attributes:
        maps: [N, T', J', D]; J' is 1 where a network does not keep joints apart, T' where it does
            not keep frames.
        clip: [N] int32, ascending; to which row of the batch a person belongs.
        batch: B.
    """

    maps: tf.Tensor
    clip: tf.Tensor
    batch: tf.Tensor | int

    @classmethod
    def of_clips(cls, features: tf.Tensor) -> FeatureMap:
        """Features that keep no persons apart: [B, T', D], or one vector a clip, [B, D]."""
        if len(features.shape) == 2:
            features = features[:, None]
        batch = tf.shape(features)[0]
        return cls(features[:, :, None], tf.range(batch), batch)


def present_persons(poses: tf.Tensor) -> tf.Tensor:
    """Which of the B x M persons of poses [B, T, M, J, C] are there: [N] int32, ascending.

    The first person of a clip always counts, so that every clip has features.
    """
    seen = tf.reduce_any(poses != 0, axis=[1, 3, 4])
    seen = tf.concat([tf.ones_like(seen[:, :1]), seen[:, 1:]], axis=1)
    return tf.cast(tf.where(tf.reshape(seen, [-1]))[:, 0], tf.int32)


class Network(keras.Model, abc.ABC):
    """An encoder of clips in one or several skeleton layouts; it knows no method and no label.

    A network implements `feature_map` and `feature_dim`; one that keeps no frames apart sets
    `has_frames` to False. Everything else follows.

    Args:
        layouts: that it reads; a call names one by its number. None: one, of unknown bones.
        inputs: channels fed side by side (see `ms2l_tf.views.channels`), by the layout's own bones
            and points.
        coords: C; for networks whose weights depend on it before they are built.

    Input shape:
        [B, T, M, J, C] of normalised poses; persons that are zero in all frames are absent.

    Output shape:
        [B, T, D] if `gives_frames`, else [B, D].
    """

    has_frames = True  # whether `frames` can be told apart
    gives_frames = False  # whether a call returns frames rather than one vector a clip
    counts_crossings = False  # whether rounding can flip a feature: it counts what passes a bound

    def __init__(
        self,
        layouts: Sequence[SkeletonLayout] = (),
        *,
        inputs: Sequence[str] = ("joint",),
        coords: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if unknown := [name for name in inputs if name not in CHANNELS]:
            raise InputError(f"--inputs={unknown[0]}: is not one of {', '.join(CHANNELS)}")
        following = [name for name in inputs if needs_layout(name)]
        if following and not layouts:
            raise InputError(
                f"inputs: '{following[0]}' needs the layouts, whose bones and points it follows"
            )
        self.layouts = tuple(layouts)
        self.channels = tuple(inputs)
        self.coords = coords
        self._arrays = ArraysOfLayouts(layouts) if following else None

    def channels_of(self, poses: tf.Tensor, layout: tf.Tensor | int) -> list[tf.Tensor]:
        """What a network of joints reads, one tensor a channel: each [B, T, M, J, c]."""
        return joint_channels(poses, self.channels, self._arrays_of(layout))

    def person_channels_of(self, poses: tf.Tensor, layout: tf.Tensor | int) -> list[tf.Tensor]:
        """What a network of flattened poses reads, one tensor a channel: each [B, T, M, K, k]."""
        return person_channels(poses, self.channels, self._arrays_of(layout))

    def _arrays_of(self, layout: tf.Tensor | int) -> LayoutArrays | None:
        return None if self._arrays is None else self._arrays.of(layout)

    @property
    def joint_size(self) -> int:
        """Numbers of a joint in `channels_of`."""
        return sum(joint_size(name, self.coords) for name in self.channels)

    def person_sizes(self, joints: int, coords: int) -> list[int]:
        """Numbers of a person in `person_channels_of`, for each layout.

        Args:
            joints: J of the one layout of a network that was given none.
            coords: C.

        Raises:
            InputError: a layout has nothing to read.
        """
        if not self.layouts:
            return [len(self.channels) * joints * coords]
        sizes = []
        for layout in self.layouts:
            sizes.append(sum(flat_size(name, layout, coords) for name in self.channels))
            if not sizes[-1]:
                raise InputError(
                    f"--inputs={','.join(self.channels)}: layout {layout.name!r} has none of that; "
                    "add 'joint'"
                )
        return sizes

    @property
    @abc.abstractmethod
    def feature_dim(self) -> int:
        """D."""

    @abc.abstractmethod
    def feature_map(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> FeatureMap:
        """Features before pooling.

        Args:
            poses: [B, T, M, J, C].
            layout: number of the layout they are in: an int, or a scalar int32 tensor, with which
                J may be unknown when the function is traced.
            training: batch statistics, and dropout.
            random: decides dropout; without it there is none.
        """

    def pooled(self, features: FeatureMap) -> tf.Tensor:
        """Mean over frames and joints, then over the persons of a clip: [B, D] float32."""
        persons = tf.reduce_mean(tf.cast(features.maps, tf.float32), axis=[1, 2])
        return tf.math.unsorted_segment_mean(persons, features.clip, features.batch)

    def frames(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> tf.Tensor:
        """Features of every frame, mean over joints and persons: [B, T, D].

        A network with strides gives the features of a stretch to each of its frames.
        """
        features = self.feature_map(poses, layout, training, random)
        joints = tf.reduce_mean(features.maps, axis=2)
        frames = tf.math.unsorted_segment_mean(joints, features.clip, features.batch)
        wanted, given = tf.shape(poses)[1], tf.shape(frames)[1]
        frames = tf.gather(frames, tf.range(wanted) * given // wanted, axis=1)
        return tf.ensure_shape(frames, [None, poses.shape[1], self.feature_dim])

    def call(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
        by_frame: bool | None = None,
    ) -> tf.Tensor:
        """[B, T, M, J, C] -> [B, T, D] or [B, D]; the arguments of `feature_map`.

        `by_frame` asks for one or the other, where a network has both.
        """
        if self.gives_frames if by_frame is None else by_frame:
            return self.frames(poses, layout, training, random)
        return self.pooled(self.feature_map(poses, layout, training, random))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...], **_: Any
    ) -> tuple[int | None, ...]:
        if self.gives_frames:
            return (input_shape[0], input_shape[1], self.feature_dim)
        return (input_shape[0], self.feature_dim)

    def get_config(self) -> dict[str, Any]:
        layouts = [layout.to_json() for layout in self.layouts]
        return {
            **super().get_config(),
            "layouts": layouts,
            "inputs": list(self.channels),
            "coords": self.coords,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Network:
        layouts = [SkeletonLayout.from_json(entry, "saved model") for entry in config["layouts"]]
        return cls(**{**config, "layouts": layouts})
