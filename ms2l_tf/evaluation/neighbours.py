"""Which of the numbers of neighbours asked for fit the training clips there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ms2l_tf.errors import warn
from ms2l_tf.settings.config import RunConfig


def fitting_neighbours(k: Sequence[int], clips: int, where: str = "") -> tuple[int, ...]:
    """Those of `k` that are not more than the labelled training clips; the others are told.

    Where none fits they all stay, for the probe to refuse.

    Args:
        k: numbers of neighbours.
        clips: number of labelled training clips.
        where: follows "training clips" in the warning, such as " in coco_17".
    """
    fitting = tuple(number for number in k if number <= clips)
    left_out = [str(number) for number in k if number > clips]
    if not fitting or not left_out:
        return tuple(k)
    warn(f"--k: {', '.join(left_out)} left out, for {clips} labelled training clips{where}")
    return fitting


def run_neighbours(
    config: RunConfig, labels: np.ndarray, probes: Sequence[str], where: str = ""
) -> tuple[int, ...]:
    """Numbers of neighbours that the labelled clips of a run allow.

    Args:
        config: of the run; one with few labels takes 1 where they allow none of those it asks for.
        labels: of the training clips, -1 where unknown: [N].
        probes: names of those wanted; without kNN nothing is judged.
        where: see `fitting_neighbours`.
    """
    k, labelled = config.probes.k, int((labels >= 0).sum())
    if "knn" not in probes:
        return k
    if config.protocol.label_fraction < 1 and min(k) > labelled:
        warn(f"--k: 1 instead of {', '.join(map(str, k))}, for {labelled} labelled training clips")
        return (1,)
    return fitting_neighbours(k, labelled, where)
