"""The memory queue of keys and of the clips they come from."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.errors import InputError

UNFILLED = -1


class MomentumQueue(keras.layers.Layer):
    """The last Q keys, in a ring; all its state is weights.

    It starts with random unit vectors of no clip: they serve as negatives, as in MoCo, until keys
    take their places, but never as neighbours. Every replica holds the whole queue and puts the
    same keys into it, so that no exchange is needed to keep the copies alike.

    Args:
        length: Q.
        dim: size of a key (D).
        seed: of the first entries.
    """

    def __init__(self, length: int, dim: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**{"name": "queue", "dtype": "float32", **kwargs})
        self.length = length
        self.dim = dim
        self.seed = seed
        self.features = self.add_weight(
            name="features",
            shape=(length, dim),
            initializer=self._unit_vectors,
            trainable=False,
        )
        # 64 bits: variables of 32-bit integers cannot be kept on a GPU.
        self.clips = self.add_weight(
            name="clips",
            shape=(length,),
            dtype="int64",
            initializer=keras.initializers.Constant(UNFILLED),
            trainable=False,
        )
        self.pointer = self.add_weight(
            name="pointer", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.built = True

    def masks(self, clips: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What the entries are to the queries of some clips.

        Args:
            clips: [B] integer ids.

        Returns:
            [B, Q] bool: which entries are negatives (not of the clip), and which of these may be
            neighbours (keys, not what the queue was filled with at the start).
        """
        held = tf.convert_to_tensor(self.clips)[None]
        negatives = held != tf.cast(clips, tf.int64)[:, None]
        return negatives, negatives & (held != UNFILLED)

    def enqueue(self, keys: tf.Tensor, clips: tf.Tensor) -> None:
        """Replaces the oldest entries.

        Args:
            keys: [B, D] unit vectors of the *global* batch.
            clips: [B] integer ids.

        Raises:
            InputError: the batch is larger than the queue.
        """
        if keys.shape[0] is not None and keys.shape[0] > self.length:
            raise InputError(
                f"--queue={self.length}: is smaller than --batch={keys.shape[0]}; a batch of keys "
                "must fit into it"
            )
        count = tf.shape(keys, tf.int64)[0]
        pointer = tf.convert_to_tensor(self.pointer)
        places = tf.math.floormod(pointer + tf.range(count), self.length)[:, None]
        keys = tf.cast(tf.stop_gradient(keys), tf.float32)
        self.features.assign(tf.tensor_scatter_nd_update(self.features, places, keys))
        self.clips.assign(tf.tensor_scatter_nd_update(self.clips, places, tf.cast(clips, tf.int64)))
        self.pointer.assign(tf.math.floormod(pointer + count, self.length))

    def _unit_vectors(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        values = tf.random.stateless_normal(shape, [self.seed, 0])
        return tf.math.l2_normalize(values, axis=1)
