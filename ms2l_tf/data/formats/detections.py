"""What pose estimators find frame by frame, as the poses of a clip: who is who, who comes first."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.checks import shown
from ms2l_tf.data.records import ClipPoses
from ms2l_tf.errors import InputError
from ms2l_tf.files import decode_text
from ms2l_tf.skeletons.layout import SkeletonLayout

MAX_PERSONS = 2  # of a clip that are kept, as from videos
_HEIGHT = 1.7  # metres, of the body whose extent is the middle one of a clip
_MAX_GAPS = 10  # times as many frames left out as there are is no numbering of frames
_SPARE = 100  # frames that may be left out of however short a clip


@dataclasses.dataclass(frozen=True)
class Detection:
    """A person in a frame.

    Attributes:
        points: [J, C + 1], coordinates and score.
        track: number of who it is, as far as the files say.
    """

    points: np.ndarray
    track: int | None = None


Frames = Mapping[int, Sequence[Detection]]


def parse_json(content: bytes, where: str) -> Any:
    """A value from its JSON text.

    Raises:
        InputError: it is no JSON, or no UTF-8.
    """
    try:
        return json.loads(decode_text(content, where))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{where}: is not valid JSON ({error})") from None
    except RecursionError:
        raise InputError(f"{where}: is not valid JSON (nested too deeply)") from None


def points_of(values: Any, size: int, where: str) -> np.ndarray:
    """Points [J, size] from a flat list of numbers, or from a list a point.

    Raises:
        InputError: it is neither, or holds something else than numbers.
    """
    try:
        numbers = np.array(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.zeros(())
    flat = numbers.ndim == 1 and len(numbers) and not len(numbers) % size
    if not flat and (numbers.ndim != 2 or numbers.shape[1] != size or not len(numbers)):
        raise InputError(f"{where} are {shown(values)}; expected {size} numbers a joint")
    return numbers.reshape(-1, size)


def poses_of(
    frames: Frames,
    layout: SkeletonLayout,
    frame_rate: float,
    persons: int,
    where: str,
    *,
    metres: bool = False,
) -> tuple[ClipPoses, tuple[str, ...]]:
    """Poses [T, M, J, C] with the confidence of each joint, and repairs in words.

    A joint with a score of zero, at the origin or without a number is missing. Persons keep their
    numbers if all have one; else they are followed by `videos.tracking`, which ranks them too: the
    main person first.

    Args:
        frames: by their numbers; one that is left out is without anybody.
        layout: of the joints.
        frame_rate: frames a second.
        persons: M, how many to keep.
        where: names the clip in errors.
        metres: whether coordinates are metres, not those of a picture.

    Raises:
        InputError: nobody is seen, a person has other joints, or numbers of frames are far apart.
    """
    if not frames:
        raise InputError(f"{where}: holds no frame")
    first, last = min(frames), max(frames)
    length = last - first + 1
    if length > _MAX_GAPS * len(frames) + _SPARE:
        raise InputError(
            f"{where}: frames are numbered {first} to {last}, only {len(frames)} exist"
        )
    seen = [_seen(frames.get(first + t, ()), layout, where) for t in range(length)]
    if not any(seen):
        raise InputError(f"{where}: has nobody in any of {len(frames)} frames")
    poses = [_poses(of_frame, layout) for of_frame in seen]
    numbers = _numbers(seen, poses, layout, frame_rate, metres=metres)
    ranking = _ranking(numbers, poses)
    rows = {number: row for row, number in enumerate(ranking[:persons])}
    values = np.full((length, len(rows), *seen_shape(seen)), np.nan, np.float32)
    for t, (of_frame, tracks) in enumerate(zip(seen, numbers, strict=True)):
        for detection, track in zip(of_frame, tracks.tolist(), strict=True):
            if track in rows:
                values[t, rows[track]] = detection.points
    confidence = np.where(np.isfinite(values[..., 0]), values[..., -1], np.float32(0))
    kept = (f"{len(ranking)} persons are followed, the first {len(rows)} kept",)
    return ClipPoses(values[..., :-1], None, confidence), kept if len(ranking) > persons else ()


def seen_shape(seen: Sequence[Sequence[Detection]]) -> tuple[int, ...]:
    """Of the points of a person."""
    return next(detection.points.shape for of_frame in seen for detection in of_frame)


def most_persons(frames: Frames) -> int:
    """The most persons in a frame."""
    return max((len(of_frame) for of_frame in frames.values()), default=0)


def _seen(detections: Sequence[Detection], layout: SkeletonLayout, where: str) -> list[Detection]:
    """Those with a joint, missing ones NaN."""
    kept = []
    for detection in detections:
        points = detection.points.astype(np.float32)
        if len(points) != layout.num_joints:
            raise InputError(
                f"{where}: a person has {len(points)} joints, layout {layout.name} has "
                f"{layout.num_joints}"
            )
        coords, score = points[:, :-1], np.nan_to_num(points[:, -1])
        missing = ~np.isfinite(coords).all(axis=1) | (coords == 0).all(axis=1) | (score == 0)
        points[:, -1] = score
        points[missing, :-1] = np.nan
        if not missing.all():
            kept.append(Detection(points, detection.track))
    return kept


def _poses(detections: Sequence[Detection], layout: SkeletonLayout) -> np.ndarray:
    """Coordinates [P, J, 3]; those of a picture lie in a plane."""
    poses = np.zeros((len(detections), layout.num_joints, 3))
    for pose, detection in zip(poses, detections, strict=True):
        coords = detection.points[:, :-1]
        pose[:, : coords.shape[1]] = coords
        pose[np.isnan(coords[:, 0])] = np.nan
    return poses


def _numbers(
    seen: Sequence[Sequence[Detection]],
    poses: Sequence[np.ndarray],
    layout: SkeletonLayout,
    frame_rate: float,
    *,
    metres: bool,
) -> list[np.ndarray]:
    """For each frame the number of each person."""
    if max(map(len, seen)) <= 1:
        return [np.zeros(len(of_frame), np.int64) for of_frame in seen]
    tracks = [[detection.track for detection in of_frame] for of_frame in seen]
    if all(None not in each and len(set(each)) == len(each) for each in tracks):
        return [np.array(each, np.int64) for each in tracks]
    from ms2l_tf.data.videos.tracking import Tracker, root_points  # SciPy takes a while to load

    extents = [
        float(np.linalg.norm(np.nanmax(pose, axis=0) - np.nanmin(pose, axis=0)))
        for of_frame in poses
        for pose in of_frame
    ]
    scale = 1.0 if metres else max(float(np.median(extents)), 1e-6) / _HEIGHT
    tracker = Tracker(frame_rate)
    return [tracker.update(root_points(of_frame, layout) / scale) for of_frame in poses]


def _ranking(numbers: Sequence[np.ndarray], poses: Sequence[np.ndarray]) -> list[int]:
    if max(map(len, numbers)) <= 1 and len({int(n) for each in numbers for n in each}) == 1:
        return [int(next(n for each in numbers for n in each))]
    from ms2l_tf.data.videos.tracking import rank_persons

    return rank_persons(numbers, poses)
