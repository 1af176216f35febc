"""Clips that were stored twice: found by their poses, whatever their names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable

import numpy as np
import numpy.typing as npt

from ms2l_tf.data.pose_store import PoseStore, release

_BLOCK_FRAMES = 4096  # of a long clip, read at a time


def digest(parts: Iterable[np.ndarray]) -> bytes:
    """A checksum of the coordinates of one clip, part by part.

    Coordinates are bytes of one form: equal poses have equal bytes.
    """
    checksum = hashlib.blake2b(digest_size=16)
    for coords in parts:
        checksum.update(np.ascontiguousarray(coords).data)
    return checksum.digest()


def copied(
    store: PoseStore, clips: npt.NDArray[np.integer], originals: npt.NDArray[np.integer]
) -> npt.NDArray[np.bool_]:
    """Which clips have exactly the poses of one of the originals, to the last bit.

    One frame of every clip is read, and the others of clips that agree in it. Blank clips are no
    copies of each other.

    Args:
        store: poses of the layout that is compared.
        clips: N of its clips.
        originals: clips that may be their originals, none of `clips`.

    Returns:
        [N].
    """
    copies = store.seen[clips]
    originals = originals[store.seen[originals]]
    for compared in (_middle_frame, _all_frames):
        copies, originals = _shared(store, clips, copies, originals, compared)
    release(store.coords)
    return copies


def _shared(
    store: PoseStore,
    clips: npt.NDArray[np.integer],
    candidates: npt.NDArray[np.bool_],
    originals: npt.NDArray[np.integer],
    compared: Callable[[PoseStore, int], Hashable],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.integer]]:
    """Those of the candidates [N], and of the originals, that agree with one of the others."""
    of_originals = [compared(store, clip) for clip in originals]
    of_clips = {place: compared(store, clips[place]) for place in np.flatnonzero(candidates)}
    common = set(of_originals).intersection(of_clips.values())
    agree = np.zeros_like(candidates)
    agree[[place for place, content in of_clips.items() if content in common]] = True
    return agree, originals[np.array([content in common for content in of_originals], bool)]


def _middle_frame(store: PoseStore, clip: int) -> tuple[int, bytes]:
    length = int(store.lengths[clip])
    middle = int(store.offsets[clip]) + length // 2
    return length, digest([store.coords[middle : middle + 1]])


def _all_frames(store: PoseStore, clip: int) -> bytes:
    start, stop = (int(edge) for edge in store.offsets[clip : clip + 2])
    edges = range(start, stop, _BLOCK_FRAMES)
    return digest(store.coords[edge : min(edge + _BLOCK_FRAMES, stop)] for edge in edges)
