"""Weak and strong views of clips for contrastive learning: the augmentations of AimCLR.

All take normalised poses [B, T, M, J, C] (the main person's root at the origin, x to that person's
left, torso length 1), draw once a clip and leave absent persons exactly zero. J may be unknown when
the graph is traced.
"""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf.errors import InputError
from ms2l_tf.serialised import Record
from ms2l_tf.views import ClipRandom
from ms2l_tf.views.augment import mirror_image, shears

CHANCE = 0.5  # of noise, blur and axis mask, each by itself, and of a flip unless told
CROP_PART = 6  # a sixth of the clip is added at either end before the crop
TILT = 1.0  # degrees at most about the axes that are not the main one
BLUR_RADIUS = 7  # frames: a kernel of 15
BLUR_SIGMA = (0.1, 2.0)

# The matrices G v = e x v of the axes e: [3, 3, 3].
_GENERATORS = np.cross(np.eye(3)[:, None], np.eye(3)[None]).swapaxes(1, 2).astype(np.float32)


@keras.saving.register_keras_serializable("msclr")
@dataclasses.dataclass(frozen=True)
class Augmentation(Record):
    """Draws the two kinds of views.

    The published noise is 0.01 m; a torso is about half a metre.

    Args:
        shear: off-diagonal entries of the shear matrix from U(-shear, shear).
        turn: angle about a main axis from U(0, turn), degrees.
        noise: standard deviation of the noise in torso lengths (of unscaled poses: their unit).
        flip: probability of a mirrored clip; 0 where classes differ in left and right.
    """

    shear: float = 0.5
    turn: float = 30.0
    noise: float = 0.02
    flip: float = CHANCE

    def weak(self, poses: tf.Tensor, random: ClipRandom, mirror: tf.Tensor) -> tf.Tensor:
        """Temporal crop and shear.

        Args:
            poses: [B, T, M, J, C].
            random: numbers of these clips.
            mirror: left-right counterpart of each joint, [J] int32; not needed, but both kinds of
                views are called alike.

        Returns:
            [B, T, M, J, C].
        """
        poses = temporal_crop(poses, random.stream(1))
        return shear(poses, random.stream(2), self.shear)

    def strong(self, poses: tf.Tensor, random: ClipRandom, mirror: tf.Tensor) -> tf.Tensor:
        """As `weak`, then flip, rotation, noise, blur and axis mask; the same arguments."""
        poses = self.weak(poses, random, mirror)
        poses = flip(poses, random.stream(3), mirror, self.flip)
        poses = rotate(poses, random.stream(4), self.turn)
        poses = noise(poses, random.stream(5), self.noise)
        poses = blur(poses, random.stream(6))
        return axis_mask(poses, random.stream(7))


