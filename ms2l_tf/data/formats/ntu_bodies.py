"""Who of the bodies that a Kinect tracked are the actors: rules for ghosts, order and gaps.

The sensor takes chairs and bags for bodies and gives an actor whom it lost a new number. Of a clip
in which it saw more than one body:

1. Bodies seen in at most 10 frames are dropped.
2. Bodies wider (x) than 0.8 of their height (y) in more than half of their frames are dropped.
3. If a rule drops all, the body with the largest motion stays. Motion is the variance over time of
   a body's coordinates, summed over joints and axes.
4. The bodies are taken by motion, the largest first. One that shares no frame with a person taken
   before continues this person; else it is the next person, up to two; others are dropped.

Then frames without anyone are cut from both ends; those in between are gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ms2l_tf.data.formats.kinect import describe_missing, drop_unseen
from ms2l_tf.data.formats.ntu_text import Body
from ms2l_tf.errors import InputError

NUM_PERSONS = 2
MIN_FRAMES = 11
WIDEST = 0.8  # width to height


def actors(
    num_frames: int, bodies: Sequence[Body], where: str
) -> tuple[np.ndarray, slice, tuple[str, ...]]:
    """The persons of a clip.

    Args:
        num_frames: of the recording.
        bodies: in it.
        where: names the file in errors.

    Returns:
        Coordinates float32 [T, M, 25, 3], the person with the largest motion first, missing ones
        NaN; the frames of the recording that they stand for; what was repaired.

    Raises:
        InputError: nobody is seen in any frame.
    """
    if not bodies:
        raise InputError(f"{where}: has no body in any of its {num_frames} frames")
    unseen = [drop_unseen(body.joints) for body in bodies]
    if all(of_body.all() for of_body in unseen):
        raise InputError(f"{where}: has no joint in any frame")
    kept, repairs = _without_ghosts(bodies)
    coords, listed, joining = _persons(num_frames, kept)
    seen = np.flatnonzero(listed.any(axis=1))
    whole = slice(int(seen[0]), int(seen[-1]) + 1)
    coords, listed = coords[whole], listed[whole]
    missing = listed[:, :, np.newaxis] & np.isnan(coords[..., 0])
    counts = (
        (whole.start + num_frames - whole.stop, "frames without a body cut from the ends"),
        (len(coords) - len(seen), "frames without a body kept as gaps"),
    )
    gaps = [f"{count} {what}" for count, what in counts if count]
    return coords, whole, (*repairs, *joining, *gaps, *describe_missing(missing))


def _without_ghosts(bodies: Sequence[Body]) -> tuple[Sequence[Body], list[str]]:
    rules: tuple[tuple[Callable[[Body], bool], str], ...] = (
        (_is_brief, f"bodies seen in fewer than {MIN_FRAMES} frames dropped"),
        (_is_wide, f"bodies wider than {WIDEST} of their height in most frames dropped"),
    )
    repairs = []
    for is_ghost, text in rules:
        if len(bodies) > 1:
            kept = [body for body in bodies if not is_ghost(body)] or [max(bodies, key=_motion)]
            if len(kept) < len(bodies):
                repairs.append(f"{len(bodies) - len(kept)} {text}")
            bodies = kept
    return bodies, repairs


def _is_brief(body: Body) -> bool:
    return len(body.frames) < MIN_FRAMES


def _is_wide(body: Body) -> bool:
    high = np.fmax.reduce(body.joints, axis=1)
    spread = high - np.fmin.reduce(body.joints, axis=1)
    return bool(2 * (spread[:, 0] > WIDEST * spread[:, 1]).sum() > len(spread))


def _motion(body: Body) -> float:
    """Variance over time, summed over joints and axes; of what is seen."""
    joints = body.joints.astype(float)
    counts = np.maximum(np.isfinite(joints).sum(axis=0), 1)
    means = np.nansum(joints, axis=0) / counts
    return float((np.nansum((joints - means) ** 2, axis=0) / counts).sum())


def _persons(num_frames: int, bodies: Sequence[Body]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Coordinates [T, M, 25, 3], who is listed in which frame [T, M], and what was done."""
    if len(bodies) > 1:
        bodies = sorted(bodies, key=_motion, reverse=True)
    shape = (num_frames, min(NUM_PERSONS, len(bodies)), *bodies[0].joints.shape[1:])
    coords, listed = np.full(shape, np.nan, np.float32), np.zeros(shape[:2], np.bool_)
    taken = joined = dropped = 0
    for body in bodies:
        free = (m for m in range(taken) if not listed[body.frames, m].any())
        person = next(free, taken)
        if person == NUM_PERSONS:
            dropped += 1
            continue
        joined += person < taken
        taken = max(taken, person + 1)
        coords[body.frames, person] = body.joints
        listed[body.frames, person] = True
    counts = (
        (joined, "bodies joined to one whose frames they do not share"),
        (dropped, f"bodies beyond the {NUM_PERSONS} of largest motion dropped"),
    )
    repairs = [f"{count} {what}" for count, what in counts if count]
    return coords[:, :taken], listed[:, :taken], repairs
