"""Clips at their T times, one by one: memory for a batch of T frames, however long a clip is.

The numbers are those of padding the batch and normalising it, to the bit: what is measured on all
frames is summed here in the order of TensorFlow's sums, and the rest is left to
`Normaliser.placed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from ms2l_tf.data.body_frame import TINY
from ms2l_tf.data.clip_frames import ClipFrames
from ms2l_tf.data.normaliser import FIRST_FRAMES, SIDES, Normaliser
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.resampling import sample_times

_SLAB_ROWS = 16  # at least the floats that a processor adds at a time


def sampled_batch(
    store: PoseStore, indices: np.ndarray, normaliser: Normaliser
) -> dict[str, np.ndarray]:
    """What `Normaliser.placed` reads, of some clips.

    Args:
        store: poses of one layout.
        indices: [B] clips, the longest of at least T frames.
        normaliser: says T and what is measured.

    Returns:
        coords [B, T, M, J, C] and origin [B, T, C], what is subtracted; present [B, T, M];
        seen [B, M]; the means `spine`, `shoulder`, `hip` [B, C] and `torso` [B, 1], zeros where
        the normaliser needs none.
    """
    clips = [_SampledClip(store, int(index), normaliser) for index in indices]
    batch = {name: np.stack([clip.values[name] for clip in clips]) for name in clips[0].values}
    lengths = store.lengths[indices].astype(np.float32)[:, None]
    torso = np.zeros((len(clips), 1), np.float32)
    if normaliser.scale == "torso":
        torso = row_sums([clip.torsos for clip in clips], int(lengths.max())) / lengths
        for row in np.flatnonzero(torso[:, 0] <= TINY):
            torso[row] = clips[row].mean_reach()
    return {**batch, "torso": torso}


class _SampledClip:
    """One clip: `values` without the batch axis, and `torsos`, the torso's length in each frame."""

    def __init__(self, store: PoseStore, index: int, normaliser: Normaliser) -> None:
        self._normaliser = normaliser
        frames = self._frames = ClipFrames(store, index)
        _, persons, joints, coords = store.coords.shape
        times = sample_times(np.array([frames.length]), normaliser.frames)[0]
        start = np.floor(times).astype(np.int32)
        self._places = start, np.minimum(start + 1, frames.length - 1)
        self._mix = times - np.floor(times)
        shape = (normaliser.frames, persons, joints, coords)
        self._around = np.empty(shape, np.float32), np.empty(shape, np.float32)
        names = ("spine", "shoulder", "hip", "root")
        self._sums = {name: np.zeros(coords, np.float32) for name in names}
        torsos = [self._read(first, piece) for first, piece in frames.pieces()]
        self.torsos = np.concatenate(torsos)
        nearest = np.round(times).astype(np.int32)
        self.values = {
            "coords": self._between(*self._around),
            "origin": self._origin(frames.length),
            "present": frames.present[nearest],
            "seen": frames.seen[frames.order],
            **self._means(frames.length),
        }

    def _read(self, first: int, piece: np.ndarray) -> np.ndarray:
        """Takes from a piece what is wanted of it; the torso's length in its frames."""
        for places, taken in zip(self._places, self._around, strict=True):
            begin, stop = np.searchsorted(places, [first, first + len(piece)])
            taken[begin:stop] = piece[places[begin:stop] - first]
        main, normaliser = piece[:, 0], self._normaliser
        if normaliser.centre == "clip":
            self._add("root", self._anchor(main, "root"))
        if normaliser.rotation == "none" and normaliser.scale == "none":
            return np.empty(0, np.float32)
        spine = self._anchor(main, "spine_top") - self._anchor(main, "root")
        spine = spine @ normaliser.to_metres[: spine.shape[1], : spine.shape[1]].T
        weighed = slice(0, max(FIRST_FRAMES - first, 0) if self._is_early else None)
        if normaliser.rotation != "none":
            self._add("spine", spine[weighed])
        for part in normaliser.lateral_parts:
            left, right = (self._anchor(main[weighed], f"{part}_{side}") for side in SIDES)
            self._add(part, left - right)
        return np.sqrt(np.add.reduce(spine * spine, axis=1))

    def mean_reach(self) -> float:
        """What scales a clip without a torso; see `Normaliser`."""
        total = 0.0
        for _, piece in self._frames.pieces():
            main = piece[:, 0]
            steps = main - self._anchor(main, "root")[:, None]
            total += float(np.linalg.norm(steps, axis=-1).mean(axis=1).sum())
        reach = total / self._frames.length * self._normaliser.unit_scale
        return reach if reach > TINY else 1.0

    @property
    def _is_early(self) -> bool:
        return self._normaliser.rotation == "first"

    def _anchor(self, person: np.ndarray, name: str) -> np.ndarray:
        """Mean of an anchor's joints: [n, J, C] -> [n, C]."""
        joints = self._normaliser.anchors[name]
        if len(joints) == 1:
            return person[:, joints[0]]
        return np.add.reduce(person[:, joints], axis=1) / np.float32(len(joints))

    def _add(self, name: str, vectors: np.ndarray) -> None:
        """Adds [n, C] to a sum, frame after frame."""
        self._sums[name] = np.add.reduce(np.concatenate([self._sums[name][None], vectors]), axis=0)

    def _means(self, length: int) -> dict[str, np.ndarray]:
        count = np.float32(min(length, FIRST_FRAMES) if self._is_early else length)
        return {name: self._sums[name] / count for name in ("spine", "shoulder", "hip")}

    def _origin(self, length: int) -> np.ndarray:
        """What is subtracted from each of the T frames: [T, C]."""
        if self._normaliser.centre == "frame":
            return self._between(*(self._anchor(taken[:, 0], "root") for taken in self._around))
        mean = self._sums["root"] / np.float32(length)
        return np.broadcast_to(mean, (self._normaliser.frames, len(mean)))

    def _between(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """At the T times, between the frames around them."""
        return before + (after - before) * self._mix.reshape(-1, *[1] * (before.ndim - 1))


def row_sums(rows: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Sums [B, 1] of rows, as `tf.reduce_sum` adds them when all are padded to `length`.

    TensorFlow adds a row in blocks that depend on its length with padding and on where it begins
    in memory, modulo a few floats; a lone row it adds in other blocks than one of several. So some
    rows at a time stand as they would among all.
    """
    return np.concatenate([*_slab_sums(rows, length)])


def _slab_sums(rows: Sequence[np.ndarray], length: int) -> Iterator[np.ndarray]:
    for first in range(0, len(rows), _SLAB_ROWS):
        part = rows[first : first + _SLAB_ROWS]
        slab = np.zeros((max(len(part), min(len(rows), 2)), length, 1), np.float32)
        for place, row in zip(slab, part, strict=False):
            place[: len(row), 0] = row
        with tf.device("CPU:0"):
            yield tf.reduce_sum(slab, axis=1).numpy()[: len(part)]
