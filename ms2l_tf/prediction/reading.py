"""Clips as an exported model takes them: padded together, the very long ones at some frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ms2l_tf.data.pose_store import PoseStore, release
from ms2l_tf.errors import warn
from ms2l_tf.export.checking import padded_poses

PADDED_FRAMES = 1 << 14  # of a batch, so that a long clip among short ones costs no memory
LONGEST_VALUES = 1 << 22  # coordinates of a clip: a person of 25 joints for half an hour


def batches(lengths: Sequence[int] | np.ndarray, most: int) -> Iterator[slice]:
    """Neighbouring clips that are padded together, by their numbers of frames.

    Args:
        lengths: [N] frames of clips.
        most: clips of a batch.
    """
    start, longest = 0, 0
    for number, length in enumerate(lengths):
        longest = max(longest, int(length))
        full = number - start == most or longest * (number - start + 1) > PADDED_FRAMES
        if full and number > start:
            yield slice(start, number)
            start, longest = number, int(length)
    if start < len(lengths):
        yield slice(start, len(lengths))


def model_poses(
    store: PoseStore, rows: np.ndarray, resampled: int
) -> tuple[np.ndarray, np.ndarray]:
    """Poses [B, F, M, J, C], absent persons NaN, and lengths [B] of the clips of a batch.

    A model computes on all frames before it resamples them, in some ten times the memory of the
    clip. So of a clip of more than `LONGEST_VALUES` some frames are taken, evenly spaced; those
    that the model resamples to are among them.

    Args:
        store: poses.
        rows: [B] clips of one of `batches`.
        resampled: T, the frames that the model resamples clips to.
    """
    most = max(PADDED_FRAMES, LONGEST_VALUES // int(np.prod(store.coords.shape[1:])))
    length = int(store.lengths[rows].max())
    if length <= most:
        return padded_poses(store, rows)
    (row,) = rows  # a batch of more would be longer than that
    count = (most - 1) // (resampled - 1) * (resampled - 1) + 1
    warn(
        f"a clip of {length:,} frames is read at {count:,} of them, evenly spaced; windows read all"
    )
    frames = np.round(np.linspace(0, length - 1, count)).astype(np.int64) + store.offsets[row]
    poses = np.array(store.coords[frames])
    poses[~store.present[frames]] = np.nan
    release(store.coords)
    return poses[None], np.array([count], np.int32)
