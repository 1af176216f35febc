"""Spatial views, for the ablation of MS2L (Lin et al. 2020, Table 8): body parts, not frames."""

from __future__ import annotations

import dataclasses
import itertools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.serialised import Record
from ms2l_tf.views.clip_random import ClipRandom

Parts = tuple[tuple[int, ...], ...]


class HiddenJoints(NamedTuple):
    """What spatial prediction has to find."""

    poses: tf.Tensor  # [B, T, M, J, C], the clean clip
    hidden: tf.Tensor  # [B, J] float32, 1 where a joint was masked


@keras.saving.register_keras_serializable("ms2l_tf")
@dataclasses.dataclass(frozen=True)
class SpatialMask(Record):
    """Some body parts, drawn for each clip, are zero in all frames; the rest has Gaussian noise.

    Args:
        parts: joints of each body part; together all joints, each once.
        masked: parts that are hidden, fewer than there are.
        noise: standard deviation of the noise on what is seen, as in `TemporalMask`.
    """

    parts: Parts
    masked: int = 2
    noise: float = 0.05
    name: str = "spatial_mask"

    def __post_init__(self) -> None:
        if not 1 <= self.masked < len(self.parts):
            raise InputError(
                f"--masked_parts: {self.masked} of {len(self.parts)} body parts; at least one has "
                "to be hidden and one to be seen"
            )

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tuple[tf.Tensor, HiddenJoints]:
        # The places of the smallest of P independent draws are a fair choice of parts.
        ranks = tf.argsort(tf.argsort(random.stream(0).uniform([len(self.parts)])))
        chosen = tf.cast(ranks < self.masked, poses.dtype)
        hidden = tf.matmul(chosen, tf.constant(self._members(), poses.dtype))
        seen = poses
        if self.noise:
            seen += self.noise * random.stream(1).normal(tf.shape(poses)[1:])
        version = seen * (1.0 - hidden)[:, None, None, :, None]
        return tf.ensure_shape(version, poses.shape), HiddenJoints(poses, hidden)

    def _members(self) -> np.ndarray:
        """Which joints belong to which part: [P, J] of zeros and ones."""
        members = np.zeros((len(self.parts), sum(map(len, self.parts))), np.float32)
        for row, joints in zip(members, self.parts, strict=True):
            row[list(joints)] = 1.0
        return members


@keras.saving.register_keras_serializable("ms2l_tf")
@dataclasses.dataclass(frozen=True)
class SpatialJigsaw(Record):
    """The body parts one after another in one of P! orders; the target is the order [B].

    Order p puts part ``orders[p][i]`` at place i: its joints come in their own order, right after
    those of the part before, so a joint is fed to the encoder in the place of another.

    What gives the answer away, so that the task can be solved without looking at motion:
    - Posture. Normalised parts stand where they stand on the body, arms above legs, left beside
      right. On NW-UCLA (20 joints, all parts of four) a linear classifier on the first frame names
      96 % of the slots of unseen training clips right.
    - The origin. With centring on each frame the joints of the root average to zero.
    - Sizes. Where parts differ in their numbers of joints, places differ in where they begin.

    Args:
        parts: joints of each body part; together all joints, each once.
    """

    parts: Parts
    name: str = "spatial_jigsaw"

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise InputError(
                "--jigsaw_view=spatial: the layout has fewer than two body parts to shuffle"
            )

    @property
    def orders(self) -> np.ndarray:
        """All orders, lexicographic: [P!, P]."""
        return np.array(list(itertools.permutations(range(len(self.parts)))), np.int32)

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tuple[tf.Tensor, tf.Tensor]:
        orders = self.orders
        target = random.integers(len(orders))
        places = [[joint for part in order for joint in self.parts[part]] for order in orders]
        index = tf.gather(tf.constant(places, tf.int32), target)
        version = tf.gather(poses, index, axis=3, batch_dims=1)
        return tf.ensure_shape(version, poses.shape), target
