"""What recordings of a body tell of their unit and axes, where the files leave it open."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.data.records import UNITS, Axes
from ms2l_tf.errors import InputError
from ms2l_tf.skeletons.joint_names import SYNONYMS, find_points
from ms2l_tf.skeletons.layout import SkeletonLayout

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# Units that motion capture comes in; Acclaim's common one is an inch by 0.45.
_GUESSED = {**METRES, "inch": 0.0254, "inch/0.45": 0.0254 / 0.45}
_BODY = 1.4  # metres from the ankles to the base of the head, along the bones of an adult
_UPRIGHT = 0.9  # the cosine of what a rest pose may lean
_PLAUSIBLE = (0.7, 2.1)


@dataclasses.dataclass(frozen=True)
class BodyFacts:
    """How coordinates become poses.

    Attributes:
        scale: what they are multiplied by.
        unit: of the result, one of `UNITS`.
        axes: of the coordinates.
        notes: what was guessed, in words.
    """

    scale: float
    unit: str
    axes: Axes
    notes: tuple[str, ...]


def body_facts(
    layout: SkeletonLayout,
    parents: Sequence[int],
    rest: np.ndarray,
    samples: Sequence[np.ndarray],
    *,
    unit: str = "",
    axes: str = "",
) -> BodyFacts:
    """Unit and axes as a user says, else guessed.

    The unit is the one in which the bones from an ankle to the head come nearest to an adult's;
    poses are then metres. Up is the axis that heads lie along from the ankles, over all frames of
    the samples. Forward is the one opposite to where the hips face: in the rest pose, if it stands
    upright, else over those frames. Coordinates are taken for right-handed, as both formats have
    them.

    Args:
        layout: of the joints.
        parents: of each joint in the hierarchy, -1 for a root.
        rest: float [J, 3], the rest pose.
        samples: float [T, J, 3], points of some recordings in the unit of their files.
        unit: one of `UNITS`, of the files; empty to guess.
        axes: see `parse_axes`; empty to guess.

    Raises:
        InputError: `unit` or `axes` cannot be.
    """
    joint_of = body_joints(layout)
    notes = []
    if unit:
        scale, told = _given_scale(unit)
    else:
        scale, told, note = _guessed_scale(_length(joint_of, parents, samples[0][0]))
        notes.append(note)
    if axes:
        lying = parse_axes(axes)
    else:
        lying, note = _guessed_axes(joint_of, rest, samples)
        notes.append(note)
    return BodyFacts(scale, told, lying, tuple(notes))


def body_joints(layout: SkeletonLayout) -> dict[str, int]:
    """The joint of each body point, by the layout's own fields where it has them."""
    joints = {point: joint for joint, point in find_points(layout.joints, SYNONYMS).items()}
    fields = {**layout.anchors, **layout.semantic}
    return {**joints, **{point: own[0] for point, own in fields.items() if len(own) == 1}}


def parse_axes(text: str, where: str = "--axes") -> Axes:
    """Axes from words like ``+y,-z,right``: up, forward and handedness.

    Raises:
        InputError: they are no axes.
    """
    words = text.replace(" ", "").split(",")
    if len(words) != len(dataclasses.fields(Axes)):
        raise InputError(
            f"{where}={text}: write up, forward and handedness with commas, such as +y,-z,right"
        )
    try:
        return Axes(*words)
    except InputError as error:
        raise InputError(f"{where}={text}: {error}") from None


def _given_scale(unit: str) -> tuple[float, str]:
    known = [name for name in UNITS if name != "px"]
    if unit not in known:
        raise InputError(f"--unit={unit}: use one of {', '.join(known)}")
    return (METRES[unit], "m") if unit in METRES else (1.0, unit)


def _guessed_scale(length: float) -> tuple[float, str, str]:
    """Scale, unit and the line about it, from ankle to head in the unit of the files."""
    if not length > 0:
        note = "unit: unknown, names of joints tell no ankle and head; say it with --unit"
        return 1.0, "unknown", note
    name = min(_GUESSED, key=lambda unit: abs(math.log(length * _GUESSED[unit] / _BODY)))
    metres = length * _GUESSED[name]
    note = f"unit: {name}, by the {length:.3g} along the bones from ankle to head, {metres:.2f} m"
    low, high = _PLAUSIBLE
    if not low < metres < high:
        note += "; this is no adult's, look at it"
    return _GUESSED[name], "m", f"{note} (--unit overrides)"


def _length(joint_of: Mapping[str, int], parents: Sequence[int], pose: np.ndarray) -> float:
    """Along the bones from an ankle to the head; 0 where names tell none."""
    ends = [joint_of.get("ankle_left"), joint_of.get("head")]
    paths = [_to_root(joint, parents) for joint in ends if joint is not None]
    if len(paths) < len(ends):
        return 0.0
    bones = set(paths[0]) ^ set(paths[1])  # what both share lies above where they meet
    return float(sum(np.linalg.norm(pose[j] - pose[parents[j]]) for j in bones if parents[j] >= 0))


def _to_root(joint: int, parents: Sequence[int]) -> list[int]:
    path = [joint]
    while parents[path[-1]] >= 0:
        path.append(parents[path[-1]])
    return path


def _guessed_axes(
    joint_of: Mapping[str, int], rest: np.ndarray, samples: Sequence[np.ndarray]
) -> tuple[Axes, str]:
    needed = ("head", "ankle_left", "ankle_right", "hip_left", "hip_right")
    if not all(point in joint_of for point in needed):
        axes = Axes("+y", "-z", "right")
        return axes, f"axes: {_shown(axes)}, names of joints tell none; say them with --axes"
    head, ankle_left, ankle_right, hip_left, hip_right = (joint_of[point] for point in needed)

    def standing(points: np.ndarray) -> np.ndarray:
        return _unit(points[..., head, :] - points[..., [ankle_left, ankle_right], :].mean(axis=-2))

    up_vector, up = _main_axis([standing(points) for points in samples], "")
    if standing(rest) @ up_vector > _UPRIGHT:
        samples = [rest[np.newaxis]]
    sideways = [points[:, hip_left] - points[:, hip_right] for points in samples]
    facing, _ = _main_axis([_unit(np.cross(vectors, up_vector)) for vectors in sideways], up[1])
    axes = Axes(up, _name(-facing), "right")
    return axes, f"axes: {_shown(axes)}, by where heads and hips point (--axes overrides)"


def _main_axis(directions: Sequence[np.ndarray], barred: str) -> tuple[np.ndarray, str]:
    """The axis that directions lie along most, but for one letter; each recording counts once."""
    mean = sum(np.nan_to_num(vectors.mean(axis=0)) for vectors in directions) + np.zeros(3)
    lying = np.abs(mean)
    if barred:
        lying["xyz".index(barred)] = -1
    axis = int(np.argmax(lying))
    vector = np.zeros(3)
    vector[axis] = -1.0 if mean[axis] < 0 else 1.0
    return vector, _name(vector)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


def _name(vector: np.ndarray) -> str:
    axis = int(np.argmax(np.abs(vector)))
    return ("+" if vector[axis] > 0 else "-") + "xyz"[axis]


def _shown(axes: Axes) -> str:
    return f"{axes.up} is up, viewers look along {axes.forward}"