@keras.saving.register_keras_serializable("msclr")
@dataclasses.dataclass(frozen=True)
class WeakView(Record):
    """The weak view of clips in one layout.

    Args:
        augmentation: draws it.
        mirror: left-right counterpart of each joint, [J].
    """

    augmentation: Augmentation
    mirror: tuple[int, ...]

    def __call__(self, poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
        """[B, T, M, J, C] -> [B, T, M, J, C]."""
        return self.augmentation.weak(poses, random, tf.constant(self.mirror, tf.int32))


def temporal_crop(poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
    """Reflects T // 6 frames at both ends and keeps a random window of T frames."""
    frames = poses.shape[1]
    added = frames // CROP_PART
    start = random.integers(2 * added + 1) - added
    last = frames - 1
    index = tf.abs(start[:, None] + tf.range(frames))
    index = last - tf.abs(last - index)
    return tf.ensure_shape(tf.gather(poses, index, batch_dims=1), poses.shape)


def shear(poses: tf.Tensor, random: ClipRandom, limit: float) -> tf.Tensor:
    """One matrix a clip: ones on the diagonal, U(-limit, limit) elsewhere."""
    return _mapped(poses, shears(random, poses.shape[-1], limit))


def flip(
    poses: tf.Tensor, random: ClipRandom, mirror: tf.Tensor, chance: float = CHANCE
) -> tf.Tensor:
    """Mirrors some of the clips."""
    return tf.where(_chosen(random, chance), mirror_image(poses, mirror), poses)


def rotate(poses: tf.Tensor, random: ClipRandom, limit: float) -> tf.Tensor:
    """Turns by U(0, limit) degrees about one axis drawn at random, a little about the others.

    Poses in the plane (C = 2) turn about the axis that leaves it.

    Raises:
        InputError: C is neither 2 nor 3.
    """
    coords = poses.shape[-1]
    if coords not in (2, 3):
        raise InputError(f"poses have {coords} coordinates: only 2 and 3 can be rotated")
    if coords == 2:
        turn = random.uniform([1], 0.0, math.radians(limit))
        angles = tf.pad(turn, [[0, 0], [2, 0]])
    else:
        main = tf.one_hot(random.stream(1).integers(3), 3)
        limits = main * limit + (1.0 - main) * min(limit, TILT)
        angles = random.stream(2).uniform([3]) * limits * (math.pi / 180.0)
    return _mapped(poses, turns(angles)[:, :coords, :coords])


def turns(angles: tf.Tensor) -> tf.Tensor:
    """Rotations about x, y and z after one another, z first: [B, 3] radians -> [B, 3, 3]."""
    # Rodrigues' formula: I + sin(a) G + (1 - cos(a)) G G.
    sine, rest = tf.sin(angles)[..., None, None], (1.0 - tf.cos(angles))[..., None, None]
    about = tf.eye(3) + sine * _GENERATORS + rest * (_GENERATORS @ _GENERATORS)
    return about[:, 0] @ about[:, 1] @ about[:, 2]


def noise(poses: tf.Tensor, random: ClipRandom, std: float) -> tf.Tensor:
    """Adds N(0, std) to every coordinate of half of the clips."""
    drawn = std * random.stream(1).normal(tf.shape(poses)[1:])
    added = tf.cast(_chosen(random.stream(2)), poses.dtype) * _seen(poses)
    return poses + tf.ensure_shape(drawn, poses.shape) * added


def blur(poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
    """Smooths half of the clips over time by a Gaussian of 15 frames, sigma from U(0.1, 2).

    The weights of a frame's neighbours sum to one whatever neighbours there are: fewer at the ends
    of the clip, and only those frames in which a person was seen.
    """
    frames = poses.shape[1]
    sigma = random.stream(1).uniform([1, 1], *BLUR_SIGMA)
    away = np.subtract.outer(np.arange(frames), np.arange(frames))
    kernel = tf.exp(-0.5 * tf.square(away.astype(np.float32) / sigma))
    kernel *= (np.abs(away) <= BLUR_RADIUS).astype(np.float32)
    kernel = tf.where(_chosen(random.stream(2))[:, :, :, 0, 0], kernel, tf.eye(frames))
    seen = _seen(poses)
    flat = tf.reshape(poses, [random.batch, frames, -1])
    weighted = tf.reshape(kernel @ flat, tf.shape(poses))
    weights = (kernel @ seen[..., 0, 0])[..., None, None]
    return tf.ensure_shape(seen * tf.math.divide_no_nan(weighted, weights), poses.shape)


def axis_mask(poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
    """Zeroes one axis, drawn at random, of half of the clips."""
    coords = poses.shape[-1]
    axis = tf.one_hot(random.stream(1).integers(coords), coords)[:, None, None, None]
    hidden = tf.cast(_chosen(random.stream(2)), poses.dtype) * axis
    return poses * (1.0 - hidden)


def _chosen(random: ClipRandom, chance: float = CHANCE) -> tf.Tensor:
    """Clips to which something is done: [B, 1, 1, 1, 1] bool."""
    return random.uniform([1, 1, 1, 1]) < chance


def _seen(poses: tf.Tensor) -> tf.Tensor:
    """One where a person is there in a frame, else zero: [B, T, M, 1, 1]."""
    there = tf.reduce_any(poses != 0, axis=[3, 4], keepdims=True)
    return tf.cast(there, poses.dtype)


def _mapped(poses: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Every point x of a clip becomes A x, with A [B, C, C]."""
    flat = tf.reshape(poses, [tf.shape(poses)[0], -1, poses.shape[-1]])
    mapped = tf.reshape(tf.matmul(flat, matrix, transpose_b=True), tf.shape(poses))
    return tf.ensure_shape(mapped, poses.shape)
