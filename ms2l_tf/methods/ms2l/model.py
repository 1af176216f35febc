"""The MS2L model: views, one shared encoder call, task heads, one optimiser step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.methods.ms2l.tasks import Task
from ms2l_tf.methods.ms2l.tasks.base import Version
from ms2l_tf.networks.base import Network
from ms2l_tf.views import Augmentation, ClipRandom, JointRandom, View

_DROPOUT = 300  # streams of random numbers of the versions' dropout; views and augmentation: below


@keras.saving.register_keras_serializable("ms2l_tf")
class MS2L(Learner):
    """Multi-task self-supervised learning on skeleton clips (Lin et al., ACM MM 2020).

    Args:
        encoder: any network whose frames can be told apart.
        tasks: the self-supervised tasks; the union of their views is built once a step.
        augmentation: applied to the clips before the views, or None.
        augment_each: draw the augmentation anew for each version of a clip.
        clip_norm: see `Learner`.
        seed: see `Learner`.

    Training data: batches {"poses": [B, T, M, J, C], ...}.
    """

    def __init__(
        self,
        encoder: Network,
        tasks: Sequence[Task],
        *,
        augmentation: Augmentation | None = None,
        augment_each: bool = False,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            encoder, logged=("loss", *task_logs(tasks)), clip_norm=clip_norm, seed=seed, name="ms2l"
        )
        self.tasks = list(tasks)
        self.augmentation = augmentation
        self.augment_each = augment_each

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tasks": [keras.saving.serialize_keras_object(task) for task in self.tasks],
            "augmentation": keras.saving.serialize_keras_object(self.augmentation),
            "augment_each": self.augment_each,
        }

    @property
    def task_logs(self) -> tuple[str, ...]:
        """Names of what `task_losses` logs."""
        return task_logs(self.tasks)

    @property
    def views(self) -> tuple[View, ...]:
        """The union of the tasks' views, each once, in a fixed order."""
        union = {view.name: view for task in self.tasks for view in task.views}
        return tuple(union[name] for name in sorted(union))

    def build(self, input_shape: tuple[Any, ...]) -> None:
        if not self.encoder.built:
            self.encoder.build(input_shape)
        for task in self.tasks:
            task.build_for(input_shape[1:], self.encoder.feature_dim)
            task.built = True  # under a strategy `fit` asks every layer
        self.built = True

    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        return self.self_supervised_loss(data["poses"], seed, training=training)

    def self_supervised_loss(
        self, poses: tf.Tensor, seed: tf.Tensor, *, training: bool = True
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """L_self of the local batch, float32, and the scalars to log.

        Args:
            poses: [B, T, M, J, C].
            seed: [2] int32.
            training: mode of the heads.
        """
        random = ClipRandom(seed, tf.shape(poses)[0])
        inputs, targets = self.versions(poses, random)
        features = self.encoder(
            tf.concat(inputs, axis=0),
            training=training,
            random=JointRandom(self.dropout(random)),
            by_frame=True,
        )
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

    def dropout(self, random: ClipRandom) -> list[ClipRandom]:
        """What a network with dropout draws from, for each of `views`."""
        return [random.stream(_DROPOUT + number) for number in range(len(self.views))]

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


def task_logs(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Names of what these tasks log."""
    names = [task.name for task in tasks]
    return (*names, "jigsaw_accuracy") if "jigsaw" in names else tuple(names)
