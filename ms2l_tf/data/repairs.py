"""Hidden gaps in poses, turned into missing joints and counted."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ms2l_tf.data.outliers import MAX_DISTANCE, far_joints, lacks_torso
from ms2l_tf.skeletons.layout import SkeletonLayout

_NAMED = 3  # clips that a line names

_TEXTS = {
    "unlabelled": "{count} labels are None or NaN: unlabelled",
    "blank": "{count} clips are blank (no joint of anyone is seen), kept",
    "zero_persons": (
        "{count} persons are zero in all joints of a clip, set to missing (a switch, keep_zeros, "
        "keeps them)"
    ),
    "zero_frames": (
        "{count} frames of a person are zero in all joints, set to missing (a switch, keep_zeros, "
        "keeps them)"
    ),
    "outlier_joints": (
        f"{{count}} joints lie more than {MAX_DISTANCE:g} torso lengths from their body, set to "
        "missing"
    ),
    "zero_torsos": (
        "{count} clips have a torso of length zero; scaling by the torso takes the mean distance "
        "of the joints from the root there"
    ),
}


@dataclasses.dataclass
class Tally:
    """How often something was met: in all, in how many clips, and the first of them."""

    count: int = 0
    clips: int = 0
    first_clips: list[str] = dataclasses.field(default_factory=list)

    def add(self, clip: str, count: int) -> None:
        """Counts `count` more, in another clip."""
        self.count += count
        self.clips += 1
        if self.clips <= _NAMED:
            self.first_clips.append(clip)


class RepairLog:
    """What the writer of a dataset changed in the clips it was given, layout by layout."""

    def __init__(self) -> None:
        self._tallies: dict[str, dict[str, Tally]] = collections.defaultdict(dict)

    def add(self, clip: str, counts: Mapping[str, int], layout: str = "") -> None:
        """Adds the counts of one clip; those that are zero leave no trace."""
        for kind, count in counts.items():
            if count:
                self._tallies[layout].setdefault(kind, Tally()).add(clip, count)

    def to_json(self) -> dict[str, Any]:
        """Layout (empty for all) -> kind -> tally, as plain data."""
        return {
            layout: {kind: dataclasses.asdict(tally) for kind, tally in tallies.items()}
            for layout, tallies in self._tallies.items()
        }

    def lines(self) -> list[str]:
        """One line a kind and layout."""
        lines = []
        for layout, tallies in sorted(self._tallies.items()):
            for kind, tally in tallies.items():
                names = ", ".join(tally.first_clips) + (", ..." if tally.clips > _NAMED else "")
                where = f"layout {layout}: " if layout else ""
                lines.append(f"{where}{_TEXTS[kind].format(count=tally.count)}: {names}")
        return lines


def repair_poses(
    coords: np.ndarray, layout: SkeletonLayout, frame_rate: float, *, keep_zeros: bool
) -> dict[str, int]:
    """Sets hidden gaps of [T, M, J, C] to NaN in place, and says how many there were.

    A converter that has no place for a gap writes zeros: so a person whose joints are all zero,
    in all frames or in some, was not seen. A skeleton of one joint may be at the origin.
    Joints further than `MAX_DISTANCE` torso lengths from their body were not seen either.

    Returns:
        Counts by kind; `zero_frames` are those of persons who are seen in other frames.
    """
    if not coords.size:
        return {}
    zero_persons = zero_frames = 0
    if not keep_zeros and layout.num_joints > 1:
        zero_persons, zero_frames = _drop_zeros(coords)
    return {
        "zero_persons": zero_persons,
        "zero_frames": zero_frames,
        "outlier_joints": _drop_outliers(coords, layout, frame_rate),
        "zero_torsos": int(lacks_torso(coords, layout.anchors)),
    }


def _drop_zeros(coords: np.ndarray) -> tuple[int, int]:
    missing = np.isnan(coords[..., 0])
    blank = missing.all(axis=-1)
    zero = ((coords == 0).all(axis=-1) | missing).all(axis=-1) & ~blank
    if not zero.any():
        return 0, 0
    coords[zero] = np.nan
    whole = zero.any(axis=0) & (zero | blank).all(axis=0)
    return int(whole.sum()), int(zero[:, ~whole].sum())


def _drop_outliers(coords: np.ndarray, layout: SkeletonLayout, frame_rate: float) -> int:
    count = 0
    for person in range(coords.shape[1]):
        distances = far_joints(coords[:, person], layout.anchors, frame_rate, MAX_DISTANCE)
        if distances is not None:
            far = distances > MAX_DISTANCE
            coords[:, person][far] = np.nan
            count += int(far.sum())
    return count
