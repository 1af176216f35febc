"""`ClipArrays`: clips of a dataset as NumPy arrays, for training loops of other libraries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ms2l_tf.data.clip_frames import ClipFrames
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError

Item = dict[str, np.ndarray]


class ClipArrays(Sequence[Item]):
    """A sequence of clips, as `torch.utils.data.DataLoader` takes one.

    An item is a dictionary: "coords" float32 [F, M, J, C], "present" bool [F, M], "label" and
    "clip" (its place in the dataset) int64 []; and "confidence" float32 [F, M, J] where the layout
    has it and `frames` is 0.

    Without `frames` clips are as they lie on the disk, NaN where a joint is missing. With it each
    has T of them, from its first to its last, between two by linear interpolation; missing joints
    are filled over time, persons never seen stand behind the others, and who is absent is zero.

    Args:
        store: poses of one layout.
        labels: int [N] of all clips.
        indices: of the clips, in this order; those without poses in this layout are left out.
        frames: T; 0 keeps their own.
    """

    def __init__(
        self, store: PoseStore, labels: np.ndarray, indices: np.ndarray, frames: int = 0
    ) -> None:
        if frames < 0:
            raise InputError(f"frames: {frames} is negative; 0 keeps those of the clips")
        self.store = store
        self.indices = indices[store.lengths[indices] > 0]
        self.frames = frames
        self._labels = labels

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Item:  # type: ignore[override]
        """The clip at a place."""
        index = int(self.indices[place])
        item = self._resampled(index) if self.frames else self._raw(index)
        label = np.array(self._labels[index], np.int64)
        return {**item, "label": label, "clip": np.array(index, np.int64)}

    def batches(self, size: int, *, seed: int | None = None) -> Iterator[Item]:
        """Items stacked to batches of a size, the last one smaller.

        Args:
            size: B.
            seed: of a shuffled order; None keeps it.

        Raises:
            InputError: clips have frames of their own, which make no array.
        """
        self._check_frames()
        if size < 1:
            raise InputError(f"batches: a size of {size}; expected 1 or more")
        order = np.arange(len(self))
        if seed is not None:
            order = np.random.default_rng(seed).permutation(order)
        for start in range(0, len(order), size):
            yield _stacked([self[int(place)] for place in order[start : start + size]])

    def stacked(self) -> Item:
        """All clips as one batch, such as `tf.data.Dataset.from_tensor_slices` takes.

        Raises:
            InputError: clips have frames of their own, or there is none.
        """
        self._check_frames()
        if not len(self):
            raise InputError(f"layout {self.store.layout.name}: none of the clips has poses")
        return _stacked(list(self))

    def _check_frames(self) -> None:
        if not self.frames:
            raise InputError("clips have numbers of frames of their own; say how many by frames=64")

    def _raw(self, index: int) -> Item:
        poses = self.store.poses(index)
        item = {"coords": np.array(poses.coords), "present": np.array(poses.present)}
        if poses.confidence is not None:
            item["confidence"] = np.array(poses.confidence)
        return item

    def _resampled(self, index: int) -> Item:
        clip = ClipFrames(self.store, index)
        coords = np.concatenate([piece for _, piece in clip.pieces()])
        times = np.linspace(0, clip.length - 1, self.frames)
        start = np.floor(times).astype(np.int64)
        end = np.minimum(start + 1, clip.length - 1)
        mix = (times - start).astype(np.float32)[:, None, None, None]
        values = coords[start] + (coords[end] - coords[start]) * mix
        present = np.asarray(clip.present)[np.round(times).astype(np.int64)]
        return {"coords": np.where(present[..., None, None], values, 0), "present": present}


def _stacked(items: Sequence[Item]) -> Item:
    return {name: np.stack([item[name] for item in items]) for name in items[0]}
