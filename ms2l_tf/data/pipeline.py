"""Memory-mapped clips -> raw batches -> normalised batches, as `tf.data`."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ms2l_tf.data.clip_dataset import PoseStore
from ms2l_tf.data.clip_samples import sampled_batch
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.errors import InputError

PADDED_ROUNDS = 4  # a batch is padded, which is quick, to at most so many times T frames

LOADER_THREADS = 2  # of a training pipeline; batches do not depend on their number

PADDED = ("coords", "lengths", "present")
SAMPLED = ("coords", "origin", "present", "seen", "spine", "shoulder", "hip", "torso")


class Share(NamedTuple):
    """What one of several workers reads of every batch: one of equal parts of its rows."""

    number: int = 0
    parts: int = 1

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Its part of [B, ...]."""
        size = len(rows) // self.parts
        return rows[self.number * size : (self.number + 1) * size]


WHOLE = Share()


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
    coords[~present] = 0.0  # NaN on disk; `present` says "absent", and zeros are cheap to check
    return {
        "coords": coords,
        "lengths": lengths,
        "present": present,
        "clip": np.asarray(indices, np.int32),
    }


def raw_batch(
    store: PoseStore, indices: np.ndarray, normaliser: Normaliser
) -> dict[str, np.ndarray]:
    """What `normalised` makes poses of: padded clips, or samples where one of them is long.

    Returns:
        all that `padded_batch` and `sampled_batch` return; "padded" says which of them did, the
        entries of the other alone are empty.
    """
    lengths = store.lengths[indices]
    padded = bool(lengths.max() <= PADDED_ROUNDS * normaliser.frames)
    if padded:
        values = padded_batch(store, indices)
    else:
        values = sampled_batch(store, indices, normaliser)
        values |= {"lengths": lengths.astype(np.int32), "clip": np.asarray(indices, np.int32)}
    empty = {
        name: np.empty([size or 0 for size in spec.shape], spec.dtype.as_numpy_dtype)
        for name, spec in raw_signature(len(indices), store.coords.shape[1:]).items()
        if name not in values
    }
    return {**empty, **values, "padded": np.array(padded)}


def raw_signature(batch: int | None, shape: Sequence[int | None]) -> dict[str, tf.TensorSpec]:
    """Of `raw_batch`, for frames that hold [M, J, C]; what is not known is None."""
    persons, joints, coords = shape
    vector = tf.TensorSpec([batch, coords], tf.float32)
    return {
        "coords": tf.TensorSpec([batch, None, persons, joints, coords], tf.float32),
        "lengths": tf.TensorSpec([batch], tf.int32),
        "present": tf.TensorSpec([batch, None, persons], tf.bool),
        "clip": tf.TensorSpec([batch], tf.int32),
        "padded": tf.TensorSpec([], tf.bool),
        "origin": tf.TensorSpec([batch, None, coords], tf.float32),
        "seen": tf.TensorSpec([batch, persons], tf.bool),
        "torso": tf.TensorSpec([batch, 1], tf.float32),
        "spine": vector,
        "shoulder": vector,
        "hip": vector,
    }


def of_padded(raw: Mapping[str, tf.Tensor], normaliser: Normaliser) -> tf.Tensor:
    """The poses [B, T, M, J, C] of a `padded_batch`."""
    return normaliser(raw["coords"], raw["lengths"], raw["present"])[0]


def normalised(raw: Mapping[str, tf.Tensor], normaliser: Normaliser) -> tf.Tensor:
    """The poses [B, T, M, J, C] of a `raw_batch`."""
    return tf.cond(
        raw["padded"], lambda: of_padded(raw, normaliser), lambda: normaliser.placed(raw)
    )


def with_poses(store: PoseStore, indices: np.ndarray, what: str = "clips") -> np.ndarray:
    """Those of `indices` that have poses in this layout.

    Args:
        store: poses of one layout.
        indices: clips.
        what: they are, for the error.

    Raises:
        InputError: none has.
    """
    kept = indices[store.lengths[indices] > 0]
    if not len(kept):
        raise InputError(f"layout {store.layout.name}: none of the {len(indices)} {what} has poses")
    return kept


