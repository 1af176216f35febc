"""Batches of clips in two layouts, as a method gives them, and what is said about them."""

from __future__ import annotations

import tensorflow as tf

from ms2l_tf.data.pipeline import WHOLE, Share
from ms2l_tf.data.run_data import RunData
from ms2l_tf.errors import InputError
from ms2l_tf.methods.batches import Batches
from ms2l_tf.settings.config import RunConfig
from msclr.pairs import PairSampler, pair_batches
from msclr.settings import AUTO_QUEUE, ContrastSettings, ViewSettings

MOST_KEYS = 32768  # the queue of the published runs


class PairBatches(Batches):
    """Query and key of every step: the same clips, maybe in two layouts."""

    def __init__(self, config: RunConfig, data: RunData) -> None:
        self._config, self._data = config, data
        self._trained = data.trained(config.data.train_on)
        settings = config.training
        pairs = config.of(ContrastSettings).pairs
        self._sampler = PairSampler(
            data.has_poses(), self._trained, pairs, settings.batch, settings.seed
        )
        self.clips, self.batch = self._sampler.clips, settings.batch
        if len(self.clips) < 2:
            raise InputError(
                f"--data: contrast tells clips apart, and {len(self.clips)} training clip is too "
                "few; train on two at least"
            )
        self.steps = self._sampler.steps

    def begin(self, first_step: int, share: Share = WHOLE) -> tf.data.Dataset:
        batch = self._config.training.batch
        return pair_batches(
            self._data, self._sampler, batch=batch, first_step=first_step, share=share
        )

    def warnings(self) -> list[str]:
        clips, used = len(self._trained), len(self.clips)
        pairs = self._config.of(ContrastSettings).pairs
        lines = self._about_the_queue()
        if self.batch > used:
            lines.append(
                f"--batch={self.batch}: is larger than the {used} training clips, so clips stand "
                "in a batch more than once; copies of a clip are never its negatives"
            )
        if used < clips:
            lines.append(
                f"{clips - used} of {clips} training clips lack the layouts that --pairs={pairs} "
                "needs; they are not used"
            )
        if alone := self._sampler.unpaired():
            lines.append(
                f"{alone} of {clips} training clips have poses in one layout only; they are never "
                "paired with another"
            )
        noise = self._config.of(ViewSettings).noise
        if self._config.normaliser.scale == "none" and noise:
            lines.append(
                "with --scale=none the noise has the unit of the poses, metres where it is known: "
                f"--noise={noise:g} of it"
            )
        return lines

    def _about_the_queue(self) -> list[str]:
        used = len(self.clips)
        queue = queue_length(self._config, used)
        if queue <= used // 2:
            return []
        fix = (
            f"a --batch of at most {used // 2} lets it hold half of the clips"
            if self._config.of(ContrastSettings).queue == AUTO_QUEUE
            else "--queue=0 takes half of the clips"
        )
        return [
            f"the queue holds {queue} keys for {used} training clips, so clips stand in it more "
            f"than once, though never as negatives of themselves; {fix}"
        ]


def queue_length(config: RunConfig, clips: int) -> int:
    """Q: as asked for, or half of the training clips, in which no clip stands twice.

    Raises:
        InputError: it is smaller than a batch.
    """
    asked, batch = config.of(ContrastSettings).queue, config.training.batch
    length = asked if asked != AUTO_QUEUE else min(MOST_KEYS, max(clips // 2, batch))
    if length < batch:
        raise InputError(
            f"--queue={length}: is smaller than --batch={batch}; a batch of keys must fit into it"
        )
    return length
