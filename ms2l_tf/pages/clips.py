"""Clips in a page: as the viewer sees them, in 16 bits a coordinate."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ms2l_tf.skeletons.layout import SkeletonLayout

UNIT = 8000  # of a coordinate that is at the edge of the picture; four times that can be told
_GAP = -32768
_SLOWEST = 8.0  # frames a second that a movement can still be followed at


class MovingClips:
    """The clips of a page, and the layouts they are in.

    Args:
        most_frames: of a clip. Longer ones lose every second frame or more, as long as movements
            can be followed; of what is still longer the beginning is kept.
    """

    def __init__(self, most_frames: int = 100) -> None:
        self.most_frames = most_frames
        self._layouts: dict[str, tuple[int, dict[str, Any]]] = {}
        self._clips: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def size(self) -> int:
        """Letters that the coordinates take in the page."""
        return sum(len(clip["data"]) for clip in self._clips)

    def add(
        self,
        coords: np.ndarray,
        layout: SkeletonLayout,
        frame_rate: float,
        directions: Sequence[str],
        *,
        present: np.ndarray | None = None,
        name: str,
        class_name: str = "",
        subject: str = "",
    ) -> int:
        """Adds a clip and returns its number, by which tiles and buttons name it.

        The body stays in the middle sideways, so that walking takes no room.

        Args:
            coords: [T, M, J, C], missing joints NaN; may be mapped from a file.
            layout: of the joints.
            frame_rate: frames per second.
            directions: signed axes that point right, up and (of three) towards the viewer, for
                example `("+x", "-y")` of image coordinates.
            present: bool [T, M], who is in the picture; None means everybody.
            name: of the clip.
            class_name: what it shows.
            subject: who is seen.
        """
        stride = _stride(len(coords), frame_rate, self.most_frames)
        rows = slice(0, stride * self.most_frames, stride)
        frames = np.array(coords[rows], np.float64)
        if present is not None:
            frames[~np.asarray(present[rows])] = np.nan
        seen = np.asarray(np.isfinite(frames).all(axis=-1))
        persons = np.asarray(seen.any(axis=(0, 2)))
        persons[0] |= not persons.any()
        points = _in_picture(_turned(frames[:, persons], directions), seen[:, persons])
        cut = stride * len(frames) < len(coords)
        self._clips.append(
            {
                "name": name,
                "class": class_name,
                "subject": subject,
                "layout": self._layout(layout, len(directions)),
                "layout_name": layout.name,
                "frames": len(points),
                "persons": points.shape[1],
                "rate": round(frame_rate / stride, 4),
                "stride": stride,
                "total": len(coords),
                "about": f"the first {stride * len(frames):,} frames" if cut else "",
                "data": base64.b64encode(points.astype("<i2").tobytes()).decode(),
            }
        )
        return len(self._clips) - 1

    def to_json(self) -> dict[str, Any]:
        """What the script reads."""
        return {"layouts": [entry for _, entry in self._layouts.values()], "clips": self._clips}

    def _layout(self, layout: SkeletonLayout, dims: int) -> int:
        key = f"{layout.name}, {dims}"
        if key not in self._layouts:
            entry = {**_layout_json(layout), "dims": dims}
            self._layouts[key] = len(self._layouts), entry
        return self._layouts[key][0]


def _layout_json(layout: SkeletonLayout) -> dict[str, Any]:
    """Joints, bones by the body part of their child, and edges that are no bones."""
    bones = {frozenset(bone) for bone in layout.bones}
    return {
        "name": layout.name,
        "joints": list(layout.joints),
        "edges": [edge for edge in layout.edges if frozenset(edge) not in bones],
        "parts": [
            {
                "name": part,
                "joints": list(members),
                "bones": [bone for bone in layout.bones if bone[0] in members],
            }
            for part, members in layout.parts.items()
        ],
    }


def _stride(length: int, frame_rate: float, most: int) -> int:
    return min(math.ceil(length / most), max(1, int(frame_rate / _SLOWEST)))


def _turned(coords: np.ndarray, directions: Sequence[str]) -> np.ndarray:
    """Right, up and towards the viewer: [..., C] -> [..., len(directions)]."""
    columns = [coords[..., "xyz".index(d[1])] * (-1 if d[0] == "-" else 1) for d in directions]
    return np.stack(columns, axis=-1)


def _in_picture(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Whole numbers around the middle of the picture, `UNIT` at its edge; gaps are `_GAP`."""
    packed = np.full(points.shape, _GAP, np.int64)
    if not seen.any():
        return packed
    points[~seen] = np.nan
    _centre_sideways(points, seen)
    upright = points[..., 1][seen]
    low, high = np.percentile(upright, (0.5, 99.5))
    points[..., 1] -= (low + high) / 2
    sideways = np.linalg.norm(np.delete(points, 1, axis=-1)[seen], axis=-1)
    half = max((high - low) / 2, float(np.percentile(sideways, 99.5)), 1e-30)
    limit = -_GAP - 1
    packed[seen] = np.clip(np.rint(points[seen] / half * UNIT), -limit, limit)
    return packed


def _centre_sideways(points: np.ndarray, seen: np.ndarray) -> None:
    """Subtracts, but for the height, the middle of the first person seen in each frame."""
    sideways = [axis for axis in range(points.shape[-1]) if axis != 1]
    for frame, joints in zip(points, seen, strict=True):
        persons = joints.any(axis=1)
        if persons.any():
            first = int(np.argmax(persons))
            middle = np.median(frame[first][joints[first]][:, sideways], axis=0)
            frame[..., sideways] -= middle  # which joints that lie off do not move