def steps_an_epoch(clips: int, batch: int) -> int:
    """Full batches in an epoch; a set smaller than a batch repeats to make one."""
    return max(1, clips // batch)


def epoch_order(clips: int, batch: int, seed: int, epoch: int, stream: int = 0) -> np.ndarray:
    """Clip positions of one epoch, a whole number of batches: depends on the numbers alone.

    Two streams of one run (labelled, unlabelled) have orders of their own.
    """
    random = np.random.default_rng([seed, epoch, stream] if stream else [seed, epoch])
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
    first_step: int = 0,
    stream: int = 0,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Endless shuffled batches {"poses": [B, T, M, J, C], "clip": [B]}, epoch after epoch.

    Args:
        store: poses of one layout.
        indices: training clips.
        normaliser: applied to every batch.
        batch: B; every batch is full (see `steps_an_epoch`).
        seed: of the order.
        first_step: the batch a resumed run goes on with.
        stream: see `epoch_order`.
        share: of every batch that is read.
    """
    indices = with_poses(store, indices)
    first_epoch, skipped = divmod(first_step, steps_an_epoch(len(indices), batch))

    def raw() -> Iterator[dict[str, np.ndarray]]:
        for epoch in itertools.count(first_epoch):
            order = indices[epoch_order(len(indices), batch, seed, epoch, stream)]
            for rows in order.reshape(-1, batch)[skipped if epoch == first_epoch else 0 :]:
                yield raw_batch(store, share.of(rows), normaliser)

    return _normalised(raw, store, normaliser, batch // share.parts)


def recognition_batches(
    store: PoseStore,
    labelled: np.ndarray,
    labels: np.ndarray,
    normaliser: Normaliser,
    *,
    unlabelled: np.ndarray | None = None,
    batch: int,
    seed: int,
    first_step: int = 0,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Endless batches {"poses": [B, T, M, J, C], "label": [B]} of labelled clips.

    With `unlabelled` clips also {"unlabelled": [B, T, M, J, C]}, drawn on their own: each of the
    two streams goes through its clips again and again, whatever the size of the other.

    Args:
        store: poses of one layout.
        labelled: clips whose labels are read.
        labels: [N] of all clips.
        normaliser: applied to every batch.
        unlabelled: clips whose poses alone are read, or None.
        batch: B of each stream.
        seed: of the orders.
        first_step: the batch a resumed run goes on with.
        share: of every batch that is read.
    """
    known = tf.constant(labels, tf.int32)

    def with_labels(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"poses": batch["poses"], "label": tf.gather(known, batch["clip"])}

    def stream(indices: np.ndarray, number: int) -> tf.data.Dataset:
        return training_batches(
            store,
            indices,
            normaliser,
            batch=batch,
            seed=seed,
            first_step=first_step,
            stream=number,
            share=share,
        )

    own = stream(labelled, 1).map(with_labels)
    if unlabelled is None:
        return own
    return tf.data.Dataset.zip(own, stream(unlabelled, 0)).map(
        lambda clips, others: {**clips, "unlabelled": others["poses"]}
    )


def evaluation_batches(
    store: PoseStore, indices: np.ndarray, normaliser: Normaliser, *, batch: int
) -> Iterator[dict[str, tf.Tensor]]:
    """Batches of all clips in order; the last one repeats its last clip to be full.

    Cut what comes out of them to ``len(indices)`` rows. An evaluation reads many short rounds; a
    `tf.data` pipeline for each would take longer to set up than to run.
    """
    settings, shape = _settings(normaliser), store.coords.shape[1:]
    for start in range(0, len(indices), batch):
        rows = indices[start : start + batch]
        fill = np.repeat(rows[-1:], batch - len(rows))
        raw = raw_batch(store, np.concatenate([rows, fill]), normaliser)
        poses = _traced(settings, shape, bool(raw["padded"]))(raw)
        yield {"poses": poses, "clip": tf.constant(raw["clip"])}


def _settings(normaliser: Normaliser) -> str:
    """What two normalisers that do the same have in common."""
    config = normaliser.get_config()
    return json.dumps({name: value for name, value in config.items() if name != "name"})


@functools.lru_cache(maxsize=64)
def _traced(
    settings: str, shape: tuple[int, ...], padded: bool
) -> Callable[[Mapping[str, np.ndarray]], tf.Tensor]:
    """A normaliser's function of raw batches whose frames hold [M, J, C], of one of both kinds."""
    normaliser = Normaliser.from_config(json.loads(settings))
    names = PADDED if padded else SAMPLED
    signature = raw_signature(None, shape)

    @tf.function(input_signature=[[signature[name] for name in names]], autograph=False)
    def normalise(values: list[tf.Tensor]) -> tf.Tensor:
        raw = dict(zip(names, values, strict=True))
        return of_padded(raw, normaliser) if padded else normaliser.placed(raw)

    return lambda raw: normalise([raw[name] for name in names])


def _normalised(
    raw: Callable[[], Iterator[dict[str, np.ndarray]]],
    store: PoseStore,
    normaliser: Normaliser,
    batch: int,
) -> tf.data.Dataset:
    shape = store.coords.shape[1:]

    def normalise(clips: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        poses = normalised(clips, normaliser)
        expected = [batch, normaliser.frames, normaliser.persons, *shape[1:]]
        return {"poses": tf.ensure_shape(poses, expected), "clip": clips["clip"]}

    signature = raw_signature(batch, shape)
    dataset = tf.data.Dataset.from_generator(raw, output_signature=signature)
    return with_own_threads(dataset.map(normalise).prefetch(2))


def with_own_threads(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """A pipeline that does not wait for the threads its consumer holds.

    `fit` waits for a batch inside its own graph. On a machine with few cores that blocks the
    shared pool of threads the batch itself is waiting for: without threads of its own the pipeline
    starves, or hangs.
    """
    options = tf.data.Options()
    options.threading.private_threadpool_size = LOADER_THREADS
    return dataset.with_options(options)
