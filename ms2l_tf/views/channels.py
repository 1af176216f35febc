"""Input channels: what a network reads of a pose besides its joint coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

CHANNELS = ("joint", "motion", "bone")


def input_channels(
    poses: tf.Tensor, names: Sequence[str], parents: tf.Tensor | Sequence[int] = ()
) -> list[tf.Tensor]:
    """The named channels, each [B, T, M, J, C].

    Args:
        poses: normalised poses [B, T, M, J, C].
        names: ``joint``, ``motion`` (x[t+1] - x[t], last 0), ``bone`` (joint minus parent, roots
            0).
        parents: parent of each joint (its own index for roots), [J]; for ``bone`` only.
    """
    return [_channel(poses, name, parents) for name in names]


def _channel(poses: tf.Tensor, name: str, parents: tf.Tensor | Sequence[int]) -> tf.Tensor:
    if name == "motion":
        following = tf.concat([poses[:, 1:], poses[:, -1:]], axis=1)
        return following - poses
    if name == "bone":
        return poses - tf.gather(poses, parents, axis=3)
    return poses
