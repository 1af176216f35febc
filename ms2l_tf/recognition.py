"""Learning to recognise actions: encoder and classifier, with or without the tasks beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.classifier import Classifier
from ms2l_tf.model import MS2L
from ms2l_tf.schedules import LossMix
from ms2l_tf.views import ClipRandom

_LABELLED = 200  # streams of random numbers of the labelled clips; MS2L's own are below


class Recogniser(keras.Model):
    """Semi-supervised and supervised learning of Lin et al. 2020 (sections 3.3 and 4.2).

    Args:
        encoder: any Keras encoder, [B, T, M, J, C] -> [B, T, D] or [B, D]. One whose `draws` is
            true is given `random` (a `ClipRandom`) in training, for dropout and the like; it
            cannot have tasks beside it.
        classifier: C, to class logits [B, K].
        tasks: the MS2L model around the same encoder, for L_self; None: L_cls alone.
        mix: weights of L_cls and L_self at every step.
        train_encoder: False: labels train the classifier only.
        augmentation: of the labelled clips, (poses, random) -> poses, or None.
        clip_norm: bound of the global gradient norm over all replicas; 0: none.
        seed: with the number of the optimiser step it decides every random draw of a step.

    Training data: batches {"poses": [B, T, M, J, C], "label": [B] int} of labelled clips, and with
    `tasks` "unlabelled": [B', T, M, J, C], drawn on their own. Labelled clips and all versions of
    the unlabelled ones go through the encoder in one call. Tasks without weight in the mix are
    watched: their losses are logged and train nothing.
    """

    def __init__(
        self,
        encoder: keras.Model,
        classifier: Classifier,
        *,
        tasks: MS2L | None = None,
        mix: LossMix | None = None,
        train_encoder: bool = True,
        augmentation: Callable[[tf.Tensor, ClipRandom], tf.Tensor] | None = None,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="recogniser")
        self.encoder = encoder
        self.classifier = classifier
        self.tasks = tasks
        self.mix = mix or LossMix()
        self.train_encoder = train_encoder
        self.augmentation = augmentation
        self.clip_norm = clip_norm
        self.seed = seed
        names = ["loss", "classification", "accuracy", *(tasks.task_logs if tasks else ())]
        if self.mix.kind == "moving":
            names.append("theta")
        self._logged = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._logged.values())

    def build(self, input_shape: tuple[Any, ...]) -> None:
        if self.tasks is not None and not self.tasks.built:
            self.tasks.build(input_shape)  # builds the encoder too
        if not self.encoder.built:
            self.encoder.build(input_shape)
        if not self.classifier.built:
            self.classifier.build(self.encoder.compute_output_shape(input_shape))
        self.built = True

    def call(self, poses: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Class logits: [B, T, M, J, C] -> [B, K]."""
        return self.classifier(self.encoder(poses, training=training))

    def trained_weights(self) -> list[keras.Variable]:
        """What the losses train; heads whose losses are only watched are left alone."""
        parts: list[keras.layers.Layer] = [self.classifier]
        if self.train_encoder:
            parts.insert(0, self.encoder)
        if self.tasks is not None and self.mix.trains_tasks:
            parts += self.tasks.tasks
        return [weight for part in parts for weight in part.trainable_weights]

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        step = tf.cast(self.optimizer.iterations, tf.int32)
        with tf.GradientTape() as tape:
            loss, logs = self.losses(data, step)
            # Keras sums gradients over replicas; the loss is a mean over the global batch.
            scaled = self.optimizer.scale_loss(loss / replicas.count())
        weights = self.trained_weights()
        gradients = tape.gradient(scaled, weights)
        self.optimizer.apply(replicas.clipped(gradients, self.clip_norm, self.optimizer), weights)
        for name, value in logs.items():
            self._logged[name].update_state(value)
        return self.get_metrics_result()

    def losses(
        self, data: dict[str, tf.Tensor], step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The mixed loss of the local batch, and the scalars to log.

        Args:
            data: see the class.
            step: number of the optimiser step, int32; it decides the mix and the random draws.
        """
        seed = tf.stack([self.seed, step])
        poses, labels = data["poses"], data["label"]
        random = ClipRandom(seed, tf.shape(poses)[0]).stream(_LABELLED)
        labelled = self._augmented(poses, random.stream(0))
        versions: list[tf.Tensor] = []
        targets: list[Any] = []
        if self.tasks is not None:
            clips = data["unlabelled"]
            versions, targets = self.tasks.versions(clips, ClipRandom(seed, tf.shape(clips)[0]))
        own, parts = self._encoded(labelled, versions, random.stream(2))
        logits = self.classifier(own, random=random.stream(1))
        classification = classification_loss(logits, labels)
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=labels.dtype), labels)
        logs = {"classification": classification, "accuracy": _mean(right)}
        on_labels, on_tasks = self.mix(step)
        loss = on_labels * classification
        if self.tasks is not None:
            own_losses, task_logs = self.tasks.task_losses(
                parts, targets, training=self.mix.trains_tasks
            )
            if self.mix.trains_tasks:  # what is only watched leaves no trace, were it infinite
                loss += on_tasks * own_losses
            logs.update(task_logs)
        if "theta" in self._logged:
            logs["theta"] = on_labels
        return loss, {"loss": loss, **logs}

    def _encoded(
        self, labelled: tf.Tensor, versions: list[tf.Tensor], random: ClipRandom
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Features of the labelled clips, and of each version: in one call if both are trained."""
        if versions and self.mix.trains_tasks:
            inputs = [labelled, *versions]
            features = self.encoder(tf.concat(inputs, axis=0), training=True)
            own, *parts = tf.split(features, [tf.shape(one)[0] for one in inputs])
            return own, parts
        drawn = {"random": random} if getattr(self.encoder, "draws", False) else {}
        own = self.encoder(labelled, training=self.train_encoder, **drawn)
        if not self.train_encoder:
            own = tf.stop_gradient(own)
        if not versions:
            return own, []
        watched = tf.stop_gradient(self.encoder(tf.concat(versions, axis=0), training=False))
        return own, tf.split(watched, len(versions))

    def _augmented(self, poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
        return self.augmentation(poses, random) if self.augmentation else poses


def classification_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Cross-entropy L_cls, mean over clips: logits [B, K], labels [B] -> scalar float32."""
    logits = tf.cast(logits, tf.float32)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def _mean(right: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(right, tf.float32))
