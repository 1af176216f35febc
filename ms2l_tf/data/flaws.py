"""What looks wrong in the clips of a dataset, clip by clip: gaps, outliers, copies."""

from __future__ import annotations

import collections
import dataclasses
import heapq
from typing import Any

import numpy as np

from ms2l_tf.data.copies import digest
from ms2l_tf.data.outliers import body_length, far_joints, lacks_torso
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.skeletons.layout import SkeletonLayout

# Torso lengths from the body: three are an arm, nine were seen of a Kinect that lost a joint.
SUSPICIOUS = 20.0
LISTED = 20  # entries of a list; the count beside it is complete
_STILL = 1e-5  # body lengths that rounding may move a joint


@dataclasses.dataclass
class Listing:
    """How many there are, and the first of them."""

    count: int = 0
    first: list[Any] = dataclasses.field(default_factory=list)

    def add(self, entry: Any) -> None:
        """Counts one more."""
        self.count += 1
        if self.count <= LISTED:
            self.first.append(entry)


def by_joint(layout: SkeletonLayout, counts: np.ndarray) -> dict[str, int]:
    """Counts [J] by the joint's name; those of zero are left out."""
    return {joint: int(count) for joint, count in zip(layout.joints, counts, strict=True) if count}


class FlawFinder:
    """Looks at the clips of one layout, one after the other."""

    def __init__(self, store: PoseStore) -> None:
        self.store = store
        self.blank, self.zero_persons = Listing(), Listing()
        self.zero_torsos, self.frozen = Listing(), Listing()
        self._low = np.full(store.num_coords, np.inf)
        self._high = np.full(store.num_coords, -np.inf)
        self._outliers = np.zeros(store.layout.num_joints, np.int64)
        self._furthest: list[tuple[float, str, str, int, int]] = []
        self._owners: dict[bytes, list[str]] = collections.defaultdict(list)

    def look_at(self, index: int, clip: str) -> None:
        """Adds clip number `index`; one without frames adds nothing."""
        coords = np.array(self.store.poses(index).coords)
        if not len(coords):
            return
        seen = np.isfinite(coords).all(axis=-1)
        if not seen.any():
            self.blank.add(clip)  # blank clips are no copies of each other
            return
        self._owners[digest([coords])].append(clip)
        self._low = np.minimum(self._low, np.fmin.reduce(coords, axis=(0, 1, 2)))
        self._high = np.maximum(self._high, np.fmax.reduce(coords, axis=(0, 1, 2)))
        zero = (coords == 0).all(axis=-1)
        if (seen.any(axis=2) & (zero | ~seen).all(axis=2)).any():
            self.zero_persons.add(clip)
        if lacks_torso(coords, self.store.layout.anchors):
            self.zero_torsos.add(clip)
        if len(coords) > 1 and self._is_still(coords):
            self.frozen.add(clip)
        for person in range(coords.shape[1]):
            self._look_for_outliers(coords[:, person], person, clip)

    def to_json(self) -> dict[str, Any]:
        """Plain data: extents, and a count with the first entries of each kind of flaw."""
        copies = Listing()
        for names in self._owners.values():
            if len(names) > 1:
                copies.add({"clips": names[:LISTED], "count": len(names)})
        listings = {
            "blank_clips": self.blank,
            "clips_with_zero_persons": self.zero_persons,
            "clips_without_torso_length": self.zero_torsos,
            "frozen_clips": self.frozen,
            "duplicate_clips": copies,
        }
        known = bool(np.isfinite(self._low).all())
        return {
            "extents": [
                {"axis": axis, "min": float(low), "max": float(high)}
                for axis, low, high in zip("xyz", self._low, self._high, strict=False)
                if known
            ],
            **{kind: dataclasses.asdict(listing) for kind, listing in listings.items()},
            "outlier_joints": {
                "beyond_torso_lengths": SUSPICIOUS,
                "count": int(self._outliers.sum()),
                "by_joint": by_joint(self.store.layout, self._outliers),
                "furthest": [
                    {
                        "clip": clip,
                        "joint": joint,
                        "frame": frame,
                        "person": person,
                        "torso_lengths": round(distance, 1),
                    }
                    for distance, clip, joint, frame, person in sorted(self._furthest, reverse=True)
                ],
            },
        }

    def _is_still(self, coords: np.ndarray) -> bool:
        """Whether nobody moves: no joint leaves its place by more than rounding."""
        moved = np.fmax.reduce(coords, axis=0) - np.fmin.reduce(coords, axis=0)
        lengths = [
            body_length(coords[:, person], self.store.layout.anchors)
            for person in range(coords.shape[1])
        ]
        longest = np.fmax.reduce(lengths)
        return bool(np.fmax.reduce(moved, axis=None) <= _STILL * longest)

    def _look_for_outliers(self, coords: np.ndarray, person: int, clip: str) -> None:
        layout = self.store.layout
        distances = far_joints(coords, layout.anchors, self.store.frame_rate, SUSPICIOUS)
        if distances is None:
            return
        frames, joints = np.nonzero(distances > SUSPICIOUS)
        self._outliers += np.bincount(joints, minlength=layout.num_joints)
        order = np.argsort(-distances[frames, joints], kind="stable")[:LISTED]
        furthest = [
            (float(distances[frame, joint]), clip, layout.joints[joint], int(frame), person)
            for frame, joint in zip(frames[order], joints[order], strict=True)
        ]
        self._furthest = heapq.nlargest(LISTED, [*self._furthest, *furthest])
