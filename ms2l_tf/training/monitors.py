"""The monitors of a run: which clips they look at, and how."""

from __future__ import annotations

import keras
import numpy as np

from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.run_data import LayoutClips
from ms2l_tf.evaluation.features import class_logits, encoder_features
from ms2l_tf.settings.config import TrainingConfig
from ms2l_tf.training.callbacks import AccuracyMonitor, FeatureMonitor

MONITOR_CLIPS = 2000  # the monitors look at no more fit and validation clips than this


def feature_monitor(
    settings: TrainingConfig,
    data: LayoutClips,
    normaliser: Normaliser,
    encoder: keras.Model,
    *,
    pooling: str,
    layout: int = 0,
) -> FeatureMonitor | None:
    """KNN and collapse readings of an encoder; None where the settings or clips ask for none.

    Args:
        settings: how often, and the number of epochs.
        data: the run's clips; the fit and validation clips are read.
        normaliser: of the encoder's poses.
        encoder: [B, T, M, J, C] -> [B, T, D] or [B, D].
        pooling: of frames, see `ms2l_tf.evaluation.features.pool`.
        layout: number of the clips' layout among those of the encoder.
    """
    if not settings.monitor_epochs or not len(data.validation):
        return None
    fit, validation = (_thinned(part) for part in (data.fit, data.validation))

    def features() -> tuple[np.ndarray, np.ndarray]:
        found = [
            encoder_features(encoder, data.store, part, normaliser, pooling=pooling, layout=layout)
            for part in (fit, validation)
        ]
        return found[0], found[1]

    return FeatureMonitor(
        features,
        (data.dataset.labels[fit], data.dataset.labels[validation]),
        every=settings.monitor_epochs,
        epochs=settings.epochs,
    )


def accuracy_monitor(
    settings: TrainingConfig, data: LayoutClips, normaliser: Normaliser, model: keras.Model
) -> AccuracyMonitor | None:
    """Readings of a classifier [B, T, M, J, C] -> [B, K] on the validation clips, or None."""
    if not settings.monitor_epochs or not len(data.validation):
        return None
    clips = _thinned(data.validation)
    return AccuracyMonitor(
        lambda: class_logits(model, data.store, clips, normaliser),
        data.dataset.labels[clips],
        every=settings.monitor_epochs,
        epochs=settings.epochs,
    )


def _thinned(indices: np.ndarray) -> np.ndarray:
    """At most MONITOR_CLIPS of them, evenly spaced."""
    step = max(1, -(-len(indices) // MONITOR_CLIPS))
    return indices[::step]
