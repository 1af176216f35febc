"""What the closed-form encoder measures on training clips, batch after batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ms2l_tf.networks.kernels import KernelBank

QUANTILES = (0.1, 0.9)  # thresholds lie between these of a kernel's own responses
_CONSTANT = 1e-6


def measure_channels(bank: KernelBank, batches: Iterable[tf.Tensor]) -> None:
    """Assigns mean and deviation of every channel over all frames.

    Args:
        bank: built.
        batches: sequences [N, T, Q] of the training clips; N may be 0.
    """
    size = bank.mean.shape[0]
    count, total, squares = 0, np.zeros(size), np.zeros(size)
    for values in batches:
        count += int(values.shape[0] * values.shape[1])
        wide = tf.cast(values, tf.float64)  # else a channel that stands still seems to move
        total += tf.reduce_sum(wide, axis=[0, 1]).numpy()
        squares += tf.reduce_sum(wide * wide, axis=[0, 1]).numpy()
    if not count:  # nobody is ever seen there
        return
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    bank.mean.assign(mean)
    bank.scale.assign(np.where(deviation > _CONSTANT, deviation, 1.0))


def measure_thresholds(bank: KernelBank, values: np.ndarray, random: np.random.Generator) -> None:
    """Assigns to each kernel a random quantile of its own responses.

    Args:
        bank: whose channels are measured.
        values: sequences of some training clips [N, T, Q]; maybe none.
        random: draws the quantiles.
    """
    wanted = random.uniform(*QUANTILES, bank.kernels)
    if not len(values):
        return
    thresholds: list[np.ndarray] = []
    for response in bank.responses(tf.constant(values)):
        ordered = np.sort(response.numpy().reshape(-1, bank.mixes), axis=0)
        start = bank.mixes * len(thresholds)
        rows = wanted[start : start + bank.mixes] * (len(ordered) - 1)
        thresholds.append(ordered[rows.astype(int), np.arange(bank.mixes)])
    bank.thresholds.assign(np.concatenate(thresholds))


def progress(batches: Iterable[Any], count: int, what: str) -> Iterator[Any]:
    """The batches, with a progress bar that goes when they are read."""
    yield from tqdm(batches, total=count, desc=what, unit="batch", leave=False)
