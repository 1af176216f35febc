"""Which of the numbers of neighbours asked for fit the training clips there are."""

from __future__ import annotations

from collections.abc import Sequence

from ms2l_tf.errors import warn


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
