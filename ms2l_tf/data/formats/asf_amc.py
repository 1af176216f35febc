"""Acclaim motion capture: a skeleton in an `.asf` file, its joint angles in an `.amc` file.

A bone b has a direction and length, a local frame given by the rotation C (its `axis` angles about
x, y and z, applied in this order), and degrees of freedom. A frame of the motion holds one angle
for each; their rotations, the first one listed applied first, make M. Then

    G_b = G_parent C M C^-1        end of b = end of parent + G_b direction length

and the root's point is its translation. The joints of the result are the root and the ends of the
bones, in the order of the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.data.checks import is_count
from ms2l_tf.data.formats.asf import ROOT, ROTATIONS, TRANSLATIONS, AcclaimSkeleton
from ms2l_tf.data.formats.mocap import content_lines, parse_numbers, shorten
from ms2l_tf.data.kinematics import euler_rotation, world_points, world_rotations
from ms2l_tf.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class AcclaimMotion:
    """What an `.amc` file says: for each joint with channels float64 [T, n], angles in radians."""

    values: Mapping[str, np.ndarray]

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.values[ROOT])


def joint_points(skeleton: AcclaimSkeleton, motion: AcclaimMotion) -> np.ndarray:
    """The joints' positions in metres, float64 [T, J, 3]."""
    num_frames = motion.num_frames
    local = np.broadcast_to(np.eye(3), (num_frames, len(skeleton.joints), 3, 3)).copy()
    shift = np.zeros((num_frames, 3))
    for joint, name in enumerate(skeleton.joints):
        channels = skeleton.channels[joint]
        if not channels:
            continue
        values, frame = motion.values[name], skeleton.frames[joint]
        turns = [number for number, channel in enumerate(channels) if channel in ROTATIONS]
        # The first rotation listed is applied first, so it stands last in the product.
        axes = [channels[number][1] for number in reversed(turns)]
        local[:, joint] = frame @ euler_rotation(axes, values[:, turns[::-1]]) @ frame.T
        for number, channel in enumerate(channels):
            if channel in TRANSLATIONS:
                shift[:, "XYZ".index(channel[1])] = values[:, number]
    world = world_rotations(skeleton.parents, local)
    steps = (world @ skeleton.offsets[:, :, np.newaxis])[..., 0]
    steps[:, 0] = skeleton.offsets[0] + shift
    points: np.ndarray = world_points(skeleton.parents, steps) * skeleton.metres
    return points


def parse_amc(text: str, skeleton: AcclaimSkeleton, where: str) -> AcclaimMotion:
    """Reads the angles.

    Args:
        text: content of the `.amc` file.
        skeleton: that it moves.
        where: names the file in errors.

    Raises:
        InputError: no frame, a frame out of order or incomplete, an unknown bone, the wrong number
            of channels, or a value that is not a finite number.
    """
    channels = dict(zip(skeleton.joints, skeleton.channels, strict=True))
    rows: dict[str, list[list[float]]] = {name: [] for name in channels if channels[name]}
    degrees = skeleton.degrees
    frames = seen = previous = 0
    for number, words in content_lines(text):
        name = words[0]
        place = f"{where}, line {number}"
        if name in rows:
            values = words[1:]
            if len(rows[name]) != frames - 1:
                raise InputError(f"{place}: {name} belongs to no frame or occurs twice in it")
            if len(values) != len(channels[name]):
                raise InputError(
                    f"{place}: {name} has {len(values)} values, the skeleton gives it "
                    f"{len(channels[name])} ({' '.join(channels[name])})"
                )
            rows[name].append(parse_numbers(values, place))
            seen += 1
        elif len(words) == 1 and is_count(name):
            if frames and seen < len(rows):
                raise _incomplete(rows, frames, previous, place)
            if frames and int(name) != previous + 1:
                raise InputError(f"{place}: frame {name} follows frame {previous}")
            frames, seen, previous = frames + 1, 0, int(name)
        elif name.startswith(":"):
            degrees = {":DEGREES": True, ":RADIANS": False}.get(name.upper(), degrees)
        elif name in channels:
            raise InputError(f"{place}: {name} has values, the skeleton gives it no freedom")
        else:
            raise InputError(f"{place}: unknown bone {shorten(name)}; the skeleton has none such")
    if not frames:
        raise InputError(f"{where}: has no frame")
    if seen < len(rows):
        raise _incomplete(rows, frames, previous, f"{where}, at its end")
    return AcclaimMotion(
        {name: _radians(values, channels[name], degrees) for name, values in rows.items()}
    )


def _radians(values: list[list[float]], channels: Sequence[str], degrees: bool) -> np.ndarray:
    array = np.array(values, np.float64)
    turns = [number for number, channel in enumerate(channels) if channel in ROTATIONS]
    if degrees:
        array[:, turns] = np.deg2rad(array[:, turns])
    return array


def _incomplete(
    rows: Mapping[str, list[list[float]]], frames: int, frame: int, place: str
) -> InputError:
    missing = next(name for name, values in rows.items() if len(values) < frames)
    return InputError(f"{place}: frame {frame} lacks {missing}; is the motion truncated?")
