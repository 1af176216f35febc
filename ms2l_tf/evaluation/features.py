"""Frozen features of clips: one vector from the encoder, or its frames pooled to one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ms2l_tf.data.clip_dataset import PoseStore
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pipeline import evaluation_batches
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.rows import EXACT_CLIPS, LazyRows
from ms2l_tf.networks.base import Network
from ms2l_tf.settings.config import SEGMENTS


def check_pooling(how: str, frames: int) -> None:
    """Refuses to cut clips into more segments than they have frames."""
    if how.startswith("segments") and frames < SEGMENTS:
        raise InputError(f"--pooling={how}: needs at least {SEGMENTS} frames, clips have {frames}")


def pool(frames: tf.Tensor, how: str) -> tf.Tensor:
    """Frames to one vector.

    Args:
        frames: [B, T, D]; [B, D], one vector a clip already, is left as it is.
        how: ``mean``, ``max``, ``last``, ``mean_max`` (both side by side), ``segments`` (means
            over five equal segments side by side), ``segments_max`` (their maxima).

    Returns:
        [B, D], [B, 2 D] or [B, 5 D].
    """
    if len(frames.shape) == 2:
        return frames
    if how == "mean":
        return tf.reduce_mean(frames, axis=1)
    if how == "max":
        return tf.reduce_max(frames, axis=1)
    if how == "last":
        return frames[:, -1]
    if how == "mean_max":
        return tf.concat([pool(frames, "mean"), pool(frames, "max")], axis=-1)
    length = frames.shape[1]
    check_pooling(how, length)
    edges = [round(i * length / SEGMENTS) for i in range(SEGMENTS + 1)]
    part = "max" if how == "segments_max" else "mean"
    parts = [pool(frames[:, a:b], part) for a, b in itertools.pairwise(edges)]
    return tf.concat(parts, axis=-1)


def encoder_features(
    encoder: keras.Model,
    store: PoseStore,
    indices: np.ndarray,
    normaliser: Normaliser,
    *,
    pooling: str,
    layout: int = 0,
    batch: int = 64,
) -> np.ndarray:
    """Encoder features of some clips, maybe none, in their order: float32 [N, D'].

    Frames [B, T, D] are pooled; one vector a clip, [B, D], is taken as it is. `layout` is the
    encoder's number of the layout of the poses.
    """
    joints, coords = store.layout.num_joints, store.num_coords
    shape = (None, normaliser.frames, normaliser.persons, joints, coords)
    output = encoder.compute_output_shape(shape)
    if len(output) == 3:
        check_pooling(pooling, normaliser.frames)
    encode = _encode_function(encoder, pooling, layout)
    if not len(indices):
        empty = tf.zeros((0, *(size or 1 for size in output[1:])))
        return pool(empty, pooling).numpy()
    batches = evaluation_batches(store, indices, normaliser, batch=batch)
    bar = tqdm(
        batches,
        total=-(-len(indices) // batch),
        desc="features",
        unit="batch",
        leave=False,
        disable=len(indices) <= EXACT_CLIPS,
    )
    rows = [encode(clips["poses"]).numpy() for clips in bar]
    return np.concatenate(rows)[: len(indices)]


def frame_features(
    encoder: Network,
    store: PoseStore,
    indices: np.ndarray,
    normaliser: Normaliser,
    *,
    layout: int = 0,
    batch: int = 64,
) -> np.ndarray:
    """Features of every frame of some clips, in their order: float32 [N, T, D].

    See `encoder_features` for the arguments; the network has to tell frames apart.
    """
    encode = _frames_function(encoder, layout)
    batches = evaluation_batches(store, indices, normaliser, batch=batch)
    rows = [encode(one["poses"]).numpy() for one in batches]
    return np.concatenate(rows)[: len(indices)]


@functools.lru_cache(maxsize=2)
def _frames_function(encoder: Network, layout: int) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function(reduce_retracing=True, autograph=False)
    def encode(poses: tf.Tensor) -> tf.Tensor:
        return tf.cast(encoder(poses, layout=layout, training=False, by_frame=True), tf.float32)

    return encode


@functools.lru_cache(maxsize=8)  # a monitor asks again and again; tracing takes seconds
def _encode_function(
    encoder: keras.Model, pooling: str, layout: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function(reduce_retracing=True, autograph=False)
    def encode(poses: tf.Tensor) -> tf.Tensor:
        return pool(tf.cast(encoder(poses, layout=layout, training=False), tf.float32), pooling)

    return encode


def class_logits(
    model: keras.Model,
    store: PoseStore,
    indices: np.ndarray,
    normaliser: Normaliser,
    *,
    batch: int = 64,
) -> np.ndarray:
    """Class logits of some clips from a model [B, T, M, J, C] -> [B, K], in their order."""
    predict = _logits_function(model)
    batches = evaluation_batches(store, indices, normaliser, batch=batch)
    rows = [predict(clips["poses"]).numpy() for clips in batches]
    return np.concatenate(rows)[: len(indices)]


@functools.lru_cache(maxsize=2)
def _logits_function(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function(reduce_retracing=True, autograph=False)
    def predict(poses: tf.Tensor) -> tf.Tensor:
        return tf.cast(model(poses, training=False), tf.float32)

    return predict


def raw_features(
    store: PoseStore, indices: np.ndarray, normaliser: Normaliser, *, batch: int = 64
) -> np.ndarray:
    """The raw floor: normalised coordinates of all frames, flattened: [N, T M J C]."""
    batches = evaluation_batches(store, indices, normaliser, batch=batch)
    rows = [clips["poses"].numpy().reshape(batch, -1) for clips in batches]
    return np.concatenate(rows)[: len(indices)]


def raw_rows(
    store: PoseStore,
    indices: np.ndarray,
    normaliser: Normaliser,
    *,
    joints: Sequence[int] = (),
    what: str = "raw coordinates",
    names: np.ndarray | None = None,
) -> LazyRows:
    """`raw_features` [N, T M J C] that are computed when they are read.

    Args:
        store: poses of one layout.
        indices: [N] clips.
        normaliser: of the poses.
        joints: J of them to keep; none: all.
        what: how error messages call the features.
        names: of the clips [N], for error messages.
    """
    frame = (normaliser.frames, normaliser.persons, store.layout.num_joints, store.num_coords)
    kept = len(joints) or frame[2]

    def read(rows: np.ndarray) -> np.ndarray:
        raw = raw_features(store, indices[rows], normaliser)
        if not len(joints):
            return raw
        return raw.reshape(len(raw), *frame)[:, :, :, list(joints)].reshape(len(raw), -1)

    dims = frame[0] * frame[1] * kept * frame[3]
    return LazyRows(read, len(indices), dims, what=what, names=names)
