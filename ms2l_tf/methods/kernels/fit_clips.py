"""What the closed-form encoder is fitted on: training clips of one data set in all its layouts."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from ms2l_tf.data.pipeline import evaluation_batches
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.methods.kernels.measuring import progress
from ms2l_tf.networks.semantic import SemanticPoints
from ms2l_tf.skeletons.canonical import without

BATCH = 64


class FitClips:
    """The training clips of a data set with poses in all its layouts.

    Args:
        data: clips of one data set.
        train_on: ``all`` or ``fit``, see `LayoutClips.trained`.
        lacking: parts of the body that views lack by turns, where the encoder reads the semantic
            points; None: it reads the joints as they are.

    Attributes:
        rows: the clips [N].

    Raises:
        InputError: there are fewer than two.
    """

    def __init__(self, data: RunData, train_on: str, lacking: Sequence[str] | None = None) -> None:
        self.rows = functools.reduce(
            np.intersect1d, [part.trained(train_on) for part in data.parts]
        )
        if len(self.rows) < 2:
            raise InputError(
                f"--method=kernels: tells clips apart, and there is {len(self.rows)} training clip"
                f"{' with poses in all layouts' if len(data.parts) > 1 else ''} in "
                f"{data.dataset.path}; prepare more, or name another --split"
            )
        self._data, self._points = data, None
        if lacking is not None:
            layouts = data.layouts
            lack = [without(layout, part) for part in lacking for layout in layouts]
            self._points = SemanticPoints([*layouts, *lack])

    def keep(self, count: int, random: np.random.Generator) -> None:
        """Goes on with at most so many of the clips, and at least two, drawn evenly."""
        self.rows = np.sort(random.permutation(self.rows)[: max(2, count)])

    def some(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Clips drawn at random, in their order: so many, all layouts taken together."""
        of_layout = max(1, count // len(self._data.parts))
        return np.sort(random.permutation(self.rows)[:of_layout])

    def batches(self, rows: np.ndarray, what: str) -> Iterator[tf.Tensor]:
        """What the encoder reads of some clips, in one layout after another."""
        for layout in range(len(self._data.parts)):
            yield from self._in_layout(layout, rows, what)

    def rounds(self, what: str) -> Iterator[tuple[tf.Tensor, ...]]:
        """All clips, batch after batch: each in all layouts, then without each of the parts."""
        layouts = len(self._points.layouts) if self._points else 1
        return zip(*(self._in_layout(n, self.rows, what) for n in range(layouts)), strict=True)

    def _in_layout(self, layout: int, rows: np.ndarray, what: str) -> Iterator[tf.Tensor]:
        """Poses [B, T, M, J, C] of some clips in their order; the last batch may be smaller.

        Beyond the layouts of the data set are those that lack a part.
        """
        part = layout % len(self._data.parts)
        store, normaliser = self._data.parts[part].store, self._data.normalisers[part]
        if self._points:
            normaliser = normaliser.of_layout(self._points.layouts[layout])
        batches = evaluation_batches(store, rows, normaliser, batch=BATCH)
        for number, batch in enumerate(progress(batches, -(-len(rows) // BATCH), what)):
            poses = batch["poses"][: len(rows) - number * BATCH]
            yield self._points(poses, layout) if self._points else poses
