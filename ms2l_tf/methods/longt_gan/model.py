"""LongT GAN: masked clips are generated again from the features of the whole clip."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.recurrent import GRU
from ms2l_tf.views import Augmentation, ClipRandom


@keras.saving.register_keras_serializable("ms2l_tf")
class LongTGAN(Learner):
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
        encoder: any network; its vector of the whole clip is what the decoder reads.
        decoder_units: units of the decoder's GRU.
        discriminator_units: units of the discriminator's GRU.
        masked: fraction of the frames that are hidden from the decoder.
        adversarial_weight: of the adversarial term beside the squared error.
        augmentation: applied to the clips first, or None.
        clip_norm: see `Learner`; over all parts.
        seed: see `Learner`.

    Training data: batches {"poses": [B, T, M, J, C], ...}.

    Reference:
        Zheng et al., "Unsupervised representation learning with long-term dynamics for skeleton
        based action recognition", AAAI 2018.
    """

    decoder: keras.Model  # made by `build`, which sees how wide the poses are

    def __init__(
        self,
        encoder: Network,
        *,
        decoder_units: int = 200,
        discriminator_units: int = 100,
        masked: float = 0.5,
        adversarial_weight: float = 0.01,
        augmentation: Augmentation | None = None,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            encoder,
            logged=("loss", "regeneration", "adversarial", "discriminator"),
            clip_norm=clip_norm,
            seed=seed,
            name="longt_gan",
        )
        self.decoder_units = decoder_units
        self.discriminator_units = discriminator_units
        self.discriminator = keras.Sequential(
            [GRU(discriminator_units), keras.layers.Dense(1, dtype="float32")],
            name="discriminator",
        )
        self.masked = masked
        self.adversarial_weight = adversarial_weight
        self.augmentation = augmentation

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "decoder_units": self.decoder_units,
            "discriminator_units": self.discriminator_units,
            "masked": self.masked,
            "adversarial_weight": self.adversarial_weight,
            "augmentation": keras.saving.serialize_keras_object(self.augmentation),
        }

    def build(self, input_shape: tuple[Any, ...]) -> None:
        frames, size = input_shape[1], math.prod(input_shape[2:])
        if not self.encoder.built:
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

    def hidden_frames(self, random: ClipRandom, frames: int) -> tf.Tensor:
        """Which frames the decoder does not see: [B, T, 1], 1.0 for hidden.

        Equally many in each clip, so that means over clips are means over hidden frames on any
        number of replicas.
        """
        count = min(max(round(self.masked * frames), 1), frames)
        ranks = tf.argsort(tf.argsort(random.uniform([frames]), axis=1), axis=1)
        return tf.cast(ranks < count, tf.float32)[..., None]

    def completed(
        self,
        poses: tf.Tensor,
        hidden: tf.Tensor,
        random: ClipRandom | None = None,
        *,
        training: bool = True,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The clips with their hidden frames generated, and the squared error of those.

        Args:
            poses: [B, T, M, J, C].
            hidden: [B, T, 1], 1.0 for hidden.
            random: of the network's dropout; None: it drops nothing.
            training: mode of the parts.

        Returns:
            [B, T, M * J * C], and the mean over hidden frames and coordinates.
        """
        clips = flattened(poses)
        seen = clips * (1.0 - hidden)
        features = self.encoder(poses, training=training, random=random, by_frame=False)
        features = tf.cast(features, clips.dtype)
        beside = tf.repeat(features[:, None], clips.shape[1], axis=1)
        generated = self.decoder(tf.concat([seen, beside], axis=-1), training=training)
        error = tf.reduce_sum(tf.square(generated - clips) * hidden)
        entries = tf.reduce_sum(hidden) * clips.shape[-1]
        return seen + generated * hidden, error / entries

    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        loss, real, fake, logs = self._generator_losses(data["poses"], seed, training=training)
        logs["discriminator"] = self.discriminator_loss(real, fake, training=training)
        return loss, logs

    def _generator_losses(
        self, poses: tf.Tensor, seed: tf.Tensor, *, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, Logs]:
        """Loss of encoder and decoder; real and completed clips, flattened; what is logged."""
        random = ClipRandom(seed, tf.shape(poses)[0])
        if self.augmentation:
            poses = self.augmentation(poses, random.stream(100))
        hidden = self.hidden_frames(random.stream(0), poses.shape[1])
        fake, regeneration = self.completed(poses, hidden, random.stream(1), training=training)
        adversarial = cross_entropy(self.discriminator(fake, training=training), 1.0)
        loss = regeneration + self.adversarial_weight * adversarial
        logs = {"loss": loss, "regeneration": regeneration, "adversarial": adversarial}
        return loss, flattened(poses), fake, logs

    def gradients(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None
    ) -> tuple[list[tf.Tensor], list[keras.Variable], Logs]:
        """Each side learns from its own loss, in one step."""
        with tf.GradientTape() as generating:
            loss, real, fake, logs = self._generator_losses(data["poses"], seed, training=True)
            scaled = self.scaled(loss)
        with tf.GradientTape() as telling_apart:
            logs["discriminator"] = self.discriminator_loss(real, tf.stop_gradient(fake))
            discriminator_scaled = self.scaled(logs["discriminator"])
        generator, discriminator = self._generator(), self.discriminator.trainable_weights
        gradients = [
            *generating.gradient(scaled, generator),
            *telling_apart.gradient(discriminator_scaled, discriminator),
        ]
        return gradients, [*generator, *discriminator], logs

    def trained_weights(self) -> list[keras.Variable]:
        return [*self._generator(), *self.discriminator.trainable_weights]

    def _generator(self) -> list[keras.Variable]:
        return [*self.encoder.trainable_weights, *self.decoder.trainable_weights]

    def discriminator_loss(
        self, real: tf.Tensor, fake: tf.Tensor, *, training: bool = True
    ) -> tf.Tensor:
        """Binary cross-entropy, mean over both kinds: [B, T, M * J * C] each."""
        logits = self.discriminator(tf.concat([real, fake], axis=0), training=training)
        on_real, on_fake = tf.split(logits, 2)
        return 0.5 * (cross_entropy(on_real, 1.0) + cross_entropy(on_fake, 0.0))


def flattened(poses: tf.Tensor) -> tf.Tensor:
    """[B, T, M, J, C] -> [B, T, M * J * C]."""
    return tf.reshape(poses, [-1, poses.shape[1], math.prod(poses.shape[2:])])


def cross_entropy(logits: tf.Tensor, target: float) -> tf.Tensor:
    """Binary cross-entropy of logits [B, 1] against one answer for all, mean over clips."""
    targets = tf.fill(tf.shape(logits), target)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_mean(losses)
