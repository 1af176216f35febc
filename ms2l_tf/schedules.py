"""Schedules: how losses are mixed over steps, and Adam's learning rate. Plain arithmetic."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("ms2l_tf")
class StepDecay(keras.optimizers.schedules.LearningRateSchedule):
    """initial x factor^floor(step / every), never below `least` (section 4.1: 0.01 to 0.0001).

    Args:
        initial: learning rate of step 0.
        every: steps between two decays.
        factor: 0.1 in the paper.
        least: floor.
        warmup: steps of linear warm-up from 0.
    """

    def __init__(
        self,
        initial: float,
        every: float,
        *,
        factor: float = 0.1,
        least: float = 1e-4,
        warmup: float = 0.0,
    ) -> None:
        self.initial = initial
        self.every = every
        self.factor = factor
        self.least = least
        self.warmup = warmup

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        decayed = self.initial * tf.pow(self.factor, tf.floor(step / self.every))
        rate = tf.maximum(decayed, min(self.least, self.initial))
        return rate * tf.minimum(1.0, (step + 1.0) / self.warmup) if self.warmup else rate

    def get_config(self) -> dict[str, Any]:
        names = ("initial", "every", "factor", "least", "warmup")
        return {name: getattr(self, name) for name in names}


def learning_rate(
    decay: str,
    *,
    initial: float,
    final: float,
    decay_steps: float,
    total_steps: int,
    warmup_steps: float = 0.0,
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate schedule by name.

    Args:
        decay: ``step``, ``cosine`` (to `final` at the end of the run) or ``constant``.
        initial: highest learning rate.
        final: lowest learning rate.
        decay_steps: steps between two decays of ``step``.
        total_steps: steps of the whole run.
        warmup_steps: linear warm-up from 0.
    """
    if decay == "cosine":
        warmup = round(warmup_steps)
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else initial,
            max(1, total_steps - warmup),
            alpha=final / initial if initial else 0.0,
            warmup_target=initial if warmup else None,
            warmup_steps=warmup,
        )
    every = decay_steps if decay == "step" else float(total_steps + 1)
    return StepDecay(initial, every, least=final, warmup=warmup_steps)
