"""Clip augmentation before the views: flip, shear, rotation, crop-resize, joint dropout."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.serialised import Record
from ms2l_tf.views.clip_random import ClipRandom


@keras.saving.register_keras_serializable("ms2l_tf")
@dataclasses.dataclass(frozen=True)
class Augmentation(Record):
    """Drawn per clip, for all its frames and persons at once; poses are normalised ones.

    Args:
        shear: off-diagonal entries of the shear matrix from U(-shear, shear).
        rotate: angles about the axes from U(-rotate, rotate), degrees; in the plane for C = 2.
        crop: the kept fraction of time from U(crop, 1), placed at random, resampled to T.
        joint_dropout: probability that a joint is put at the origin in all frames.
        flip: probability of a mirrored clip; 0 where classes differ in left and right.
        mirror: left-right counterpart of each of the J joints; a flip needs it.
    """

    shear: float = 0.0
    rotate: float = 0.0
    crop: float = 1.0
    joint_dropout: float = 0.0
    flip: float = 0.0
    mirror: tuple[int, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        strengths = (self.shear, self.rotate, 1.0 - self.crop, self.joint_dropout, self.flip)
        return any(strengths)

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
        """[B, T, M, J, C] -> [B, T, M, J, C]."""
        coords = poses.shape[-1]
        if self.flip:
            chosen = random.stream(5).uniform([1, 1, 1, 1]) < self.flip
            poses = tf.where(chosen, mirror_image(poses, self.mirror), poses)
        if self.shear or self.rotate:
            matrix = rotations(random.stream(1), coords, math.radians(self.rotate))
            matrix = matrix @ shears(random.stream(2), coords, self.shear)
            flat = tf.reshape(poses, [tf.shape(poses)[0], -1, coords])
            poses = tf.reshape(tf.matmul(flat, matrix, transpose_b=True), tf.shape(poses))
        if self.crop < 1:
            poses = _cropped(poses, random.stream(3), self.crop)
        if self.joint_dropout:
            kept = random.stream(4).uniform([1, 1, poses.shape[3], 1]) >= self.joint_dropout
            poses *= tf.cast(kept, poses.dtype)
        return poses


def mirror_image(poses: tf.Tensor, mirror: tf.Tensor | tuple[int, ...]) -> tf.Tensor:
    """Left and right joints change places and x its sign: [..., J, C] -> [..., J, C].

    Args:
        poses: normalised, x to the main person's left.
        mirror: left-right counterpart of each joint, [J].
    """
    side = np.ones(poses.shape[-1], np.float32)
    side[0] = -1.0
    return tf.ensure_shape(tf.gather(poses, mirror, axis=-2) * side, poses.shape)


def shears(random: ClipRandom, coords: int, limit: float) -> tf.Tensor:
    """Ones on the diagonal, U(-limit, limit) elsewhere: [B, C, C]."""
    off_diagonal = 1.0 - tf.eye(coords)
    return tf.eye(coords) + off_diagonal * random.uniform([coords, coords], -limit, limit)


def rotations(random: ClipRandom, coords: int, limit: float) -> tf.Tensor:
    """Rotation matrices with angles U(-limit, limit) about each axis: [B, C, C], C = 2 or 3."""
    angles = random.uniform([3 if coords == 3 else 1], -limit, limit)
    cos, sin = tf.cos(angles), tf.sin(angles)
    if coords == 2:
        return _matrix([[cos[:, 0], -sin[:, 0]], [sin[:, 0], cos[:, 0]]])
    one, zero = tf.ones_like(cos[:, 0]), tf.zeros_like(cos[:, 0])
    about_x = _matrix(
        [[one, zero, zero], [zero, cos[:, 0], -sin[:, 0]], [zero, sin[:, 0], cos[:, 0]]]
    )
    about_y = _matrix(
        [[cos[:, 1], zero, sin[:, 1]], [zero, one, zero], [-sin[:, 1], zero, cos[:, 1]]]
    )
    about_z = _matrix(
        [[cos[:, 2], -sin[:, 2], zero], [sin[:, 2], cos[:, 2], zero], [zero, zero, one]]
    )
    return about_x @ about_y @ about_z


def _matrix(rows: list[list[tf.Tensor]]) -> tf.Tensor:
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _cropped(poses: tf.Tensor, random: ClipRandom, least: float) -> tf.Tensor:
    frames = poses.shape[1]
    draws = random.uniform([2])
    kept = least + (1.0 - least) * draws[:, :1]
    start = (1.0 - kept) * draws[:, 1:]
    time = (start + kept * tf.linspace(0.0, 1.0, frames)[None]) * (frames - 1)
    before = tf.clip_by_value(tf.cast(tf.floor(time), tf.int32), 0, frames - 1)
    after = tf.minimum(before + 1, frames - 1)
    mix = (time - tf.floor(time))[:, :, None, None, None]
    low, high = (tf.gather(poses, index, batch_dims=1) for index in (before, after))
    return tf.ensure_shape(low + (high - low) * mix, poses.shape)
