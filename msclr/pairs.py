"""Batches of the same clips in two layouts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.pipeline import (
    WHOLE,
    Share,
    normalised,
    raw_batch,
    raw_signature,
    with_own_threads,
)
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError

_PAIR_STREAM, _CLIP_STREAM = 1, 2


def steps_an_epoch(clips: int, layouts: int, batch: int) -> int:
    """An epoch covers layouts x clips samples, in full batches; at least one."""
    return max(1, clips * layouts // batch)


def draw_pairs(kind: str, layouts: int, steps: int, random: np.random.Generator) -> np.ndarray:
    """(query, key) layout of each step: int [steps, 2].

    Args:
        kind: ``full_random``: both drawn independently and uniformly; ``anchored``: one side,
            drawn too, is the reference layout 0 and the other any layout; ``same``: both alike.
        layouts: how many there are.
        steps: how many batches.
        random: source of the draws.
    """
    drawn = random.integers(layouts, size=(steps, 2))
    if kind == "same":
        drawn[:, 1] = drawn[:, 0]
    elif kind == "anchored":
        side = random.integers(2, size=steps)
        drawn[np.arange(steps), side] = 0
    return drawn


def possible_pairs(kind: str, layouts: int) -> set[tuple[int, int]]:
    """All pairs that `draw_pairs` may draw."""
    pairs = [(query, key) for query in range(layouts) for key in range(layouts)]
    allowed: dict[str, Callable[[int, int], bool]] = {
        "full_random": lambda query, key: True,
        "anchored": lambda query, key: 0 in (query, key),
        "same": lambda query, key: query == key,
    }
    return {pair for pair in pairs if allowed[kind](*pair)}


class PairSampler:
    """Which clips in which two layouts, step by step; depends on the numbers alone.

    Args:
        has_poses: [layouts, N] bool.
        clips: training clips; `PairSampler.clips` are those that some possible pair can use.
        kind: see `draw_pairs`.
        batch: B.
        seed: of the draws.

    Raises:
        InputError: no clip has poses in both layouts of a pair that may be drawn.
    """

    def __init__(
        self, has_poses: np.ndarray, clips: np.ndarray, kind: str, batch: int, seed: int
    ) -> None:
        self._has_poses = has_poses
        self.clips = clips
        self._kind = kind
        self._batch = batch
        self._seed = seed
        pairs = sorted(possible_pairs(kind, len(has_poses)))
        each = [self.eligible(query, key) for query, key in pairs]
        self.clips = np.unique(np.concatenate(each))
        self.steps = steps_an_epoch(len(self.clips), len(has_poses), batch)
        for (query, key), eligible in zip(pairs, each, strict=True):
            if not len(eligible):
                raise InputError(
                    f"--pairs={kind}: no training clip has poses in both layout {query + 1} and "
                    f"layout {key + 1} of --layouts; use --pairs=same or leave one out"
                )

    def eligible(self, query: int, key: int) -> np.ndarray:
        """The clips that have poses in both layouts."""
        return self.clips[(self._has_poses[query] & self._has_poses[key])[self.clips]]

    def unpaired(self) -> int:
        """How many of the clips used meet themselves alone, for lack of another layout."""
        if self._kind == "same" or len(self._has_poses) == 1:
            return 0
        return int((self._has_poses[:, self.clips].sum(axis=0) < 2).sum())

    def epoch(self, number: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """(query layout, key layout, clips [B]) of each step of an epoch.

        Pairs with the same clips share one order, so that an epoch in which every clip has every
        layout meets every clip equally often.
        """
        pairs = draw_pairs(
            self._kind,
            len(self._has_poses),
            self.steps,
            np.random.default_rng([self._seed, number, _PAIR_STREAM]),
        )
        orders: dict[bytes, Iterator[int]] = {}
        for query, key in pairs.tolist():
            eligible = self.eligible(query, key)
            name = eligible.tobytes()
            if name not in orders:
                seed = [self._seed, number, _CLIP_STREAM, len(orders)]
                orders[name] = _endless(eligible, np.random.default_rng(seed))
            yield query, key, np.fromiter(orders[name], np.int64, self._batch)


def _endless(clips: np.ndarray, random: np.random.Generator) -> Iterator[int]:
    """Every clip once in a random order, then again in another."""
    while True:
        yield from random.permutation(clips).tolist()


def pair_batches(
    data: RunData,
    sampler: PairSampler,
    *,
    batch: int,
    first_step: int = 0,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Endless batches for `msclr.model.MSCLR`.

    {"query", "key": [B, T, M, J, C] with J of their layouts; "query_layout", "key_layout": [B]
    int32, all alike; "clip": [B] int32}.

    Args:
        data: the clips in all layouts.
        sampler: says which.
        batch: B.
        first_step: the batch a resumed run goes on with.
        share: of every batch that is read.
    """
    batch //= share.parts
    first_epoch, skipped = divmod(first_step, sampler.steps)
    stores = [part.store for part in data.parts]

    def raw() -> Iterator[dict[str, Any]]:
        for epoch in itertools.count(first_epoch):
            steps = sampler.epoch(epoch)
            for query, key, clips in itertools.islice(
                steps, skipped if epoch == first_epoch else 0, None
            ):
                clips = share.of(clips)
                yield {
                    "query": raw_batch(stores[query], clips, data.normalisers[query]),
                    "key": raw_batch(stores[key], clips, data.normalisers[key]),
                    "layouts": np.array([query, key], np.int32),
                }

    one = raw_signature(batch, [None, None, data.coords])
    signature = {"query": one, "key": one, "layouts": tf.TensorSpec([2], tf.int32)}

    def normalise(raws: dict[str, Any]) -> dict[str, tf.Tensor]:
        query, key = raws["layouts"][0], raws["layouts"][1]
        return {
            "query": _normalised(raws["query"], query, data),
            "key": _normalised(raws["key"], key, data),
            "query_layout": tf.fill([batch], query),
            "key_layout": tf.fill([batch], key),
            "clip": raws["query"]["clip"],
        }

    dataset = tf.data.Dataset.from_generator(raw, output_signature=signature)
    return with_own_threads(dataset.map(normalise).prefetch(2))


def _normalised(raw: dict[str, tf.Tensor], layout: tf.Tensor, data: RunData) -> tf.Tensor:
    """Poses [B, T, M, J, C] by the normaliser of their layout; J is known at run time only."""

    def of(normaliser: Normaliser, shape: tuple[int, ...]) -> Callable[[], tf.Tensor]:
        def normalise() -> tf.Tensor:
            signature = raw_signature(raw["lengths"].shape[0], shape)
            known = {name: tf.ensure_shape(raw[name], signature[name].shape) for name in raw}
            return normalised(known, normaliser)

        return normalise

    branches = [
        of(normaliser, part.store.coords.shape[1:])
        for normaliser, part in zip(data.normalisers, data.parts, strict=True)
    ]
    poses = tf.switch_case(layout, branches)
    shape = [raw["lengths"].shape[0], data.normalisers[0].frames, data.persons, None, data.coords]
    return tf.ensure_shape(poses, shape)
