"""Who is who from frame to frame: a pose detector finds persons, but does not know them again."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from ms2l_tf.skeletons.layout import SkeletonLayout

MAX_GAP = 1.0  # seconds out of sight after which a person who comes back is a new one
NEAR = 0.5  # metres between expected and found, and as much more as ...
SPEED = 3.0  # ... a person may go off in the time out of sight, in metres a second
SMOOTHING = 0.5  # share of the newest step in a track's velocity
GHOST = 0.1  # tracks seen in a smaller share of the frames of the longest are false detections
ALWAYS_THERE = 0.5  # share of the frames of the longest that makes a candidate for main person


def root_points(poses: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """Where the persons are.

    Args:
        poses: [P, J, 3], NaN for joints not found; no person without any joint.
        layout: of the poses.

    Returns:
        [P, 3], the mid-hip, or the mean of all joints where the hips were not found.
    """
    hips = poses[:, layout.anchors["root"]]
    points = hips.mean(axis=1)
    lost = ~np.isfinite(points).all(axis=-1)
    if lost.any():
        points[lost] = np.nanmean(poses[lost], axis=1)
    return points


def match(first: np.ndarray, second: np.ndarray, reach: np.ndarray | float) -> np.ndarray:
    """Pairs of points so that most points have a partner within reach and distances are least.

    Args:
        first: [A, 3].
        second: [B, 3].
        reach: greatest distance of a pair, one number or one for each of `first` [A].

    Returns:
        int [pairs, 2], positions in `first` and in `second`.
    """
    distance = np.linalg.norm(first[:, None] - second[None], axis=-1)
    allowed = distance <= np.broadcast_to(reach, len(first))[:, None]
    # A pair out of reach costs more than all allowed ones together: it never takes their place.
    cost = np.where(allowed, distance, 1.0 + distance[allowed].sum())
    rows, columns = linear_sum_assignment(cost)
    kept = allowed[rows, columns]
    return np.stack([rows[kept], columns[kept]], axis=1)


@dataclasses.dataclass
class _Track:
    number: int
    point: np.ndarray
    velocity: np.ndarray  # metres a frame
    seen: int  # frame
    age: int = 1  # frames it was seen in


class Tracker:
    """Follows persons by where their pelvis should be if they go on as they went.

    Every frame is matched as a whole to the live tracks, the sum of distances being least. A
    person without a track begins one; a track that finds no person for `MAX_GAP` ends. Because a
    track expects its person to go on, two who walk through each other keep their numbers.

    Args:
        frame_rate: frames a second.
    """

    def __init__(self, frame_rate: float) -> None:
        self.frame_rate = frame_rate
        self._tracks: list[_Track] = []
        self._frame = -1
        self._born = 0

    def update(self, points: np.ndarray) -> np.ndarray:
        """The next frame.

        Args:
            points: [P, 3] in metres, in any order.

        Returns:
            int64 [P], the number of each one's track.
        """
        self._frame += 1
        live = [t for t in self._tracks if self._frame - t.seen <= MAX_GAP * self.frame_rate + 1]
        steps = np.array([self._frame - track.seen for track in live])
        expected = np.array([t.point + t.velocity * (self._frame - t.seen) for t in live])
        reach = NEAR + SPEED * steps / self.frame_rate
        numbers = np.full(len(points), -1, np.int64)
        for row, column in match(expected.reshape(-1, 3), points, reach):
            self._move(live[row], points[column])
            numbers[column] = live[row].number
        for column in np.flatnonzero(numbers < 0):
            numbers[column] = self._born
            live.append(_Track(self._born, points[column], np.zeros(3), self._frame))
            self._born += 1
        self._tracks = live
        return numbers

    def _move(self, track: _Track, point: np.ndarray) -> None:
        step = (point - track.point) / (self._frame - track.seen)
        share = 1.0 if track.age == 1 else SMOOTHING
        track.velocity = share * step + (1.0 - share) * track.velocity
        track.point, track.seen = point, self._frame
        track.age += 1


def rank_persons(numbers: Sequence[np.ndarray], poses: Sequence[np.ndarray]) -> list[int]:
    """The tracks of a clip, the main person first.

    Of those who are there in at least half as many frames as the one seen longest, the main
    person is who moves most, and the others follow by motion; then come those seen for a shorter
    time, the longer ones first. Tracks of less than a tenth of the longest are left out.

    Args:
        numbers: for each frame the tracks of its persons, [P].
        poses: for each frame the poses of its persons, [P, J, 3].

    Returns:
        Numbers of tracks.
    """
    tracks: dict[int, list[np.ndarray]] = collections.defaultdict(list)
    for frame_numbers, frame_poses in zip(numbers, poses, strict=True):
        for number, pose in zip(frame_numbers.tolist(), frame_poses, strict=True):
            tracks[number].append(pose)
    longest = max(map(len, tracks.values()), default=0)
    kept = {number: seen for number, seen in tracks.items() if len(seen) >= GHOST * longest}

    def rank(number: int) -> tuple[bool, float, int]:
        length = len(kept[number])
        always = length >= ALWAYS_THERE * longest
        return not always, -_motion(kept[number]) if always else -length, number

    return sorted(kept, key=rank)


def _motion(seen: Sequence[np.ndarray]) -> float:
    """Metres that the joints travel on average, gaps in a straight line."""
    steps = np.linalg.norm(np.diff(np.stack(seen), axis=0), axis=-1)
    known = np.isfinite(steps)
    return float(np.where(known, steps, 0.0).sum() / max(1, known.sum()) * len(steps))
