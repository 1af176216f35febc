"""Fits the closed-form encoder of a run: four rounds over its training clips, no gradient."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from ms2l_tf.data.run_data import RunData
from ms2l_tf.methods.augmentation import AugmentSettings, build_augmentation
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.kernels.fit_clips import FitClips
from ms2l_tf.methods.kernels.instances import (
    Basis,
    Scatter,
    deviations,
    discriminant,
    principal_basis,
)
from ms2l_tf.methods.kernels.measuring import measure_channels, measure_thresholds
from ms2l_tf.methods.kernels.settings import InstanceSettings
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.kernels import KernelEncoder
from ms2l_tf.networks.semantic import SemanticNetwork
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.views import ClipRandom

THRESHOLD_CLIPS = 128
# Principal components are found from so many clips, more than there are components; what follows
# goes over all.
BASIS_CLIPS = 2048


def fit_kernels(config: RunConfig, data: RunData, learner: Learner) -> dict[str, float]:
    """Measures the weights of a run's encoder on its training clips, in all layouts of the run.

    The views of a clip that are kept together are in all the layouts by turns. Of several data sets
    all clips are told apart, those of different sets too. Memory does not grow with the number of
    clips, and time grows in proportion to it.

    Args:
        config: settings of the run.
        data: its clips.
        learner: of `ms2l_tf.methods.kernels.model`, built.

    Returns:
        ``directions``, how many were found, and ``separation``, the mean over them of the variance
        between clips to that among the views of a clip (not with ``--dims=0``).

    Raises:
        InputError: a data set has fewer than two training clips.
    """
    return KernelFit(config, data, learner.encoder).run()


class KernelFit:
    """The rounds of `fit_kernels`.

    Args:
        config: settings of the run.
        data: its clips.
        network: a `KernelEncoder`, or one of the points of all layouts; built, its weights are
            assigned.
    """

    def __init__(self, config: RunConfig, data: RunData, network: Network) -> None:
        self._settings = config.of(InstanceSettings)
        lacking = None
        if isinstance(network, SemanticNetwork):
            network, lacking = network.network, self._settings.lacking
        assert isinstance(network, KernelEncoder), "checked with the settings"
        self._encoder = network
        self._sets = [FitClips(one, config.data.train_on, lacking) for one in data.sets]
        self._seed = config.training.seed
        self._draw_clips(self._settings.fit_clips)
        self._random = np.random.default_rng(self._seed)
        self._augmentation = build_augmentation(config.of(AugmentSettings), network.layout)

    def _draw_clips(self, limit: int) -> None:
        """Keeps so many clips, of each data set in proportion; all if there are no more."""
        total = sum(len(clips.rows) for clips in self._sets)
        if not limit or total <= limit:
            return
        print(f"fits on {limit} of {total} training clips (--fit_clips=0: on all)")
        for number, clips in enumerate(self._sets):
            # Draws of their own: those of a fit on all clips stay as they are.
            clips.keep(
                round(limit * len(clips.rows) / total), np.random.default_rng([self._seed, number])
            )

    def run(self) -> dict[str, float]:
        """Assigns all weights that are not drawn; returns what to log."""
        self._measure_banks()
        numbers = self._numbers(self._some(BASIS_CLIPS))
        if not self._encoder.dims:
            self._encoder.centre.assign(numbers.mean(axis=0))
            self._encoder.map.assign(1.0 / deviations(numbers))
            return {"directions": float(self._encoder.feature_dim)}
        basis = principal_basis(numbers)
        scatter = self._scatter(basis)
        directions, ratios = discriminant(
            scatter.within, scatter.between, self._encoder.dims, self._settings.shrinkage
        )
        found = basis.directions @ directions
        missing = self._encoder.dims - found.shape[1]  # few clips have few directions
        self._encoder.centre.assign(basis.mean)
        self._encoder.map.assign(np.pad(found, ((0, 0), (0, missing))))
        separation = float(ratios.mean()) if len(ratios) else 0.0
        return {"directions": float(len(ratios)), "separation": separation}

    def _batches(self, sample: Sequence[np.ndarray], what: str) -> Iterator[tf.Tensor]:
        """What the encoder reads of some clips of each data set, in one layout after another."""
        for clips, rows in zip(self._sets, sample, strict=True):
            yield from clips.batches(rows, what)

    def _some(self, count: int) -> list[np.ndarray]:
        """Clips drawn of each data set in proportion: so many, all layouts taken together."""
        total = sum(len(clips.rows) for clips in self._sets)
        return [
            clips.some(round(count * len(clips.rows) / total), self._random) for clips in self._sets
        ]

    def _measure_banks(self) -> None:
        encoder = self._encoder
        every, sample = [clips.rows for clips in self._sets], self._some(THRESHOLD_CLIPS)
        readers = [lambda poses: encoder.persons(poses).values, self._pairs_together]
        for bank, reader in zip(encoder.banks, readers, strict=False):
            read = tf.function(reader, reduce_retracing=True, autograph=False)
            measure_channels(bank, (read(p) for p in self._batches(every, "channels")))
            sampled = [read(poses).numpy() for poses in self._batches(sample, "thresholds")]
            measure_thresholds(bank, np.concatenate(sampled), self._random)

    def _pairs_together(self, poses: tf.Tensor) -> tf.Tensor:
        """`KernelEncoder.pairs` of the clips in which there are two persons."""
        pairs = self._encoder.pairs(poses)
        return tf.boolean_mask(pairs, tf.reduce_any(pairs != 0, axis=[1, 2]))

    def _numbers(self, sample: Sequence[np.ndarray]) -> np.ndarray:
        """What the banks give for some clips of each data set: [N, F]."""
        read = tf.function(self._encoder.kernel_numbers, reduce_retracing=True, autograph=False)
        return np.concatenate([read(p).numpy() for p in self._batches(sample, "kernels")])

    def _scatter(self, basis: Basis) -> Scatter:
        """Covariances of the components of augmented views of all clips."""
        scatter = Scatter(basis.directions.shape[1])
        mean, directions = tf.constant(basis.mean), tf.constant(basis.directions)

        @tf.function(reduce_retracing=True, autograph=False)
        def components(poses: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            random = ClipRandom(seed, tf.shape(poses)[0])
            view = self._augmentation(poses, random) if self._augmentation else poses
            return (self._encoder.kernel_numbers(view) - mean) @ directions

        views = self._settings.instance_views
        rounds = (clips.rounds("views of clips") for clips in self._sets)
        for number, poses in enumerate(itertools.chain.from_iterable(rounds)):
            draws = range(number * views, (number + 1) * views)
            of_draws = [
                components(poses[draw % len(poses)], tf.constant([self._seed, draw])).numpy()
                for draw in draws
            ]
            scatter.add(np.stack(of_draws, axis=1))
        return scatter
