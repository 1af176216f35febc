"""Input streams: what an encoder reads of a pose besides its joint coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def input_streams(poses: tf.Tensor, names: Sequence[str], parents: Sequence[int] = ()) -> tf.Tensor:
    """Streams of flattened poses side by side: [B, T, M, J, C] -> [B, T, len(names) * M*J*C].

    Args:
        poses: normalised poses.
        names: ``joint``, ``motion`` (x[t+1] - x[t], last 0), ``bone`` (joint minus parent).
        parents: parent of each joint (its own index for roots); for ``bone`` only.
    """
    return tf.concat([_stream(poses, name, parents) for name in names], axis=-1)


def _stream(poses: tf.Tensor, name: str, parents: Sequence[int]) -> tf.Tensor:
    if name == "motion":
        following = tf.concat([poses[:, 1:], poses[:, -1:]], axis=1)
        poses = following - poses
    elif name == "bone":
        poses = poses - tf.gather(poses, parents, axis=3)
    size = poses.shape[2] * poses.shape[3] * poses.shape[4]
    return tf.reshape(poses, [tf.shape(poses)[0], tf.shape(poses)[1], size])
