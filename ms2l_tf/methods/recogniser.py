"""Learning to recognise actions: encoder and classifier, with or without the tasks beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.schedules import LossMix
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.classifier import Classifier
from ms2l_tf.serialised import deserialised
from ms2l_tf.views import ClipRandom, JointRandom

_LABELLED = 200  # streams of random numbers of the labelled clips; MS2L's own are below


@keras.saving.register_keras_serializable("ms2l_tf")
class Recogniser(Learner):
    """Semi-supervised and supervised learning of Lin et al. 2020 (sections 3.3 and 4.2).

    Args:
        encoder: any network.
        classifier: C, to class logits [B, K].
        tasks: the MS2L learner around the same encoder, for L_self; None: L_cls alone.
        mix: weights of L_cls and L_self at every step.
        train_encoder: False: labels train the classifier only.
        encoder_rate: share of the optimiser's step that the encoder takes.
        augmentation: of the labelled clips, (poses, random) -> poses, or None.
        layout: number of the encoder's layout that the clips are in.
        clip_norm: see `Learner`.
        seed: see `Learner`.

    Training data: batches {"poses": [B, T, M, J, C], "label": [B] int} of labelled clips, and with
    `tasks` "unlabelled": [B', T, M, J, C], drawn on their own. Labelled clips and all versions of
    the unlabelled ones go through the encoder in one call. Tasks without weight in the mix are
    watched: their losses are logged and train nothing.
    """

    def __init__(
        self,
        encoder: Network,
        classifier: Classifier,
        *,
        tasks: MS2L | None = None,
        mix: LossMix | None = None,
        train_encoder: bool = True,
        encoder_rate: float = 1.0,
        augmentation: Callable[[tf.Tensor, ClipRandom], tf.Tensor] | None = None,
        layout: int = 0,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        mix = mix or LossMix()
        logged = ["loss", "classification", "accuracy", *(tasks.task_logs if tasks else ())]
        if mix.kind == "moving":
            logged.append("theta")
        super().__init__(encoder, logged=logged, clip_norm=clip_norm, seed=seed, name="recogniser")
        self.classifier = classifier
        self.tasks = tasks
        self.mix = mix
        self.train_encoder = train_encoder
        self.encoder_rate = encoder_rate
        self.augmentation = augmentation
        self.layout = layout

    def get_config(self) -> dict[str, Any]:
        serialised = keras.saving.serialize_keras_object
        config = {
            **super().get_config(),
            "classifier": serialised(self.classifier),
            "tasks": serialised(self.tasks),
            "mix": serialised(self.mix),
            "train_encoder": self.train_encoder,
            "encoder_rate": self.encoder_rate,
            "augmentation": serialised(self.augmentation),
            "layout": self.layout,
        }
        if self.tasks is not None:
            config["encoder"] = None  # theirs
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Recogniser:
        values = deserialised(config, custom_objects)
        if values["tasks"] is not None:
            values["encoder"] = values["tasks"].encoder
        return cls(**values)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        if self.tasks is not None and not self.tasks.built:
            self.tasks.build(input_shape)  # builds the encoder too
        if not self.encoder.built:
            self.encoder.build(input_shape)
        if not self.classifier.built:
            self.classifier.build(self.encoder.compute_output_shape(input_shape))
        self.built = True

    def call(
        self, poses: tf.Tensor, layout: int | None = None, training: bool = False
    ) -> tf.Tensor:
        """Class logits: [B, T, M, J, C] -> [B, K]."""
        layout = self.layout if layout is None else layout
        return self.classifier(self.encoder(poses, layout=layout, training=training))

    def trained_weights(self) -> list[keras.Variable]:
        """What the losses train; heads whose losses are only watched are left alone."""
        parts: list[keras.layers.Layer] = [self.classifier]
        if self.train_encoder:
            parts.insert(0, self.encoder)
        if self.tasks is not None and self.mix.trains_tasks:
            parts += self.tasks.tasks
        return [weight for part in parts for weight in part.trainable_weights]

    def apply(self, gradients: list[tf.Tensor], weights: list[keras.Variable]) -> None:
        """Takes the optimiser's step, of which the encoder goes a share of the way.

        Smaller gradients would not do: Adam divides them by their own size. A share of the step is
        what a smaller learning rate gives under every optimiser, weight decay included.
        """
        if not self.train_encoder or self.encoder_rate == 1:
            super().apply(gradients, weights)
            return
        encoder = self.encoder.trainable_weights
        before = [tf.identity(tf.convert_to_tensor(weight)) for weight in encoder]
        super().apply(gradients, weights)
        for weight, old in zip(encoder, before, strict=True):
            weight.assign(old + self.encoder_rate * (tf.convert_to_tensor(weight) - old))

    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        """The mixed loss; the number of the step, in the seed, decides the mix as well."""
        poses, labels = data["poses"], data["label"]
        random = ClipRandom(seed, tf.shape(poses)[0]).stream(_LABELLED)
        labelled = self._augmented(poses, random.stream(0))
        versions: list[tf.Tensor] = []
        targets: list[Any] = []
        dropout = [random.stream(2)]
        if self.tasks is not None:
            clips = data["unlabelled"]
            unlabelled = ClipRandom(seed, tf.shape(clips)[0])
            versions, targets = self.tasks.versions(clips, unlabelled)
            dropout += self.tasks.dropout(unlabelled)
        own, parts = self._encoded(labelled, versions, dropout, training=training)
        logits = self.classifier(own, random=random.stream(1) if training else None)
        classification = classification_loss(logits, labels)
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=labels.dtype), labels)
        logs = {"classification": classification, "accuracy": _mean(right)}
        on_labels, on_tasks = self.mix(seed[1])
        loss = on_labels * classification
        if self.tasks is not None:
            own_losses, task_logs = self.tasks.task_losses(
                parts, targets, training=training and self.mix.trains_tasks
            )
            if self.mix.trains_tasks:  # what is only watched leaves no trace, were it infinite
                loss += on_tasks * own_losses
            logs.update(task_logs)
        if "theta" in self._logged:
            logs["theta"] = on_labels
        return loss, {"loss": loss, **logs}

    def _encoded(
        self,
        labelled: tf.Tensor,
        versions: list[tf.Tensor],
        dropout: list[ClipRandom],
        *,
        training: bool,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Features of the labelled clips, and of each version: in one call if both are trained.

        `dropout`: of the labelled clips, then of each version.
        """
        if versions and self.mix.trains_tasks:
            inputs = [labelled, *versions]
            features = self.encoder(
                tf.concat(inputs, axis=0),
                layout=self.layout,
                training=training,
                random=JointRandom(dropout),
                by_frame=True,
            )
            own, *parts = tf.split(features, [tf.shape(part)[0] for part in inputs])
            return own, parts
        own = self.encoder(
            labelled,
            layout=self.layout,
            training=training and self.train_encoder,
            random=dropout[0],
        )
        if not self.train_encoder:
            own = tf.stop_gradient(own)
        if not versions:
            return own, []
        clips = tf.concat(versions, axis=0)
        watched = self.encoder(clips, layout=self.layout, training=False, by_frame=True)
        return own, tf.split(tf.stop_gradient(watched), len(versions))

    def _augmented(self, poses: tf.Tensor, random: ClipRandom) -> tf.Tensor:
        return self.augmentation(poses, random) if self.augmentation else poses


def classification_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Cross-entropy L_cls, mean over clips: logits [B, K], labels [B] -> scalar float32."""
    logits = tf.cast(logits, tf.float32)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def _mean(right: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(right, tf.float32))
