"""Clips that share frames: stored twice, cut differently, moved, resized, rounded, exported anew.

Frames are compared by shape, see `shapes_of`. A clip keeps at most some of its frames' keys, those
that are lowest (as in min-wise sketches: Broder, On the Resemblance and Containment of Documents,
1997), so memory grows with the clips and not with their lengths; pairs with keys in common are then
compared frame by frame.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ms2l_tf.data.copies import digest
from ms2l_tf.data.pose_keys import FrameKeys, main_person, shapes_of
from ms2l_tf.data.pose_store import PoseStore, release

SAME = 0.005  # sizes of a body by which the joints of equal frames may differ (root mean square)
SHARED = 0.1  # of the frames of the shorter clip
MOST_PAIRS = 200_000  # compared frame by frame
_KEPT = 64  # keys of a clip; of a longer one an eighth besides, so that its pieces are found
_CROWD = 12  # clips with one key; more are compared with their neighbours only
_COMPARED = 64  # frames of the shorter clip
_BLOCK = 4096  # frames of the longer one at a time
_LEAST_COMMON = 0.02  # of the keys; of equal frames a fifth and more have equal keys
_RELEASED = 256  # clips read before the memory of the mapped file is given back


class NearPair(NamedTuple):
    """Two clips, and the part of the frames of the shorter one that the other has too."""

    first: int
    second: int
    shared: float


@dataclasses.dataclass(frozen=True, eq=False)
class CopyGroups:
    """What is stored more than once.

    Attributes:
        groups: int64 [N]; clips with one number have identical poses. It is the first of them;
            clips in which nobody is seen are -1.
        pairs: groups that share frames.
        left_out: pairs with a key in common that were too many to be compared.
    """

    groups: npt.NDArray[np.int64]
    pairs: tuple[NearPair, ...]
    left_out: int = 0


def find_copies(store: PoseStore, progress: Callable[[], object] | None = None) -> CopyGroups:
    """Compares all clips of a layout with each other; of several persons the first one seen.

    Args:
        store: the clips.
        progress: called for each clip that has been read.
    """
    groups = np.full(len(store.lengths), -1, np.int64)
    keys = FrameKeys(store.layout.num_joints * store.num_coords)
    first_of: dict[bytes, int] = {}
    kept: dict[int, npt.NDArray[np.uint64]] = {}
    for clip, seen in enumerate(store.seen):
        if seen:
            groups[clip] = first_of.setdefault(digest([store.poses(clip).coords]), clip)
        if groups[clip] == clip:
            kept[clip] = _lowest(keys.of(shapes_of(main_person(store, clip))))
        if clip % _RELEASED == 0:
            release(store.coords)
        if progress is not None:
            progress()
    candidates = _with_common_keys(kept, len(groups))
    pairs = tuple(_compared(store, sorted(map(tuple, candidates[:MOST_PAIRS].tolist()))))
    return CopyGroups(groups, pairs, max(0, len(candidates) - MOST_PAIRS))


def _lowest(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The keys that are kept: the same choice in every clip, whatever its length."""
    keys = np.unique(keys)
    return keys[(np.arange(len(keys)) < _KEPT) | (keys % np.uint64(8) == 0)]


def _with_common_keys(kept: dict[int, npt.NDArray[np.uint64]], clips: int) -> npt.NDArray[np.int64]:
    """Pairs of clips [P, 2], those first that have most keys in common."""
    sizes = np.zeros(clips, np.int64)
    sizes[list(kept)] = [len(keys) for keys in kept.values()]
    owners = np.repeat(np.arange(clips), sizes)
    keys = np.concatenate([np.empty(0, np.uint64), *kept.values()])
    order = np.lexsort((owners, keys))
    codes, counts = np.unique(_pair_codes(keys[order], owners[order], clips), return_counts=True)
    pairs = np.stack(np.divmod(codes, clips), axis=1)
    enough = counts >= _LEAST_COMMON * sizes[pairs].min(axis=1)
    pairs, counts = pairs[enough], counts[enough]
    return pairs[np.argsort(-counts, kind="stable")]


def _pair_codes(
    keys: npt.NDArray[np.uint64], owners: npt.NDArray[np.int64], clips: int
) -> npt.NDArray[np.int64]:
    """One number for each pair of clips and key that they share; the keys are sorted."""
    _, places, crowd = np.unique(keys, return_inverse=True, return_counts=True)
    small = crowd[places] <= _CROWD
    codes = []
    for apart in range(1, _CROWD):
        shared = keys[apart:] == keys[:-apart]
        if apart > 1:
            shared &= small[apart:]
        codes.append(owners[:-apart][shared] * clips + owners[apart:][shared])
    return np.concatenate(codes)


def _compared(store: PoseStore, candidates: list[tuple[int, int]]) -> Iterator[NearPair]:
    """Those that share enough frames."""
    for place, (first, second) in enumerate(candidates):
        shared = shared_frames(store, first, second)
        if shared >= SHARED:
            yield NearPair(first, second, shared)
        if place % _RELEASED == 0:
            release(store.coords)


def shared_frames(store: PoseStore, first: int, second: int) -> float:
    """The part of the frames of the shorter clip (of some of them) that the longer one has too."""
    one, other = (shapes_of(main_person(store, clip)) for clip in (first, second))
    one, other = (one, other) if len(one) <= len(other) else (other, one)
    if not len(one):
        return 0.0
    rows = np.linspace(0, len(one) - 1, min(_COMPARED, len(one))).round().astype(int)
    one = one[rows]
    nearest = np.full(len(one), np.inf, np.float32)
    for start in range(0, len(other), _BLOCK):
        part = other[start : start + _BLOCK]
        squares = (one**2).sum(axis=1)[:, None] + (part**2).sum(axis=1) - 2 * one @ part.T
        nearest = np.minimum(nearest, squares.min(axis=1))
    return float((nearest <= SAME**2 * store.layout.num_joints).mean())
