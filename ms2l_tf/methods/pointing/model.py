"""The learner of pointing, and the network of its features: a student beside its teacher."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.networks.base import FeatureMap, Network
from ms2l_tf.networks.heads import unit
from ms2l_tf.serialised import deserialised
from ms2l_tf.views import Augmentation, ClipRandom


@keras.saving.register_keras_serializable("ms2l_tf")
class Taught(Network):
    """A student's prediction of the closed-form features of a clip, beside those features.

    A linear head maps the student's features to the prediction. The teacher gets poses in single
    precision, whatever the policy.

    Args:
        student: any network; maximum and mean of its frames are read where it gives frames.
        teacher: the closed-form encoder.
        joined: give the teacher's features too.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        [B, D] float32: the prediction at unit length, then, if joined, the teacher's features at
        unit length; D is D' of the teacher, or twice that.
    """

    has_frames = False

    def __init__(
        self, student: Network, teacher: Network, *, joined: bool = True, **kwargs: Any
    ) -> None:
        settings = {"inputs": student.channels, "coords": student.coords, "autocast": False}
        super().__init__(student.layouts, **{**settings, "name": "taught", **kwargs})
        self.student = student
        self.teacher = teacher
        self.joined = joined
        self.head = keras.layers.Dense(teacher.feature_dim, dtype=student.dtype_policy, name="head")

    @property
    def feature_dim(self) -> int:
        return self.teacher.feature_dim * (2 if self.joined else 1)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        for network in (self.student, self.teacher):
            if not network.built:
                network.build(input_shape)
        size = self.student.feature_dim * (2 if self.student.gives_frames else 1)
        self.head.build((None, size))
        self.built = True

    def predictions(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> tf.Tensor:
        """What the student makes of clips, at unit length: [B, T, M, J, C] -> [B, D']."""
        features = self.student(poses, layout=layout, training=training, random=random)
        if self.student.gives_frames:
            parts = [tf.reduce_max(features, axis=1), tf.reduce_mean(features, axis=1)]
            features = tf.concat(parts, axis=-1)
        return unit(self.head(features))

    def targets(self, poses: tf.Tensor, layout: tf.Tensor | int = 0) -> tf.Tensor:
        """The teacher's features at unit length: [B, T, M, J, C] -> [B, D']."""
        return tf.stop_gradient(unit(self.teacher(poses, layout=layout)))

    def call(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
        by_frame: bool | None = None,
    ) -> tf.Tensor:
        predictions = self.predictions(poses, layout, training, random)
        if not self.joined:
            return predictions
        return tf.concat([predictions, self.targets(poses, layout)], axis=-1)

    def feature_map(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> FeatureMap:
        return FeatureMap.of_clips(self(poses, layout=layout, training=training, random=random))

    def get_config(self) -> dict[str, Any]:
        serialised = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "student": serialised(self.student),
            "teacher": serialised(self.teacher),
            "joined": self.joined,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Taught:
        return cls(**deserialised(config, custom_objects))


@keras.saving.register_keras_serializable("ms2l_tf")
class Pointing(Learner):
    """A network sees an augmented clip and points at the features of the whole one in its batch.

    They are those of the closed-form encoder, which is fitted before the first step
    (`ms2l_tf.methods.pointing.method.begin`) and stays as it is: fixed targets, unlike those of
    contrastive learning, whose two sides move. The loss is the cross-entropy of the softmax over
    the global batch of sharpness x cosine between predictions and targets.

    Args:
        encoder: the student.
        teacher: the closed-form encoder.
        joined: see `Taught`.
        sharpness: of the softmax.
        augmentation: of what the student sees, or None.
        clip_norm: see `Learner`.
        seed: see `Learner`.

    Training data: batches {"poses": [B, T, M, J, C], ...}; no clip twice in one.

    References:
        van den Oord et al., "Representation learning with contrastive predictive coding", 2018
        (InfoNCE); Wei et al., "Masked feature prediction", CVPR 2022 (fixed features as targets).
    """

    def __init__(
        self,
        encoder: Network,
        teacher: Network,
        *,
        joined: bool = True,
        sharpness: float = 10.0,
        augmentation: Augmentation | None = None,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            encoder, logged=("loss", "found"), clip_norm=clip_norm, seed=seed, name="pointing"
        )
        self.taught = Taught(encoder, teacher, joined=joined)
        self.sharpness = sharpness
        self.augmentation = augmentation

    @property
    def reader(self) -> Network:
        return self.taught

    def build(self, input_shape: tuple[Any, ...]) -> None:
        if not self.taught.built:
            self.taught.build(input_shape)
        self.built = True

    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        """The loss; ``found``: the share of predictions that are nearest to their own target."""
        poses = data["poses"]
        random = ClipRandom(seed, tf.shape(poses)[0])
        view = self.augmentation(poses, random.stream(0)) if self.augmentation else poses
        predictions = self.taught.predictions(view, training=training, random=random.stream(1))
        targets = replicas.gather(self.taught.targets(poses))
        cosines = tf.matmul(predictions, targets, transpose_b=True)
        batch = tf.shape(predictions)[0]
        own = replicas.index() * batch + tf.range(batch)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(own, self.sharpness * cosines)
        )
        right = tf.equal(tf.argmax(cosines, axis=-1, output_type=tf.int32), own)
        return loss, {"loss": loss, "found": tf.reduce_mean(tf.cast(right, tf.float32))}

    def get_config(self) -> dict[str, Any]:
        serialised = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "teacher": serialised(self.taught.teacher),
            "joined": self.taught.joined,
            "sharpness": self.sharpness,
            "augmentation": serialised(self.augmentation),
        }
