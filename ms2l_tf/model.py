"""The MS2L model: views, one shared encoder call, task heads, one optimiser step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.encoder import Encoder
from ms2l_tf.tasks import Task
from ms2l_tf.tasks.base import Version
from ms2l_tf.views import Augmentation, ClipRandom, View


class MS2L(keras.Model):
    """Multi-task self-supervised learning on skeleton clips (Lin et al., ACM MM 2020).

    Args:
        encoder: [B, T, M, J, C] -> [B, T, D].
        tasks: the self-supervised tasks; the union of their views is built once a step.
        augmentation: applied to the clips before the views, or None.
        augment_each: draw the augmentation anew for each version of a clip.
        clip_norm: bound of the global gradient norm over all replicas; 0: none.
        seed: with the number of the optimiser step it decides every random draw of a step, so a
            resumed run draws what the uninterrupted one would have drawn.

    Training data: batches {"poses": [B, T, M, J, C], ...}.
    """

    def __init__(
        self,
        encoder: Encoder,
        tasks: Sequence[Task],
        *,
        augmentation: Augmentation | None = None,
        augment_each: bool = False,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="ms2l")
        self.encoder = encoder
        self.tasks = list(tasks)
        self.augmentation = augmentation
        self.augment_each = augment_each
        self.clip_norm = clip_norm
        self.seed = seed
        self._logged: dict[str, keras.metrics.Mean] = {
            name: keras.metrics.Mean(name=name) for name in ("loss", *self.task_logs)
        }

    @property
    def task_logs(self) -> tuple[str, ...]:
        """Names of what `task_losses` logs."""
        names = [task.name for task in self.tasks]
        return (*names, "jigsaw_accuracy") if "jigsaw" in names else tuple(names)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._logged.values())

    @property
    def views(self) -> tuple[View, ...]:
        """The union of the tasks' views, each once, in a fixed order."""
        union = {view.name: view for task in self.tasks for view in task.views}
        return tuple(union[name] for name in sorted(union))

    def build(self, input_shape: tuple[Any, ...]) -> None:
        self.encoder.build(input_shape)
        for task in self.tasks:
            task.build_for(input_shape[1:], self.encoder.feature_dim)
            task.built = True  # under a strategy `fit` asks every layer
        self.built = True

    def call(self, poses: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Frame features: [B, T, M, J, C] -> [B, T, D]."""
        return self.encoder(poses, training=training)

    def self_supervised_loss(
        self, poses: tf.Tensor, seed: tf.Tensor, *, training: bool = True
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """L_self of the local batch, float32, and the scalars to log.

        Args:
            poses: [B, T, M, J, C].
            seed: [2] int32.
            training: mode of the heads.
        """
        inputs, targets = self.versions(poses, ClipRandom(seed, tf.shape(poses)[0]))
        features = self.encoder(tf.concat(inputs, axis=0), training=training)
        total, logs = self.task_losses(tf.split(features, len(inputs)), targets, training=training)
        return total, {"loss": total, **logs}

    def versions(self, poses: tf.Tensor, random: ClipRandom) -> tuple[list[tf.Tensor], list[Any]]:
        """What the encoder reads, [B, T, M, J, C] for each of `views`, and the targets."""
        inputs, targets = [], []
        clips = poses if self.augment_each else self._augmented(poses, random.stream(100))
        for number, view in enumerate(self.views):
            if self.augment_each:
                clips = self._augmented(poses, random.stream(101 + number))
            version, target = view(clips, random.stream(number))
            inputs.append(version)
            targets.append(target)
        return inputs, targets

    def task_losses(
        self,
        features: Sequence[tf.Tensor],
        targets: Sequence[Any],
        *,
        training: bool = True,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """L_self from the encoded versions [B, T, D], in the order of `views`; and its parts."""
        encoded = {
            view.name: Version(part, target)
            for view, part, target in zip(self.views, features, targets, strict=True)
        }
        total, logs = tf.constant(0.0), {}
        for task in self.tasks:
            loss, extra = task.loss(encoded, training=training)
            total += task.weight * loss
            logs.update({task.name: loss, **extra})
        return total, logs

    def _augmented(self, poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
        return self.augmentation(poses, random) if self.augmentation else poses

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seed = tf.stack([self.seed, tf.cast(self.optimizer.iterations, tf.int32)])
        with tf.GradientTape() as tape:
            loss, logs = self.self_supervised_loss(data["poses"], seed)
            # Keras sums gradients over replicas; the loss is a mean over the global batch.
            scaled = self.optimizer.scale_loss(loss / replicas.count())
        weights = self.trainable_weights
        gradients = tape.gradient(scaled, weights)
        self.optimizer.apply(replicas.clipped(gradients, self.clip_norm, self.optimizer), weights)
        for name, value in logs.items():
            self._logged[name].update_state(value)
        return self.get_metrics_result()
