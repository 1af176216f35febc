"""The learner of the closed-form encoder, which no step trains."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.networks.base import Network


@keras.saving.register_keras_serializable("ms2l_tf")
class KernelLearner(Learner):
    """A `KernelEncoder`; its weights are drawn, and measured by `fit_kernels`.

    Args:
        encoder: whose features are wanted.
        clip_norm: unused, as every learner has it.
        seed: of the views.
    """

    def __init__(self, encoder: Network, *, clip_norm: float = 0.0, seed: int = 0) -> None:
        super().__init__(encoder, logged=(), clip_norm=clip_norm, seed=seed, name="kernels")

    def build(self, input_shape: tuple[Any, ...]) -> None:
        if not self.encoder.built:
            self.encoder.build(input_shape)
        self.built = True

    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        """Always refused.

        Raises:
            NotImplementedError: there is no loss; the weights are measured in closed form.
        """
        raise NotImplementedError("the kernels are fitted in closed form, see fit_kernels")
