"""Input channels: what a network reads of a pose besides its joint coordinates.

Each has two forms: numbers of every joint, the same count in every layout, for networks that keep
joints apart; and numbers of a person, without those that say nothing, for networks that do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.skeletons.semantic import SEMANTIC
from ms2l_tf.views import geometry
from ms2l_tf.views.layout_arrays import LayoutArrays, layout_arrays

Reader = Callable[[tf.Tensor, Any], tf.Tensor]  # of poses and `LayoutArrays`


class Channel(NamedTuple):
    """One channel.

    Attributes:
        of_joints: poses [B, T, M, J, C] -> [B, T, M, J, c].
        of_person: poses -> [B, T, M, K, k], the numbers of a person in two axes.
        joint_size: C -> c.
        person_size: layout's arrays, C -> K x k.
    """

    of_joints: Reader
    of_person: Reader
    joint_size: Callable[[int], int]
    person_size: Callable[[LayoutArrays, int], int]


def joint_channels(
    poses: tf.Tensor, names: Sequence[str], arrays: LayoutArrays | None
) -> list[tf.Tensor]:
    """The named channels of every joint, each [B, T, M, J, c] with c of `joint_size`.

    Args:
        poses: normalised poses [B, T, M, J, C]; absent persons are zero, and so are their channels.
        names: of `ms2l_tf.settings.config.CHANNELS`.
        arrays: of the layout; None will do for channels that are not `needs_layout`.
    """
    return [_read(_CHANNELS[name].of_joints, poses, arrays) for name in names]


def person_channels(
    poses: tf.Tensor, names: Sequence[str], arrays: LayoutArrays | None
) -> list[tf.Tensor]:
    """The named channels of every person, each [B, T, M, K, k] with K x k of `flat_size`.

    The arguments are those of `joint_channels`.
    """
    return [_read(_CHANNELS[name].of_person, poses, arrays) for name in names]


def flat_channels(poses: tf.Tensor, names: Sequence[str], layout: SkeletonLayout) -> tf.Tensor:
    """The named channels of every person side by side: [B, T, M, Q], Q the sum of `flat_size`.

    Args:
        poses: normalised poses [B, T, M, J, C] in this layout.
        names: of `ms2l_tf.settings.config.CHANNELS`.
        layout: the skeleton.
    """
    values = person_channels(poses, names, layout_arrays(layout))
    sizes = tf.shape(poses)[:3]
    flat = [
        tf.reshape(value, tf.concat([sizes, [value.shape[3] * value.shape[4]]], axis=0))
        for value in values
    ]
    return tf.concat(flat, axis=-1)


def joint_size(name: str, coords: int) -> int:
    """Numbers of a joint in a channel, whatever the layout: c."""
    return _CHANNELS[name].joint_size(coords)


def flat_size(name: str, layout: SkeletonLayout, coords: int) -> int:
    """Numbers of a person in a channel: K x k."""
    return _CHANNELS[name].person_size(layout_arrays(layout), coords)


def needs_layout(name: str) -> bool:
    """Whether a channel follows the bones or points of a layout."""
    return name not in ("joint", "motion", "motion4")


def _read(reader: Reader, poses: tf.Tensor, arrays: LayoutArrays | None) -> tf.Tensor:
    """Half precision is left for lengths and angles; it gives the same differences either way."""
    poses = tf.convert_to_tensor(poses)
    wide = tf.cast(poses, tf.float32) if poses.dtype.size < tf.float32.size else poses
    return tf.cast(reader(wide, arrays), poses.dtype)


def _plain(reader: Reader) -> Channel:
    """C numbers of every joint."""
    return Channel(
        reader, reader, lambda coords: coords, lambda arrays, coords: len(arrays.parents) * coords
    )


def _path_of_joints(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    """The root's path, told every joint."""
    return geometry.path(poses, arrays) + tf.zeros_like(poses)


def _bones_there_are(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    return tf.gather(geometry.bone_unit(poses, arrays), arrays.bones, axis=3)


def _angles_there_are(poses: tf.Tensor, arrays: LayoutArrays) -> tf.Tensor:
    return tf.gather(geometry.angle(poses, arrays), arrays.angles, axis=3)


_CHANNELS = {
    "joint": _plain(lambda poses, _: poses),
    "motion": _plain(lambda poses, _: geometry.difference(poses, 1)),
    "bone": _plain(geometry.bone),
    "relative": _plain(geometry.relative),
    "path": Channel(
        _path_of_joints, geometry.path, lambda coords: coords, lambda arrays, coords: coords
    ),
    "motion4": _plain(lambda poses, _: geometry.difference(poses, 4)),
    "bone_unit": Channel(
        geometry.bone_unit,
        _bones_there_are,
        lambda coords: coords,
        lambda arrays, coords: len(arrays.bones) * coords,
    ),
    "angle": Channel(
        geometry.angle,
        _angles_there_are,
        lambda coords: 1,
        lambda arrays, coords: len(arrays.angles),
    ),
    "distance": Channel(
        geometry.distances_to_points,
        geometry.distances_of_pairs,
        lambda coords: len(SEMANTIC),
        lambda arrays, coords: len(arrays.pairs),
    ),
}
