"""The plain records a dataset is made of: a clip, its poses and the axes they are given in."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ms2l_tf.errors import InputError

DIRECTIONS = ("+x", "-x", "+y", "-y", "+z", "-z")
HANDEDNESS = ("right", "left")
UNITS = ("m", "mm", "cm", "px", "unknown")


@dataclasses.dataclass(frozen=True)
class Axes:
    """How the three coordinate axes lie in the world.

    Attributes:
        up: the axis that points against gravity, e.g. `"+y"`.
        forward: the axis along which the camera looks, away from the viewer (depth grows along
            it). Motion capture has no camera: there it is the axis a viewer looks along who
            stands in front of the rest pose, so in both cases a person who faces the viewer
            faces `-forward`.
        handedness: `"right"` if x cross y gives z for the right hand. Together with `up` it
            decides which side of a body is its left one.
    """

    up: str
    forward: str
    handedness: str

    def __post_init__(self) -> None:
        for field in ("up", "forward"):
            if getattr(self, field) not in DIRECTIONS:
                raise InputError(
                    f"axes: {field} is {getattr(self, field)!r}; use one of {', '.join(DIRECTIONS)}"
                )
        if self.handedness not in HANDEDNESS:
            raise InputError(f"axes: handedness is {self.handedness!r}; use 'right' or 'left'")
        if self.up[1] == self.forward[1]:
            raise InputError(f"axes: up {self.up} and forward {self.forward} are the same line")

    @property
    def up_vector(self) -> np.ndarray:
        """Unit vector, float32 [3]."""
        return _direction(self.up)

    @property
    def forward_vector(self) -> np.ndarray:
        """Unit vector, float32 [3]."""
        return _direction(self.forward)

    @property
    def right_vector(self) -> np.ndarray:
        """Unit vector to the viewer's right, float32 [3]."""
        right = np.cross(self.forward_vector, self.up_vector)
        return right if self.handedness == "right" else -right

    @property
    def right(self) -> str:
        """The axis to the viewer's right, named like `up`."""
        return next(name for name in DIRECTIONS if _direction(name) @ self.right_vector > 0)

    @property
    def matrix(self) -> np.ndarray:
        """Turns coordinates into a right-handed frame: x to the viewer's left, y up, z forward.

        Its rows are those directions: [3, 3].
        """
        left = np.cross(self.up_vector, self.forward_vector)
        left = left if self.handedness == "right" else -left
        return np.stack([left, self.up_vector, self.forward_vector])

    def to_json(self) -> dict[str, str]:
        """The plain dictionary that `layout.json` of a dataset holds."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Any, where: str) -> Axes | None:
        """Reads what `to_json` wrote; None stays None (2-D image coordinates)."""
        if value is None:
            return None
        try:
            return cls(**value)
        except (TypeError, InputError) as error:
            raise InputError(f"{where}: invalid axes {value!r} ({error})") from None


def _direction(name: str) -> np.ndarray:
    vector = np.zeros(3, np.float32)
    vector["xyz".index(name[1])] = 1.0 if name[0] == "+" else -1.0
    return vector


@dataclasses.dataclass(frozen=True)
class Clip:
    """One row of the clip table.

    Attributes:
        name: unique within the dataset.
        label: index into the dataset's label names; -1 is unlabelled.
        subject, camera, setup, group: whatever the publisher calls them; empty if unknown.
        source: the file or recording the clip was cut from.
        start, end: the half-open interval of source frames; -1 if it is the whole recording.

    A dataset is written with what `checks.checked_clip` makes of a row: whole floats become ints,
    None and NaN become -1 or an empty text.
    """

    name: str
    label: int = -1
    subject: str = ""
    camera: str = ""
    setup: str = ""
    group: str = ""
    source: str = ""
    start: int = -1
    end: int = -1


@dataclasses.dataclass
class ClipPoses:
    """The poses of one clip in one layout; person 0 is the main person.

    Attributes:
        coords: float32 [T, M, J, C]; a missing joint is NaN, zeros are the origin. Only a person
            whose joints are all zero is taken for a gap when a dataset is written.
        present: bool [T, M], who is in the picture; None means every person with a finite joint.
        confidence: float32 [T, M, J] or None.
    """

    coords: np.ndarray
    present: np.ndarray | None = None
    confidence: np.ndarray | None = None

    @classmethod
    def blank(
        cls, persons: int, joints: int, coords: int = 3, *, confidence: bool = False
    ) -> ClipPoses:
        """One frame without anybody: a clip that can't be used but has to count."""
        shape = (1, persons, joints, coords)
        known = np.zeros(shape[:3], np.float32) if confidence else None
        return cls(np.full(shape, np.nan, np.float32), None, known)
