"""Memory-mapped clips -> padded batches -> normalised batches, as `tf.data`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from ms2l_tf.data.clip_dataset import PoseStore
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.errors import InputError


def padded_batch(store: PoseStore, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Raw poses of some clips, padded with zeros to the longest of them.

    Args:
        store: poses of one layout.
        indices: [B] clips, each with at least one frame.

    Returns:
        coords [B, F, M, J, C] float32, lengths [B] int32, present [B, F, M] bool, clip [B] int32.
    """
    lengths = store.lengths[indices].astype(np.int32)
    shape = (len(indices), int(lengths.max()), *store.coords.shape[1:])
    coords = np.zeros(shape, np.float32)
    present = np.zeros(shape[:3], bool)
    for row, (index, length) in enumerate(zip(indices, lengths, strict=True)):
        start = int(store.offsets[index])
        coords[row, :length] = store.coords[start : start + length]
        present[row, :length] = store.present[start : start + length]
    coords[~present] = (
        0.0  # NaN on disk; "absent" is said by `present`, and zeros are cheap to check
    )
    return {
        "coords": coords,
        "lengths": lengths,
        "present": present,
        "clip": np.asarray(indices, np.int32),
    }


def with_poses(store: PoseStore, indices: np.ndarray) -> np.ndarray:
    """Those of `indices` that have poses in this layout.

    Raises:
        InputError: none has.
    """
    kept = indices[store.lengths[indices] > 0]
    if not len(kept):
        raise InputError(f"layout {store.layout.name}: none of the {len(indices)} clips has poses")
    return kept


def steps_an_epoch(clips: int, batch: int) -> int:
    """Full batches in an epoch; a set smaller than a batch repeats to make one."""
    return max(1, clips // batch)


def epoch_order(clips: int, batch: int, seed: int, epoch: int) -> np.ndarray:
    """Clip positions of one epoch, a whole number of batches: depends on (seed, epoch) alone."""
    random = np.random.default_rng([seed, epoch])
    wanted = steps_an_epoch(clips, batch) * batch
    rounds = [random.permutation(clips) for _ in range(-(-wanted // clips))]
    return np.concatenate(rounds)[:wanted]


def training_batches(
    store: PoseStore,
    indices: np.ndarray,
    normaliser: Normaliser,
    *,
    batch: int,
    seed: int,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Endless shuffled batches {"poses": [B, T, M, J, C], "clip": [B]}, epoch after epoch.

    Args:
        store: poses of one layout.
        indices: training clips.
        normaliser: applied to every batch.
        batch: B; every batch is full (see `steps_an_epoch`).
        seed: of the order.
        first_epoch: where a resumed run goes on.
    """
    indices = with_poses(store, indices)

    def raw() -> Iterator[dict[str, np.ndarray]]:
        epoch = first_epoch
        while True:
            order = indices[epoch_order(len(indices), batch, seed, epoch)]
            for rows in order.reshape(-1, batch):
                yield padded_batch(store, rows)
            epoch += 1

    return _normalised(raw, store, normaliser, batch)


def evaluation_batches(
    store: PoseStore, indices: np.ndarray, normaliser: Normaliser, *, batch: int
) -> tf.data.Dataset:
    """Batches of all clips in order; the last one repeats its last clip to be full.

    Cut what comes out of them to ``len(indices)`` rows.
    """

    def raw() -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, len(indices), batch):
            rows = indices[start : start + batch]
            fill = np.repeat(rows[-1:], batch - len(rows))
            yield padded_batch(store, np.concatenate([rows, fill]))

    return _normalised(raw, store, normaliser, batch)


def _normalised(
    raw: Callable[[], Iterator[dict[str, np.ndarray]]],
    store: PoseStore,
    normaliser: Normaliser,
    batch: int,
) -> tf.data.Dataset:
    persons, joints, coords = store.coords.shape[1:]
    signature = {
        "coords": tf.TensorSpec([batch, None, persons, joints, coords], tf.float32),
        "lengths": tf.TensorSpec([batch], tf.int32),
        "present": tf.TensorSpec([batch, None, persons], tf.bool),
        "clip": tf.TensorSpec([batch], tf.int32),
    }

    def normalise(one: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        poses, _ = normaliser(one["coords"], one["lengths"], one["present"])
        shape = [batch, normaliser.frames, normaliser.persons, joints, coords]
        return {"poses": tf.ensure_shape(poses, shape), "clip": one["clip"]}

    dataset = tf.data.Dataset.from_generator(raw, output_signature=signature)
    dataset = dataset.map(normalise).prefetch(2)
    options = tf.data.Options()
    # `fit` waits for a batch inside its own graph. On a machine with few cores that blocks the
    # shared pool of threads the batch itself is waiting for: without threads of its own the
    # pipeline starves, or hangs.
    options.threading.private_threadpool_size = 2
    return dataset.with_options(options)
