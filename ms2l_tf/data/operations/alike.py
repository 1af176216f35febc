"""Poses of one layout in another unit, with other axes, at another frame rate."""

from __future__ import annotations

import dataclasses

import numpy as np

from ms2l_tf.data.formats.base import PoseHeader
from ms2l_tf.data.formats.body_facts import METRES
from ms2l_tf.data.kinematics import resample
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Conversion:
    """What makes poses those of another header.

    Attributes:
        turn: float32 [C, C], of coordinates.
        rate, target_rate: frames per second, before and after.
    """

    turn: np.ndarray
    rate: float
    target_rate: float

    @property
    def is_nothing(self) -> bool:
        """Whether poses stay as they are."""
        unturned = np.array_equal(self.turn, np.eye(len(self.turn)))
        return unturned and self.rate == self.target_rate

    def apply(self, poses: ClipPoses) -> ClipPoses:
        """The poses; between two frames a person is there who is in both."""
        if self.is_nothing:
            return poses
        coords = (poses.coords @ self.turn.T).astype(np.float32)
        if self.rate == self.target_rate:
            return ClipPoses(coords, poses.present, poses.confidence)
        coords = resample(coords, self.rate, self.target_rate).astype(np.float32)
        present, confidence = poses.present, poses.confidence
        if present is not None:
            present = resample(present.astype(np.float32), self.rate, self.target_rate) >= 1
        if confidence is not None:
            confidence = resample(confidence, self.rate, self.target_rate).astype(np.float32)
        return ClipPoses(coords, present, confidence)


def conversion(source: PoseHeader, target: PoseHeader, where: str) -> Conversion:
    """What makes poses of `source` those of `target`, both of one layout.

    Raises:
        InputError: the layouts differ, or the coordinates cannot be compared.
    """
    one, other = ({**poses.skeleton.to_json(), "note": ""} for poses in (source, target))
    if one != other:
        raise InputError(f"{where}: the layout {source.layout} is another there; map one of them")
    if source.num_coords != target.num_coords:
        raise InputError(
            f"{where}: {source.layout} has {source.num_coords} coordinates there, elsewhere "
            f"{target.num_coords}"
        )
    turn = np.eye(source.num_coords) * _scale(source, target, where)
    if source.axes is not None and target.axes is not None:
        turn = target.axes.matrix.T @ source.axes.matrix @ turn
    return Conversion(turn.astype(np.float32), source.frame_rate, target.frame_rate)


def _scale(source: PoseHeader, target: PoseHeader, where: str) -> float:
    if source.unit == target.unit:
        return 1.0
    if source.unit not in METRES or target.unit not in METRES:
        raise InputError(
            f"{where}: {source.layout} is in {source.unit} there, elsewhere in {target.unit}; "
            "these cannot be turned into each other"
        )
    return METRES[source.unit] / METRES[target.unit]
