"""Temporal views of MS2L (Lin et al. 2020, sections 3.2.1-3.2.3): plain, masked, jigsaw."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.serialised import Record
from ms2l_tf.views.clip_random import ClipRandom


class View(Protocol):
    """A pure transformation of a batch; `name` identifies it among a model's views."""

    @property
    def name(self) -> str: ...

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tuple[tf.Tensor, Any]:
        """[B, T, M, J, C] -> (version [B, T, M, J, C], target: tensors, or None)."""
        ...


@keras.saving.register_keras_serializable("ms2l_tf")
@dataclasses.dataclass(frozen=True)
class Plain(Record):
    """The clip as it is; no target."""

    name: str = "plain"

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tuple[tf.Tensor, None]:
        del random
        return poses, None


@keras.saving.register_keras_serializable("ms2l_tf")
@dataclasses.dataclass(frozen=True)
class TemporalMask(Record):
    """The motion prediction input: the first T' frames with Gaussian noise, the rest zero.

    The target is the clean clip [B, T, M, J, C]; `observed` says where the prediction begins.

    Args:
        observed: T', 1 <= T' < T.
        noise: standard deviation of the noise, in the unit of the poses.
    """

    observed: int
    noise: float = 0.05
    name: str = "temporal_mask"

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tuple[tf.Tensor, tf.Tensor]:
        frames = poses.shape[1]
        if frames is not None and not 1 <= self.observed < frames:
            raise InputError(f"--observed: {self.observed} frames of {frames}; it must be fewer")
        seen = poses[:, : self.observed]
        if self.noise:
            seen += self.noise * random.normal(tf.shape(seen)[1:])
        masked = tf.zeros_like(poses[:, self.observed :])
        return tf.concat([seen, masked], axis=1), poses


@keras.saving.register_keras_serializable("ms2l_tf")
@dataclasses.dataclass(frozen=True)
class TemporalJigsaw(Record):
    """S equal segments of floor(T / S) frames in one of S! orders; the target is the order [B].

    What is left of T after S segments is cut off, since a longer last segment would give the order
    away. The version is brought back to T by repeating its last frame, whatever the order is, so
    that all versions fit into one encoder call.

    Order p puts segment ``orders[p][i]`` at place i.
    """

    segments: int = 3
    name: str = "temporal_jigsaw"

    @property
    def orders(self) -> np.ndarray:
        """All orders, lexicographic: [S!, S]."""
        return np.array(list(itertools.permutations(range(self.segments))), np.int32)

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tuple[tf.Tensor, tf.Tensor]:
        frames = poses.shape[1]
        if frames is None or not 2 <= self.segments <= frames:
            raise InputError(f"--segments: {self.segments} segments of {frames} frames")
        target = random.integers(len(self.orders))
        length = frames // self.segments
        order = tf.gather(tf.constant(self.orders), target)
        index = order[:, :, None] * length + tf.range(length)
        index = tf.reshape(index, [-1, self.segments * length])
        rest = frames - self.segments * length
        index = tf.concat([index, tf.repeat(index[:, -1:], rest, axis=1)], axis=1)
        version = tf.gather(poses, index, batch_dims=1)
        return tf.ensure_shape(version, poses.shape), target
