"""The linear probe as the literature trains it: one dense layer, SGD with momentum, step decay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import FloatArray, IntArray
from ms2l_tf.evaluation.probes.base import check_classes, check_query, check_training
from ms2l_tf.evaluation.probes.sampling import LINEAR_CLIPS, noted, sample
from ms2l_tf.evaluation.probes.scaling import LinearScaling
from ms2l_tf.evaluation.rows import EXACT_CLIPS, Features, held


class SGDLinearProbe:
    """A Keras dense layer on standardised features (see `LinearScaling`), or on them as they are.

    The weights start at zero (the problem is convex) and the shuffling is seeded, so that the same
    call gives the same result. `LinearProbe` finds the optimum of the same model; this one is for
    comparison with papers that train the probe by SGD, and for very large training sets.

    Args:
        epochs: passes over the training clips.
        batch_size: clips a step.
        drop_last: leave the clips out that fill no batch, others in every epoch.
        learning_rate: at the start.
        decay_at: fractions of the epochs after which the learning rate falls to a tenth.
        momentum: of SGD.
        standardise: features, as the other probes do; without, they are read as they are.
        seed: of the shuffling and of the PCA.
        max_dims: features of more dimensions are reduced by PCA when they are standardised.
        name: key of the results.
        clips: the most training clips, see `sample`.
    """

    def __init__(
        self,
        *,
        epochs: int = 100,
        batch_size: int = 128,
        drop_last: bool = False,
        learning_rate: float = 0.01,
        decay_at: Sequence[float] = (0.6, 0.8),
        momentum: float = 0.9,
        standardise: bool = True,
        seed: int = 0,
        max_dims: int = 1024,
        name: str = "linear_sgd",
        clips: int = LINEAR_CLIPS,
    ) -> None:
        ascending = [0.0, *decay_at, 1.0]
        if sorted(set(ascending)) != ascending:
            raise InputError(
                f"SGD probe: decay_at={tuple(decay_at)}: must rise between 0 and 1, both excluded"
            )
        if min(epochs, batch_size) < 1 or learning_rate <= 0 or not 0 <= momentum < 1:
            raise InputError(
                "SGD probe: epochs and batch size must be at least 1, the learning rate positive "
                "and the momentum within [0, 1)"
            )
        self.epochs = epochs
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.learning_rate = learning_rate
        self.decay_at = tuple(decay_at)
        self.standardise = standardise
        self.name = name
        self.momentum = momentum
        self.seed = seed
        self.max_dims = max_dims
        self.clips = clips

    def fit(
        self,
        features: Features,
        labels: IntArray,
        groups: npt.NDArray[Any] | None = None,
    ) -> Self:
        """Fits on features [N, D] and labels [N]; `groups` are not used."""
        import keras
        import tensorflow as tf

        features, labels = check_training(features, labels)
        check_classes(labels, self.name)
        features, labels, _, left_out = sample(
            features, labels, groups, limit=self.clips, seed=self.seed
        )
        self.notes_ = noted(left_out)
        self.dims_ = features.shape[1]
        self.scaling_ = None
        if self.standardise:
            self.scaling_ = LinearScaling(max_dims=self.max_dims, seed=self.seed).fit(features)
        inputs = self._inputs(features)
        self.classes_, targets = np.unique(labels, return_inverse=True)

        count = len(inputs)
        whole = self.drop_last and count >= self.batch_size
        steps = count // self.batch_size if whole else -(-count // self.batch_size)
        data = (
            tf.data.Dataset.from_tensor_slices((inputs, targets))
            .shuffle(count, seed=self.seed, reshuffle_each_iteration=True)
            .batch(self.batch_size, drop_remainder=whole)
        )
        layer = keras.layers.Dense(
            len(self.classes_), kernel_initializer="zeros", dtype="float32", name="classifier"
        )
        self.model_ = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
        rate: Any = self.learning_rate
        if self.decay_at:
            rate = keras.optimizers.schedules.PiecewiseConstantDecay(
                self._boundaries(steps),
                [self.learning_rate / 10**times for times in range(len(self.decay_at) + 1)],
            )
        self.model_.compile(
            optimizer=keras.optimizers.SGD(rate, momentum=self.momentum),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        with tqdm(
            total=self.epochs,
            desc=f"{self.name} probe",
            unit="epoch",
            leave=False,
            disable=count <= EXACT_CLIPS,
        ) as bar:
            shown = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: bar.update())
            self.model_.fit(data, epochs=self.epochs, shuffle=False, verbose=0, callbacks=[shown])
        return self

    def _inputs(self, features: Features) -> FloatArray:
        """What the layer reads, float32 [N, at most `max_dims` if standardised]."""
        if self.scaling_ is not None and len(features) > EXACT_CLIPS:
            return self.scaling_.reduced(features)
        return self._scaled(held(features)).astype(np.float32)

    def _boundaries(self, steps_per_epoch: int) -> list[int]:
        # Keras takes the earlier rate at a boundary itself, and counts steps from 0.
        ends = (round(fraction * self.epochs) * steps_per_epoch for fraction in self.decay_at)
        return [max(0, end - 1) for end in ends]

    def _scaled(self, features: FloatArray) -> FloatArray:
        return features if self.scaling_ is None else self.scaling_.transform(features)

    def predict(self, features: FloatArray) -> IntArray:
        """Returns the predicted classes [N] of features [N, D]."""
        features = check_query(features, self.dims_)
        kernel, bias = self.model_.get_weights()
        logits = self._scaled(features) @ kernel + bias
        predicted: IntArray = self.classes_[logits.argmax(axis=1)]
        return predicted

    def details(self) -> dict[str, Any]:
        """The settings of the training."""
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "decay_at": list(self.decay_at),
            "momentum": self.momentum,
            "drop_last": self.drop_last,
            "standardised": self.standardise,
            **(self.scaling_.details() if self.scaling_ else {}),
            **self.notes_,
        }


def published_probe(seed: int = 0) -> SGDLinearProbe:
    """The probe of SkeletonCLR, AimCLR and MS-CLR, read after its last epoch.

    It takes pooled features of an encoder as they are. On raw coordinates, thousands of them
    unscaled, its learning rate is far too high, and so it is on kernels: they are no floors of it
    (`report.NO_FLOOR`).
    """
    return SGDLinearProbe(
        epochs=100,
        batch_size=128,
        drop_last=True,
        learning_rate=3.0,
        decay_at=(0.8,),
        momentum=0.9,
        standardise=False,
        seed=seed,
        name="linear_published",
    )
