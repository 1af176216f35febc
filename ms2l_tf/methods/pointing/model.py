"""The pointing learner, and the network of its features: a student beside its teacher."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.networks.base import FeatureMap, Network
from ms2l_tf.serialised import deserialised
from ms2l_tf.views import Augmentation, ClipRandom

_TINY = 1e-12


@keras.saving.register_keras_serializable("ms2l_tf")
class Taught(Network):
    """What a student has learnt to say of a clip, beside the vector it was taught to say.

    Args:
        student: any network; maximum and mean of its frames are read where it gives frames.
        teacher: the fitted closed-form encoder.
        joined: give the teacher's vector too.

    Input shape:
        [B, T, M, J, C].

    Output shape:
        [B, D]: the student's answer at unit length, then, if joined, the teacher's; D is once or
        twice the teacher's.
    """

    has_frames = False

    def __init__(
        self, student: Network, teacher: Network, *, joined: bool = True, **kwargs: Any
    ) -> None:
        settings = {"inputs": student.channels, "coords": student.coords, "name": "taught"}
        super().__init__(student.layouts, **{**settings, **kwargs})
        self.student = student
        self.teacher = teacher
        self.joined = joined
        self.head = keras.layers.Dense(teacher.feature_dim, name="head")

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

    def answers(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> tf.Tensor:
        """The student's vectors at unit length: [B, T, M, J, C] -> [B, D']."""
        features = self.student(poses, layout=layout, training=training, random=random)
        if self.student.gives_frames:
            parts = [tf.reduce_max(features, axis=1), tf.reduce_mean(features, axis=1)]
            features = tf.concat(parts, axis=-1)
        return _unit(self.head(features))

    def targets(self, poses: tf.Tensor, layout: tf.Tensor | int = 0) -> tf.Tensor:
        """The teacher's vectors at unit length: [B, T, M, J, C] -> [B, D']."""
        return tf.stop_gradient(_unit(self.teacher(poses, layout=layout)))

    def call(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
        by_frame: bool | None = None,
    ) -> tf.Tensor:
        answers = self.answers(poses, layout, training, random)
        if not self.joined:
            return answers
        return tf.concat([answers, self.targets(poses, layout)], axis=-1)

    def feature_map(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int = 0,
        training: bool = False,
        random: ClipRandom | None = None,
    ) -> FeatureMap:
        features = self(poses, layout=layout, training=training, random=random)
        batch = tf.shape(poses)[0]
        return FeatureMap(features[:, None, None], tf.range(batch), batch)

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


def _unit(vectors: tf.Tensor) -> tf.Tensor:
    """float32 rows of unit length: [B, D] -> [B, D]."""
    return tf.math.l2_normalize(tf.cast(vectors, tf.float32), axis=-1, epsilon=_TINY)


@keras.saving.register_keras_serializable("ms2l_tf")
class Pointing(Learner):
    """A network sees an augmented clip and points at the vector of the whole one in its batch.

    The vectors are those of the closed-form encoder, which is fitted before the first step
    (`ms2l_tf.methods.pointing.method.begin`) and stays as it is: fixed targets, unlike those of
    contrastive learning, whose two sides move. The loss is the cross-entropy of the softmax over
    the global batch of sharpness x cosine (InfoNCE, van den Oord et al. 2018).

    Args:
        encoder: the student.
        teacher: the closed-form encoder.
        joined: see `Taught`.
        sharpness: of the softmax.
        augmentation: of what the student sees, or None.
        clip_norm: see `Learner`.
        seed: see `Learner`.

    Training data: batches {"poses": [B, T, M, J, C], ...}.
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
        """The loss; ``found``: how often the own clip's vector is the nearest."""
        poses = data["poses"]
        random = ClipRandom(seed, tf.shape(poses)[0])
        view = self.augmentation(poses, random.stream(0)) if self.augmentation else poses
        answers = self.taught.answers(view, training=training, random=random.stream(1))
        targets = replicas.gather(self.taught.targets(poses))
        cosines = tf.matmul(answers, targets, transpose_b=True)
        batch = tf.shape(answers)[0]
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
