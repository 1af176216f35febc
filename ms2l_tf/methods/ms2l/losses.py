"""Losses of MS2L: pure functions of tensors, each divided by the number of clips N."""

from __future__ import annotations

import tensorflow as tf

from ms2l_tf.networks.heads import unit


def motion_prediction_loss(
    predicted: tf.Tensor, target: tf.Tensor, *, reduction: str = "mean"
) -> tf.Tensor:
    """Squared error of the predicted frames (Eq. 1).

    Args:
        predicted: [B, T - T', ...] frames T'+1 .. T.
        target: the same shape.
        reduction: over everything but clips: ``mean``, or ``sum`` as the equation is written.

    Returns:
        Scalar, mean over clips.
    """
    error = tf.square(tf.cast(predicted, tf.float32) - tf.cast(target, tf.float32))
    if reduction == "mean":
        return tf.reduce_mean(error)
    return tf.reduce_sum(error) / tf.cast(tf.shape(error)[0], tf.float32)


def hidden_joints_loss(
    predicted: tf.Tensor, target: tf.Tensor, hidden: tf.Tensor, *, reduction: str = "mean"
) -> tf.Tensor:
    """Squared error of the joints that were hidden, in all frames: Eq. 1 in space.

    Args:
        predicted: [B, T, M, J, C].
        target: the same shape.
        hidden: [B, J], 1 for a joint that was hidden, else 0.
        reduction: over a clip's hidden coordinates: ``mean``, so that every clip counts the same
            however many joints its hidden parts have; or ``sum``.

    Returns:
        Scalar, mean over clips.
    """
    predicted, target, hidden = (
        tf.cast(values, tf.float32) for values in (predicted, target, hidden)
    )
    error = tf.square(predicted - target) * hidden[:, None, None, :, None]
    total = tf.reduce_sum(error, axis=[1, 2, 3, 4])
    if reduction == "mean":
        _, frames, persons, _, coords = tf.unstack(tf.cast(tf.shape(error), tf.float32))
        total /= tf.reduce_sum(hidden, axis=1) * frames * persons * coords
    return tf.reduce_mean(total)


def jigsaw_loss(logits: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the segment order (Eq. 2).

    Args:
        logits: [B, S!], or [B, S, S]: for each place, which segment is there.
        order: [B] int, or [B, S].

    Returns:
        Scalar, mean over clips (and places).
    """
    logits = tf.cast(logits, tf.float32)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(order, logits))


def contrastive_logits(
    versions: tf.Tensor, means: tf.Tensor, *, temperature: float = 1.0
) -> tf.Tensor:
    """Cosine similarities of every version to every clip's mean, over the temperature.

    Args:
        versions: [B, V, D] projections z of V versions of B clips.
        means: [N, D] mean projection of each clip of the global batch.
        temperature: what the similarities are divided by.

    Returns:
        [B, V, N] float32.
    """
    return tf.einsum("bvd,nd->bvn", unit(versions), unit(means)) / temperature


def mean_contrastive_loss(
    versions: tf.Tensor,
    *,
    temperature: float = 1.0,
    means: tf.Tensor | None = None,
    offset: tf.Tensor | int = 0,
) -> tf.Tensor:
    """Contrast of each version with the means of all clips (Eq. 3): not plain NT-Xent.

    A version's positive is the mean over its own clip's versions, its negatives are the means of
    the other clips.

    Args:
        versions: [B, V, D].
        temperature: 1 in the paper.
        means: [N, D] of the global batch; by default those of `versions` (N = B).
        offset: index of the first local clip among the N.

    Returns:
        Scalar, mean over the local B x V versions. Uniform similarities give log N.
    """
    if means is None:
        means = version_means(versions)
    logits = contrastive_logits(versions, means, temperature=temperature)
    own = tf.range(tf.shape(versions)[0]) + offset
    own = tf.broadcast_to(own[:, None], tf.shape(logits)[:2])
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(own, logits))


def version_means(versions: tf.Tensor) -> tf.Tensor:
    """Mean projection of each clip: [B, V, D] -> [B, D] float32."""
    return tf.reduce_mean(tf.cast(versions, tf.float32), axis=1)
