"""The linear probe as the literature trains it: one dense layer, SGD with momentum, step decay."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes.base import check_classes, check_query, check_training
from ms2l_tf.evaluation.probes.scaling import LinearScaling

# Fractions of the epochs after which the learning rate falls to a tenth.
_DECAY_AT = (0.6, 0.8)


class SGDLinearProbe:
    """A Keras dense layer on standardised features (see `LinearScaling`).

    The weights start at zero (the problem is convex) and the shuffling is seeded, so that the same
    call gives the same result. `LinearProbe` finds the optimum of the same model; this one is for
    comparison with papers that train the probe by SGD, and for very large training sets.

    Args:
        epochs: passes over the training clips.
        batch_size: clips a step.
        learning_rate: at the start; a tenth from 60 % and a hundredth from 80 % of the epochs.
        momentum: of SGD.
        seed: of the shuffling and of the PCA.
        max_dims: features of more dimensions are reduced by PCA.
    """

    name = "linear_sgd"

    def __init__(
        self,
        *,
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        seed: int = 0,
        max_dims: int = 1024,
    ) -> None:
        if min(epochs, batch_size) < 1 or learning_rate <= 0 or not 0 <= momentum < 1:
            raise InputError(
                "SGD probe: epochs and batch size must be at least 1, the learning rate positive "
                "and the momentum within [0, 1)"
            )
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.seed = seed
        self.max_dims = max_dims

    def fit(
        self,
        features: FloatArray,
        labels: IntArray,
        groups: npt.NDArray[Any] | None = None,
    ) -> Self:
        """Fits on features [N, D] and labels [N]; `groups` are not used."""
        import keras
        import tensorflow as tf

        features, labels = check_training(features, labels)
        check_classes(labels, self.name)
        self.dims_ = features.shape[1]
        self.scaling_ = LinearScaling(max_dims=self.max_dims, seed=self.seed).fit(features)
        inputs = self.scaling_.transform(features).astype(np.float32)
        self.classes_, targets = np.unique(labels, return_inverse=True)

        count = len(inputs)
        data = (
            tf.data.Dataset.from_tensor_slices((inputs, targets))
            .shuffle(count, seed=self.seed, reshuffle_each_iteration=True)
            .batch(self.batch_size)
        )
        layer = keras.layers.Dense(
            len(self.classes_), kernel_initializer="zeros", dtype="float32", name="classifier"
        )
        self.model_ = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            self._boundaries(-(-count // self.batch_size)),
            [self.learning_rate, self.learning_rate / 10, self.learning_rate / 100],
        )
        self.model_.compile(
            optimizer=keras.optimizers.SGD(rate, momentum=self.momentum),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self.model_.fit(data, epochs=self.epochs, shuffle=False, verbose=0)
        return self

    def _boundaries(self, steps_per_epoch: int) -> list[int]:
        return [round(fraction * self.epochs) * steps_per_epoch for fraction in _DECAY_AT]

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        features = check_query(features, self.dims_)
        kernel, bias = self.model_.get_weights()
        logits = self.scaling_.transform(features) @ kernel + bias
        predicted: IntArray = self.classes_[logits.argmax(axis=1)]
        return predicted

    def details(self) -> dict[str, Any]:
        """The settings of the training."""
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "momentum": self.momentum,
            **self.scaling_.details(),
        }
