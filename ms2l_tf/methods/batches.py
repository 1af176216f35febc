"""What a learner is trained on, step after step."""

from __future__ import annotations

import abc

import numpy as np
import tensorflow as tf

from ms2l_tf.data import pipeline
from ms2l_tf.data.pipeline import WHOLE, Share
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.settings.config import RunConfig


class Batches(abc.ABC):
    """Endless batches, epoch after epoch, that a resumed run enters where it stopped.

    Attributes:
        clips: the clips they are made of; those of several data sets are numbered on from one to
            the next.
        batch: B, over all replicas.
        steps: an epoch.
    """

    clips: np.ndarray
    batch: int
    steps: int

    @abc.abstractmethod
    def begin(self, first_step: int, share: Share = WHOLE) -> tf.data.Dataset:
        """The batches from a step on, or a worker's share of each."""

    def warnings(self) -> list[str]:
        """Which clips go unused, and which settings fit them badly: a line each."""
        return []


class ClipBatches(Batches):
    """Clips in the reference layout: {"poses": [B, T, M, J, C], "clip": [B]}.

    Args:
        config: settings of the run.
        data: its clips.
        clips: those to train on.
        replicas: what shares a batch equally.
        contrasted: whether the clips of a batch are told from each other, see `fitted_batch`.
    """

    def __init__(
        self,
        config: RunConfig,
        data: RunData,
        clips: np.ndarray,
        *,
        replicas: int = 1,
        contrasted: bool = False,
    ) -> None:
        self.clips = clips
        told = config.training.batch
        self.batch = fitted_batch(told, len(clips), replicas=replicas, contrasted=contrasted)
        if contrasted:
            check_parts_tell_apart(self.batch, config.training.accumulate)
        self.steps = pipeline.steps_an_epoch(len(clips), self.batch)
        self._config, self._data = config, data

    def begin(self, first_step: int, share: Share = WHOLE) -> tf.data.Dataset:
        return pipeline.training_batches(
            self._data.reference.store,
            self.clips,
            self._data.normalisers[0],
            batch=self.batch,
            seed=self._config.training.seed,
            first_step=first_step,
            share=share,
        )

    def warnings(self) -> list[str]:
        told, clips = self._config.training.batch, len(self.clips)
        if self.batch < told:
            return [
                f"--batch={told}: is larger than the {clips} training clips; a batch is "
                f"{self.batch} clips, so that no copy of a clip is its negative"
            ]
        if self.batch > clips:
            return [
                f"--batch={told}: is larger than the {clips} training clips, so clips stand in a "
                f"batch more than once; --batch={clips} or less avoids it"
            ]
        return []


class LabelledBatches(ClipBatches):
    """Labelled clips, and where tasks are there too, all clips beside them.

    {"poses": [B, T, M, J, C], "label": [B], "unlabelled": [B, T, M, J, C] or left out}; an epoch
    has as many steps as one pass over all training clips takes, however few are labelled.

    Args:
        config: settings of the run.
        data: its clips.
        clips: those to train on.
        labelled: those of them whose labels are read.
        replicas: see `ClipBatches`.
        contrasted: see `ClipBatches`.
    """

    def __init__(
        self,
        config: RunConfig,
        data: RunData,
        clips: np.ndarray,
        labelled: np.ndarray,
        *,
        replicas: int = 1,
        contrasted: bool = False,
    ) -> None:
        super().__init__(config, data, clips, replicas=replicas, contrasted=contrasted)
        self.labelled = labelled

    def begin(self, first_step: int, share: Share = WHOLE) -> tf.data.Dataset:
        return pipeline.recognition_batches(
            self._data.reference.store,
            self.labelled,
            self._data.dataset.labels,
            self._data.normalisers[0],
            unlabelled=self.clips if self._config.protocol.has_tasks else None,
            batch=self.batch,
            seed=self._config.training.seed,
            first_step=first_step,
            share=share,
        )


def check_parts_tell_apart(batch: int, parts: int) -> None:
    """Refuses parts of a batch that a contrastive loss finds nothing to tell apart in.

    Raises:
        InputError: they hold one clip each.
    """
    if parts > 1 and batch < 2 * parts:
        raise InputError(
            f"--accumulate={parts}: parts of --batch={batch} hold one clip, and a contrastive loss "
            "tells a clip from the others of its part"
        )


def fitted_batch(batch: int, clips: int, *, replicas: int = 1, contrasted: bool = False) -> int:
    """Clips a batch, over all replicas: as told, unless clips would be their own negatives.

    A set smaller than the batch fills it by repeating clips, which most losses can bear. One that
    tells the clips of a batch from each other would push a clip away from its copy, so its batches
    hold each clip once.

    Args:
        batch: as told.
        clips: how many are trained on.
        replicas: what shares a batch equally.
        contrasted: whether the clips of a batch are told from each other.

    Raises:
        InputError: there are no two clips in a batch to tell apart.
    """
    if not contrasted:
        return batch
    if batch < 2:
        raise InputError(
            f"--batch={batch}: a contrastive loss tells a clip from the others of its batch, and "
            "there are none; use --batch=2 or more, or leave such a loss out (--tasks)"
        )
    fitted = min(batch, clips // replicas * replicas)
    if fitted < 2:
        raise InputError(
            f"--batch={batch}: a contrastive loss tells clips apart, and {clips} training clip(s) "
            f"on {replicas} replica(s) are too few; train on more clips, or leave such a loss out "
            "(--tasks)"
        )
    return fitted
