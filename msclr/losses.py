"""Losses of MoCo-style contrast with a queue: pure functions of unit vectors and their logits.

The queue's entries of the query's own clip are neither negatives nor neighbours: a small dataset
comes round while its keys are still in the queue.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

# What is left out has exactly no probability in float32, and 0 x log 0 stays 0.
_LEFT_OUT = -1e9


def contrast_logits(
    query: tf.Tensor, key: tf.Tensor, queue: tf.Tensor, valid: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Similarities of a query to its key, then to the queue, over the temperature.

    Args:
        query: [B, D] unit vectors.
        key: [B, D] unit vectors, the positives.
        queue: [Q, D] unit vectors.
        valid: [B, Q] bool, whether an entry counts for a query: those of other clips do.
        temperature: what the similarities are divided by.

    Returns:
        [B, 1 + Q] float32, the key first.
    """
    query, key, queue = (tf.cast(vectors, tf.float32) for vectors in (query, key, queue))
    positive = tf.reduce_sum(query * key, axis=1, keepdims=True) / temperature
    others = tf.matmul(query, queue, transpose_b=True) / temperature
    return tf.concat([positive, tf.where(valid, others, _LEFT_OUT)], axis=1)


def info_nce(logits: tf.Tensor, neighbours: tf.Tensor | None = None) -> tf.Tensor:
    """Contrast of the positives P of a query with everything it is compared to.

    L = mean over clips of -log( sum_{i in P} exp l_i / sum_{i = 0..Q} exp l_i )

    Without neighbours P = {key} and this is InfoNCE; with them it is the loss of nearest-neighbour
    mining (AimCLR), in which P is the key and the mined entries of the queue.

    Args:
        logits: [B, 1 + Q] of `contrast_logits`.
        neighbours: [B, Q], nonzero for further positives; or None.

    Returns:
        Scalar. Uniform logits of N entries, P of them positives, give log(N / P).
    """
    if neighbours is None:
        positives = logits[:, 0]
    else:
        chosen = tf.where(tf.cast(neighbours, tf.bool), logits[:, 1:], _LEFT_OUT)
        positives = tf.reduce_logsumexp(tf.concat([logits[:, :1], chosen], axis=1), axis=1)
    return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=1) - positives)


def d3m(weak: tf.Tensor, strong: Sequence[tf.Tensor]) -> tf.Tensor:
    """Distributional divergence minimisation (AimCLR): strong queries see what the weak one sees.

    L = mean over the strong queries s and over clips of -sum_i p_i(weak) log p_i(s),
    p = softmax of the logits; p(weak) is a target, no gradient goes through it.

    Args:
        weak: [B, 1 + Q] of `contrast_logits`.
        strong: the same of each strong query.

    Returns:
        Scalar.
    """
    target = tf.nn.softmax(tf.stop_gradient(weak))
    losses = [
        tf.reduce_mean(-tf.reduce_sum(target * tf.nn.log_softmax(logits), axis=1))
        for logits in strong
    ]
    return tf.add_n(losses) / len(losses)


def nearest_neighbours(logits: Sequence[tf.Tensor], allowed: tf.Tensor) -> tf.Tensor:
    """The entry of the queue nearest to each of a clip's queries, all of them together.

    Args:
        logits: [B, 1 + Q] of `contrast_logits` for each query of a clip.
        allowed: [B, Q] bool, what may be a neighbour: keys (not the random vectors that an
            unfilled queue holds) of other clips.

    Returns:
        [B, Q] float32: 1 for the union of the top-1 entries; none where nothing is allowed.
    """
    size = tf.shape(allowed)[1]
    neighbours = tf.zeros_like(allowed)
    for of_query in logits:
        nearest = tf.argmax(tf.where(allowed, of_query[:, 1:], _LEFT_OUT), axis=1)
        neighbours |= tf.one_hot(nearest, size, on_value=True, off_value=False)
    return tf.cast(neighbours & allowed, tf.float32)
