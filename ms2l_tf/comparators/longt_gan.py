"""LongT GAN: masked clips are generated again from the features of the whole clip."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.comparators.recurrent import ClipEncoder
from ms2l_tf.recurrent import GRU
from ms2l_tf.views import Augmentation, ClipRandom


class LongTGAN(keras.Model):
    """Conditional skeleton inpainting with an adversary.

    The encoder reads the whole clip; its last state is the features. The decoder reads, frame by
    frame, the clip with some frames set to zero, the features beside each frame, and generates the
    missing frames. The discriminator tells the clips so completed from real ones; encoder and
    decoder learn from the squared error and from misleading it.

    This follows the published outline (conditional inpainting, a fixed-size representation of the
    whole clip, adversarial training), not the authors' settings. Chosen here: which frames are
    hidden (`masked` of them, drawn for every clip), a decoder and a discriminator smaller than the
    encoder, the weight of the adversarial term, and one optimiser that trains all parts in the
    same step.

    Args:
        encoder: [B, T, M, J, C] -> [B, D].
        decoder_units: units of the decoder's GRU.
        discriminator_units: units of the discriminator's GRU.
        masked: fraction of the frames that are hidden from the decoder.
        adversarial_weight: of the adversarial term beside the squared error.
        augmentation: applied to the clips first, or None.
        clip_norm: bound of the global gradient norm over all parts and replicas; 0: none.
        seed: with the number of the optimiser step it decides every random draw of a step.

    Training data: batches {"poses": [B, T, M, J, C], ...}.

    Reference:
        Zheng et al., "Unsupervised representation learning with long-term dynamics for skeleton
        based action recognition", AAAI 2018.
    """

    decoder: keras.Model  # made by `build`, which sees how wide the poses are

    def __init__(
        self,
        encoder: ClipEncoder,
        *,
        decoder_units: int = 200,
        discriminator_units: int = 100,
        masked: float = 0.5,
        adversarial_weight: float = 0.01,
        augmentation: Augmentation | None = None,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="longt_gan")
        self.encoder = encoder
        self.decoder_units = decoder_units
        self.discriminator = keras.Sequential(
            [GRU(discriminator_units), keras.layers.Dense(1, dtype="float32")],
            name="discriminator",
        )
        self.masked = masked
        self.adversarial_weight = adversarial_weight
        self.augmentation = augmentation
        self.clip_norm = clip_norm
        self.seed = seed
        self._logged = {
            name: keras.metrics.Mean(name=name)
            for name in ("loss", "regeneration", "adversarial", "discriminator")
        }

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._logged.values())

    def build(self, input_shape: tuple[Any, ...]) -> None:
        frames, size = input_shape[1], math.prod(input_shape[2:])
        self.encoder.build(input_shape)
        self.decoder = keras.Sequential(
            [
                GRU(self.decoder_units, return_sequences=True),
                keras.layers.Dense(size, dtype="float32"),
            ],
            name="decoder",
        )
        self.decoder.build((None, frames, size + self.encoder.feature_dim))
        self.discriminator.build((None, frames, size))
        self.built = True

    def call(self, poses: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Features: [B, T, M, J, C] -> [B, D]."""
        return self.encoder(poses, training=training)

    def hidden_frames(self, random: ClipRandom, frames: int) -> tf.Tensor:
        """Which frames the decoder does not see: [B, T, 1], 1.0 for hidden.

        Equally many in each clip, so that means over clips are means over hidden frames on any
        number of replicas.
        """
        count = min(max(round(self.masked * frames), 1), frames)
        ranks = tf.argsort(tf.argsort(random.uniform([frames]), axis=1), axis=1)
        return tf.cast(ranks < count, tf.float32)[..., None]

    def completed(self, poses: tf.Tensor, hidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The clips with their hidden frames generated, and the squared error of those.

        Args:
            poses: [B, T, M, J, C].
            hidden: [B, T, 1], 1.0 for hidden.

        Returns:
            [B, T, M * J * C], and the mean over hidden frames and coordinates.
        """
        clips = flattened(poses)
        seen = clips * (1.0 - hidden)
        features = tf.cast(self.encoder(poses, training=True), clips.dtype)
        beside = tf.repeat(features[:, None], clips.shape[1], axis=1)
        generated = self.decoder(tf.concat([seen, beside], axis=-1), training=True)
        error = tf.reduce_sum(tf.square(generated - clips) * hidden)
        entries = tf.reduce_sum(hidden) * clips.shape[-1]
        return seen + generated * hidden, error / entries

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seed = tf.stack([self.seed, tf.cast(self.optimizer.iterations, tf.int32)])
        gradients, weights, logs = self.gradients(data["poses"], seed)
        self.optimizer.apply(replicas.clipped(gradients, self.clip_norm, self.optimizer), weights)
        for name, value in logs.items():
            self._logged[name].update_state(value)
        return self.get_metrics_result()

    def gradients(
        self, poses: tf.Tensor, seed: tf.Tensor
    ) -> tuple[list[tf.Tensor], list[keras.Variable], dict[str, tf.Tensor]]:
        """Gradients of both sides, scaled for the optimiser; their weights; what is logged.

        Args:
            poses: [B, T, M, J, C].
            seed: [2] int32.
        """
        random = ClipRandom(seed, tf.shape(poses)[0])
        if self.augmentation:
            poses = self.augmentation(poses, random.stream(100))
        hidden = self.hidden_frames(random.stream(0), poses.shape[1])
        with tf.GradientTape() as tape:
            fake, regeneration = self.completed(poses, hidden)
            adversarial = cross_entropy(self.discriminator(fake, training=True), 1.0)
            loss = regeneration + self.adversarial_weight * adversarial
            scaled = self._scaled(loss)
        with tf.GradientTape() as other:
            told_apart = self.discriminator_loss(flattened(poses), tf.stop_gradient(fake))
            other_scaled = self._scaled(told_apart)
        mine = [*self.encoder.trainable_weights, *self.decoder.trainable_weights]
        its = self.discriminator.trainable_weights
        gradients = [*tape.gradient(scaled, mine), *other.gradient(other_scaled, its)]
        logs = {
            "loss": loss,
            "regeneration": regeneration,
            "adversarial": adversarial,
            "discriminator": told_apart,
        }
        return gradients, [*mine, *its], logs

    def discriminator_loss(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """Binary cross-entropy, mean over both kinds: [B, T, M * J * C] each."""
        logits = self.discriminator(tf.concat([real, fake], axis=0), training=True)
        on_real, on_fake = tf.split(logits, 2)
        return 0.5 * (cross_entropy(on_real, 1.0) + cross_entropy(on_fake, 0.0))

    def _scaled(self, loss: tf.Tensor) -> tf.Tensor:
        # Keras sums gradients over replicas; the losses are means over the global batch.
        return self.optimizer.scale_loss(loss / replicas.count())


def flattened(poses: tf.Tensor) -> tf.Tensor:
    """[B, T, M, J, C] -> [B, T, M * J * C]."""
    return tf.reshape(poses, [-1, poses.shape[1], math.prod(poses.shape[2:])])


def cross_entropy(logits: tf.Tensor, target: float) -> tf.Tensor:
    """Binary cross-entropy of logits [B, 1] against one answer for all, mean over clips."""
    targets = tf.fill(tf.shape(logits), target)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_mean(losses)
