"""Batches no larger than the set of clips, and large enough for the tasks."""

from __future__ import annotations

from ms2l_tf import errors
from ms2l_tf.config import RunConfig
from ms2l_tf.errors import InputError


def fitted_batch(config: RunConfig, clips: int, *, replicas: int = 1) -> int:
    """Clips a batch, over all replicas: as set, unless clips would be their own negatives.

    A set smaller than the batch fills it by repeating clips, which other tasks can bear. The
    contrastive task would push a clip away from its copy, so its batches hold each clip once.

    Args:
        config: the run's settings.
        clips: how many are trained on.
        replicas: what shares a batch equally.

    Raises:
        InputError: the contrastive task has no two clips in a batch to tell apart.
    """
    batch = config.training.batch
    if not (config.has_tasks and "contrastive" in config.tasks.tasks):
        if batch > clips:
            errors.warn(
                f"--batch={batch}: is larger than the {clips} training clips, so clips stand in a "
                f"batch more than once; --batch={clips} or less avoids it"
            )
        return batch
    if batch < 2:
        raise InputError(
            f"--batch={batch}: the contrastive task tells a clip from the others of its batch, and "
            "there are none; use --batch=2 or more, or leave contrastive out of --tasks"
        )
    fitted = min(batch, clips // replicas * replicas)
    if fitted < 2:
        raise InputError(
            f"--tasks: the contrastive task tells clips apart, and {clips} training clip(s) on "
            f"{replicas} replica(s) are too few; train on more clips, or leave contrastive out"
        )
    if fitted < batch:
        errors.warn(
            f"--batch={batch}: is larger than the {clips} training clips; a batch is {fitted} "
            "clips, so that no copy of a clip is its negative"
        )
    return fitted
