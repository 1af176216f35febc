"""Schedules: Adam's learning rate, and how losses are mixed over steps. Plain arithmetic."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.serialised import Record


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
            alpha=min(final / initial, 1.0) if initial else 0.0,
            warmup_target=initial if warmup else None,
            warmup_steps=warmup,
        )
    every = decay_steps if decay == "step" else float(total_steps + 1)
    return StepDecay(initial, every, least=final, warmup=warmup_steps)


@keras.saving.register_keras_serializable("ms2l_tf")
@dataclasses.dataclass(frozen=True)
class LossMix(Record):
    """How L_cls and L_self are mixed over the steps of a run (section 3.3).

    Args:
        kind: ``plain``: L_cls alone; ``moving``: theta L_cls + (1 - theta) L_self (Eq. 4), theta
            rising linearly from 0 to 1 over `moving_steps`, then 1; ``joint``:
            L_cls + omega L_self (Eq. 5).
        moving_steps: steps of ``moving`` until theta is 1.
        omega: weight of L_self in ``joint``.
    """

    kind: str = "plain"
    moving_steps: float = 1.0
    omega: float = 1.0

    @property
    def trains_tasks(self) -> bool:
        """Whether L_self has any weight at any step."""
        return self.kind == "moving" or (self.kind == "joint" and self.omega > 0)

    def __call__(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Weights of L_cls and of L_self at a step (0 is the first), float32 scalars."""
        if self.kind == "moving":
            theta = tf.minimum(tf.cast(step, tf.float32) / self.moving_steps, 1.0)
            return theta, 1.0 - theta
        return tf.constant(1.0), tf.constant(self.omega if self.kind == "joint" else 0.0)
