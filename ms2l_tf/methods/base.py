"""The one gradient step, of every method: seed, losses, scale, clip, apply, log."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.networks.base import Network
from ms2l_tf.serialised import deserialised
from ms2l_tf.skeletons.layout import SkeletonLayout

Batch = dict[str, tf.Tensor]
Logs = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class RunShape:
    """What a learner is built for besides the settings of its run.

    Attributes:
        layouts: that the network knows.
        frames: T.
        persons: M.
        coords: C.
        classes: K of the dataset.
        layout: number of the layout that labelled clips are in.
        clips: how many are trained on.
        steps: an epoch; for what changes over the epochs.
        epochs: that schedules count on.
    """

    layouts: tuple[SkeletonLayout, ...]
    frames: int
    persons: int
    coords: int
    classes: int
    layout: int = 0
    clips: int = 0
    steps: int = 1
    epochs: int = 1

    @property
    def poses(self) -> tuple[int, int, int, int]:
        """(T, M, J, C) in the layout of the labelled clips."""
        return self.frames, self.persons, self.layouts[self.layout].num_joints, self.coords

    def reading(self, layout: SkeletonLayout) -> tuple[RunShape, int]:
        """The shape with a layout among those that the network knows, and its number there.

        One that is added stands last: the weights of ``--joints=semantic`` stay as they are.
        """
        for number, known in enumerate(self.layouts):
            if (known.name, known.joints) == (layout.name, layout.joints):
                return self, number
        return dataclasses.replace(self, layouts=(*self.layouts, layout)), len(self.layouts)


class Learner(keras.Model, abc.ABC):
    """A network and what trains it.

    A method implements `losses`; it may prepare what needs no gradient (`prepared`) and do
    something after the step (`after_step`). Every random draw of a step depends on `seed` and the
    number of the optimiser step, so a resumed run draws what the uninterrupted one would have
    drawn. A learner is compiled with an optimiser alone: ``learner.compile(optimizer)``.

    Args:
        network: whose features are wanted.
        logged: names of the scalars that `losses` returns.
        clip_norm: bound of the global gradient norm over all replicas; 0: none.
        l2_penalty: times a weight is added to its gradient (Keras' own weight decay is decoupled
            from the learning rule); 0: none.
        seed: of all draws.
        name: of the model.
    """

    def __init__(
        self,
        network: Network,
        *,
        logged: Sequence[str],
        clip_norm: float = 0.0,
        l2_penalty: float = 0.0,
        seed: int = 0,
        name: str,
    ) -> None:
        # A network that stays in single precision gets poses as they are, not rounded to half.
        same = network.compute_dtype == keras.config.dtype_policy().compute_dtype
        super().__init__(name=name, autocast=same)
        self.encoder = network
        self.clip_norm = clip_norm
        self.l2_penalty = l2_penalty
        self.seed = seed
        self.accumulate = 1  # parts that a batch is computed in, to save memory
        self._logged = {key: keras.metrics.Mean(name=key) for key in logged}

    @property
    def reader(self) -> Network:
        """The network whose features are read of a finished run: the encoder, as a rule."""
        return self.encoder

    def get_config(self) -> dict[str, Any]:
        """What the constructors of all learners take; each adds its own."""
        return {
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "clip_norm": self.clip_norm,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Learner:
        return cls(**deserialised(config, custom_objects))

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as before; the optimiser's variables are those of the weights that are trained.

        Keras would make them for all trainable weights, in another order.
        """
        self.compile(**deserialised(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trained_weights())

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._logged.values())

    def call(self, poses: tf.Tensor, layout: int = 0, training: bool = False) -> tf.Tensor:
        """Features: [B, T, M, J, C] -> [B, T, D] or [B, D], as the network gives them."""
        return self.encoder(poses, layout=layout, training=training)

    def prepared(self, data: Batch, seed: tf.Tensor, *, training: bool) -> Any:
        """What the losses need and no gradient flows through; see `losses` for the arguments."""
        return None

    @abc.abstractmethod
    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        """The loss of the local batch, a mean over its clips, and the scalars to log.

        Args:
            data: the batch.
            seed: [2] int32: the learner's seed, the number of the step.
            prepared: as returned by `prepared`.
            training: False where the loss is only measured.
        """

    def trained_weights(self) -> list[keras.Variable]:
        """What a step changes by gradient."""
        return list(self.trainable_weights)

    def apply(self, gradients: list[tf.Tensor], weights: list[keras.Variable]) -> None:
        """Takes the optimiser's step."""
        self.optimizer.apply(gradients, weights)

    def after_step(self, data: Batch, prepared: Any) -> None:
        """What a step changes otherwise."""

    def gradients(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None
    ) -> tuple[list[tf.Tensor], list[keras.Variable], Logs]:
        """Gradients on the optimiser's scale, their weights, and the scalars to log."""
        with tf.GradientTape() as tape:
            loss, logs = self.losses(data, seed, prepared=prepared, training=True)
            scaled = self.scaled(loss)
        weights = self.trained_weights()
        return tape.gradient(scaled, weights), weights, logs

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """A local loss as it is differentiated.

        Keras sums gradients over replicas, and a loss is a mean over the global batch.
        """
        return self.optimizer.scale_loss(loss / replicas.count())

    def step_seed(self) -> tf.Tensor:
        """[2] int32 of the step that comes."""
        return tf.stack([self.seed, tf.cast(self.optimizer.iterations, tf.int32)])

    def train_step(self, data: Batch) -> Logs:
        seed = self.step_seed()
        prepared = self.prepared(data, seed, training=True)
        gradients, weights, logs = self._gradients_of_parts(data, seed, prepared)
        gradients = replicas.clipped(gradients, self.clip_norm, self.optimizer)
        self.apply(self._penalised(gradients, weights), weights)
        self.after_step(data, prepared)
        return self._log(logs)

    def _gradients_of_parts(
        self, data: Batch, seed: tf.Tensor, prepared: Any
    ) -> tuple[list[tf.Tensor], list[keras.Variable], Logs]:
        """`gradients`, as means over parts of the batch that are computed one after the other."""
        parts = self.accumulate
        if parts == 1:
            return self.gradients(data, seed, prepared=prepared)
        sums: list[tf.Tensor] = []
        logged: list[Logs] = []
        weights: list[keras.Variable] = []
        for number in range(parts):
            # A part waits for the gradients before it, whose activations are free by then.
            with tf.control_dependencies(sums), replicas.part_of_batch(number, parts):
                own = tf.nest.map_structure(
                    functools.partial(_rows_of_part, number=number, parts=parts), (data, prepared)
                )
                found, weights, logs = self.gradients(own[0], seed, prepared=own[1])
                shares = [gradient / parts for gradient in found]
                sums = [a + b for a, b in zip(sums, shares, strict=True)] if sums else shares
                logged.append(logs)
        means = {name: tf.add_n([one[name] for one in logged]) / parts for name in logged[0]}
        return sums, weights, means

    def test_step(self, data: Batch) -> Logs:
        """Measures the losses as a step would, with its views, and changes no weight."""
        seed = self.step_seed()
        prepared = self.prepared(data, seed, training=False)
        _, logs = self.losses(data, seed, prepared=prepared, training=False)
        return self._log(logs)

    def _log(self, logs: Logs) -> Logs:
        for key, value in logs.items():
            self._logged[key].update_state(value)
        return self.get_metrics_result()

    def _penalised(
        self, gradients: list[tf.Tensor], weights: list[keras.Variable]
    ) -> list[tf.Tensor]:
        """Adds each replica's part of the L2 penalty, on the scale of the gradients."""
        if not self.l2_penalty:
            return gradients
        rate = self.optimizer.scale_loss(tf.constant(self.l2_penalty / replicas.count()))
        return [
            gradient + rate * tf.convert_to_tensor(weight)
            for gradient, weight in zip(gradients, weights, strict=True)
        ]


def _rows_of_part(values: tf.Tensor | None, *, number: int, parts: int) -> tf.Tensor | None:
    """One of equal parts of the rows of a batch: [B, ...] -> [B / parts, ...]."""
    if values is None:
        return None
    size = tf.shape(values)[0] // parts
    known = None if values.shape[0] is None else values.shape[0] // parts
    rows = values[number * size : (number + 1) * size]
    return tf.ensure_shape(rows, [known, *values.shape[1:]])
