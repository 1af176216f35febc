"""Heads of the tasks: one fully connected layer (the paper), an MLP or a recurrent decoder."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ms2l_tf.networks.recurrent import GRU


def vector_head(
    units: int, *, kind: str = "fc", hidden: Sequence[int] = (), name: str
) -> keras.Model:
    """A head on one vector a clip: [B, D] -> [B, units], float32.

    Args:
        units: size of the output.
        kind: ``fc``: one layer; ``mlp``: `hidden` layers with batch normalisation, synchronised
            over replicas, and ReLU before it.
        hidden: sizes of the hidden layers.
        name: name of the head.
    """
    layers: list[keras.layers.Layer] = []
    if kind == "mlp":
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        for size in hidden:
            layers += [
                keras.layers.Dense(size, use_bias=False),
                keras.layers.BatchNormalization(synchronized=several),
                keras.layers.ReLU(),
            ]
    layers.append(keras.layers.Dense(units, dtype="float32"))
    return keras.Sequential(layers, name=name)


def frame_head(units: int, *, kind: str = "frame", hidden: int = 60, name: str) -> keras.Model:
    """A head on every frame: [B, T, D] -> [B, T, units], float32.

    Args:
        units: size of the output.
        kind: ``frame``: one layer a frame; ``gru``: a two-layer recurrent decoder before it
            (section 3.2 and the authors' code).
        hidden: units of the decoder.
        name: name of the head.
    """
    layers: list[keras.layers.Layer] = []
    if kind == "gru":
        layers += [GRU(hidden, return_sequences=True) for _ in range(2)]
    layers.append(keras.layers.Dense(units, dtype="float32"))
    return keras.Sequential(layers, name=name)


def pool_frames(features: tf.Tensor, how: str) -> tf.Tensor:
    """Frames to one vector for the heads: [B, T, D] -> [B, D]; ``mean`` or ``max``."""
    return (tf.reduce_max if how == "max" else tf.reduce_mean)(features, axis=1)


def unit(vectors: tf.Tensor) -> tf.Tensor:
    """Vectors of length one, float32: [..., D]."""
    return tf.math.l2_normalize(tf.cast(vectors, tf.float32), axis=-1)
