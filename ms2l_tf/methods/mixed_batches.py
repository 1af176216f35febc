"""Batches of several data sets, each of one of them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from ms2l_tf.data.pipeline import WHOLE, Share, with_own_threads
from ms2l_tf.data.run_data import RunData
from ms2l_tf.methods.base import Batch
from ms2l_tf.methods.batches import Batches
from ms2l_tf.methods.registry import changed
from ms2l_tf.networks.semantic import SemanticPoints
from ms2l_tf.settings.config import RunConfig

_POSES = 5  # axes of poses
_SET_STREAM = 3  # of random numbers; the data sets' own orders have others


class MixedBatches(Batches):
    """Batches of several data sets, by turns in an order drawn anew for every epoch.

    An epoch has the steps that each set has by itself, its clips in full batches, so sets come up
    in proportion to their clips; one smaller than a batch comes up once. All batches are of one
    size.

    Args:
        config: settings of the run.
        data: its clips.
        make: the batches of one data set, by settings and clips.
        points: whether poses become those of the canonical skeleton; ``<name>_layout`` [B] beside
            poses ``<name>`` says which of a set's layouts they are in, or else the first.
    """

    def __init__(
        self,
        config: RunConfig,
        data: RunData,
        make: Callable[[RunConfig, RunData], Batches],
        *,
        points: bool,
    ) -> None:
        self._seed, self._told, self._data = config.training.seed, config.training.batch, data.sets
        parts = [make(config, one) for one in data.sets]
        self.batch = min(part.batch for part in parts)
        if self.batch < self._told:  # some set is too small for what was told
            smaller = changed(config, batch=self.batch)
            parts = [make(smaller, one) for one in data.sets]
        self._parts: Sequence[Batches] = parts
        self._points = [SemanticPoints(one.layouts) if points else None for one in data.sets]
        sizes = [len(one.dataset) for one in data.sets]
        self._first = [0, *itertools.accumulate(sizes)][:-1]
        self.clips = np.concatenate(
            [part.clips + first for part, first in zip(parts, self._first, strict=True)]
        )
        self.steps = sum(part.steps for part in parts)

    def order(self, epoch: int) -> np.ndarray:
        """Which data set each step of an epoch reads: [steps]; depends on the numbers alone."""
        sets = np.repeat(np.arange(len(self._parts)), [part.steps for part in self._parts])
        return np.random.default_rng([self._seed, epoch, _SET_STREAM]).permutation(sets)

    def begin(self, first_step: int, share: Share = WHOLE) -> tf.data.Dataset:
        epoch, done = divmod(first_step, self.steps)
        read = np.bincount(self.order(epoch)[:done], minlength=len(self._parts))
        streams = [
            part.begin(epoch * part.steps + int(begun), share).map(
                functools.partial(self._shared, number)
            )
            for number, (part, begun) in enumerate(zip(self._parts, read, strict=True))
        ]

        def turns() -> Iterator[int]:
            for later in itertools.count(epoch):
                yield from self.order(later)[done if later == epoch else 0 :]

        signature = tf.TensorSpec([], tf.int64)
        choices = tf.data.Dataset.from_generator(turns, output_signature=signature)
        mixed = tf.data.Dataset.choose_from_datasets(streams, choices, stop_on_empty_dataset=True)
        return with_own_threads(mixed)

    def warnings(self) -> list[str]:
        lines = [
            f"{one.dataset.path}: {line}"
            for one, part in zip(self._data, self._parts, strict=True)
            for line in part.warnings()
        ]
        if self.batch < self._told:
            lines.append(
                f"--batch={self._told}: is larger than the smallest data set; a batch is "
                f"{self.batch} clips, so that no copy of a clip is its negative"
            )
        return lines

    def _shared(self, number: int, batch: Batch) -> Batch:
        """A batch of one data set as the learner knows it: clips numbered on, poses in points."""
        shared = {**batch, "clip": batch["clip"] + self._first[number]}
        points = self._points[number]
        if points is None:
            return shared
        for name in [name for name in batch if batch[name].shape.rank == _POSES]:
            layout = f"{name}_layout"
            shared[name] = points(batch[name], batch[layout][0] if layout in batch else 0)
            if layout in batch:
                shared[layout] = tf.zeros_like(batch[layout])
        return shared
