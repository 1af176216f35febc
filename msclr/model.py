"""The MS-CLR model: clips in two skeleton layouts, aligned by momentum contrast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.errors import InputError
from ms2l_tf.methods.base import Batch, Learner, Logs
from ms2l_tf.networks.base import Network
from ms2l_tf.networks.heads import unit
from ms2l_tf.networks.layout_rows import LayoutRows
from ms2l_tf.views import ClipRandom
from msclr import losses
from msclr.attention import attention_drop
from msclr.queue import MomentumQueue

if TYPE_CHECKING:
    from msclr.augment import Augmentation

METHODS = ("skeletonclr", "aimclr")
# Numbers of the random streams of a step.
_KEY_VIEW, _KEY_DROPOUT, _WEAK_VIEW, _STRONG_VIEW, _QUERY_DROPOUT = range(5)


@keras.saving.register_keras_serializable("msclr")
class MSCLR(Learner):
    """Contrastive learning across skeleton conventions (MS-CLR, 2025) on MoCo, by two methods.

    ``skeletonclr``: L = InfoNCE of a weak view of the query with a weak view of the key, which the
    momentum encoder reads; negatives are earlier keys of other clips, kept in a queue.

    ``aimclr`` (Guo et al., AAAI 2022): L = InfoNCE(weak) + D3M, where D3M draws a strong view of
    the query, and the same view after attention drop, to what the weak view resembles. From
    `mining_step` on, the nearest keys to the three queries are positives of InfoNCE too.

    The momentum encoder starts as an exact copy, follows by
    ``key <- momentum key + (1 - momentum) query`` after each step, and is not trained; its batch
    normalisation works and counts as in training, with statistics of its own.

    Args:
        encoder: the network for queries, which is kept.
        key_encoder: another of the same settings.
        method: one of `METHODS`.
        projection: size of the embedding that is compared.
        queue: Q.
        momentum: of the key encoder.
        temperature: of the softmax.
        attention_threshold: from which attention a joint or an entry is dropped.
        mining_step: step of the optimiser from which neighbours count; negative: never.
        l2_penalty: see `Learner`; on all weights, as the published runs have it.
        augmentation: draws weak and strong views.
        clip_norm: see `Learner`; before the penalty.
        seed: see `Learner`.

    Training data: batches {"query": [B, T, M, Jq, C], "key": [B, T, M, Jk, C], "query_layout" and
    "key_layout": [B] int32, all alike, "clip": [B] int32 ids}.
    """

    def __init__(
        self,
        encoder: Network,
        key_encoder: Network,
        *,
        augmentation: Augmentation,
        method: str = "aimclr",
        projection: int = 128,
        queue: int = 1024,
        momentum: float = 0.999,
        temperature: float = 0.07,
        attention_threshold: float = 0.7,
        mining_step: int = -1,
        l2_penalty: float = 1e-4,
        clip_norm: float = 0.0,
        seed: int = 0,
    ) -> None:
        if method not in METHODS:
            raise InputError(f"--contrast={method}: is not one of {', '.join(METHODS)}")
        terms = ("info_nce", "d3m") if method == "aimclr" else ("info_nce",)
        super().__init__(
            encoder,
            logged=("loss", *terms, "contrast_accuracy", "positives"),
            clip_norm=clip_norm,
            l2_penalty=l2_penalty,
            seed=seed,
            name="msclr",
        )
        self.key_encoder = key_encoder
        self.method = method
        self.momentum = momentum
        self.temperature = temperature
        self.attention_threshold = attention_threshold
        self.mining_step = mining_step
        self.augmentation = augmentation
        self.head = projection_head(encoder.feature_dim, projection, "head")
        self.key_head = projection_head(encoder.feature_dim, projection, "key_head")
        self.queue = MomentumQueue(queue, projection, seed=seed)
        self._mirror_rows = LayoutRows([layout.num_joints for layout in encoder.layouts])
        self._mirrors = np.concatenate([layout.mirror for layout in encoder.layouts])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "key_encoder": keras.saving.serialize_keras_object(self.key_encoder),
            "augmentation": keras.saving.serialize_keras_object(self.augmentation),
            "method": self.method,
            "projection": self.queue.dim,
            "queue": self.queue.length,
            "momentum": self.momentum,
            "temperature": self.temperature,
            "attention_threshold": self.attention_threshold,
            "mining_step": self.mining_step,
            "l2_penalty": self.l2_penalty,
        }

    @property
    def _has_strong_views(self) -> bool:
        return self.method == "aimclr"

    def build(self, input_shape: tuple[Any, ...]) -> None:
        for layer in (self.encoder, self.key_encoder):
            if not layer.built:
                layer.build(input_shape)
        for head in (self.head, self.key_head):
            head.build((None, self.encoder.feature_dim))
        for query, key in self._sides():
            key.assign(query)
            # The weights, not the layers: a frozen layer may take its normalisation for frozen.
            key.trainable = False
        self.built = True

    def keys(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int,
        random: ClipRandom,
        *,
        training: bool = True,
    ) -> tf.Tensor:
        """Embeddings by the momentum encoder: [B, T, M, J, C] -> [B, P], without gradient."""
        mirror = self._mirror(layout)
        weak = self.augmentation.weak(poses, random.stream(_KEY_VIEW), mirror)
        features = self.key_encoder(
            weak,
            layout=layout,
            training=training,
            random=random.stream(_KEY_DROPOUT),
            by_frame=False,
        )
        return tf.stop_gradient(unit(self.key_head(features)))

    def queries(
        self,
        poses: tf.Tensor,
        layout: tf.Tensor | int,
        random: ClipRandom,
        *,
        training: bool = True,
    ) -> list[tf.Tensor]:
        """Embeddings [B, P] of the weak view; and of the strong view, whole and with drop."""
        mirror = self._mirror(layout)
        weak = self.augmentation.weak(poses, random.stream(_WEAK_VIEW), mirror)
        dropout = random.stream(_QUERY_DROPOUT)
        if not self._has_strong_views:
            features = [
                self.encoder(weak, layout=layout, training=training, random=dropout, by_frame=False)
            ]
        else:
            strong = self.augmentation.strong(poses, random.stream(_STRONG_VIEW), mirror)
            features = self._strong_features(weak, strong, layout, dropout, training=training)
        embeddings = unit(self.head(tf.concat(features, axis=0)))
        return tf.split(embeddings, len(features))

    def _strong_features(
        self,
        weak: tf.Tensor,
        strong: tf.Tensor,
        layout: tf.Tensor | int,
        random: ClipRandom,
        *,
        training: bool,
    ) -> list[tf.Tensor]:
        """Features [B, D]: weak, strong, strong after attention drop; of one call."""
        # Views of a clip are neighbours, so that a replica's rows are consecutive in the global
        # batch and their dropout is what one device would draw.
        both = tf.stack([weak, strong], axis=1)
        both = tf.reshape(both, tf.concat([[-1], tf.shape(both)[2:]], axis=0))
        both = tf.ensure_shape(both, [None, *weak.shape[1:]])
        dropout = ClipRandom(random.seed, 2 * random.batch)
        views = self.encoder.feature_map(both, layout, training=training, random=dropout)
        pooled = self.encoder.pooled(views)
        features = tf.reshape(pooled, [random.batch, 2, self.encoder.feature_dim])
        rows = tf.where(views.clip % 2 == 1)[:, 0]
        dropped = attention_drop(tf.gather(views.maps, rows), self.attention_threshold)
        clip = tf.gather(views.clip, rows) // 2
        salient = views._replace(maps=dropped, clip=clip, batch=random.batch)
        return [features[:, 0], features[:, 1], self.encoder.pooled(salient)]

    def contrast(
        self, queries: list[tf.Tensor], keys: tf.Tensor, clips: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The loss of the local batch, and the scalars to log.

        Args:
            queries: as returned by `queries`.
            keys: [B, P].
            clips: [B] ids.
        """
        negatives, allowed = self.queue.masks(clips)
        entries = tf.convert_to_tensor(self.queue.features)
        logits = [
            losses.contrast_logits(query, keys, entries, negatives, self.temperature)
            for query in queries
        ]
        neighbours = losses.nearest_neighbours(logits, allowed & self._mining())
        info_nce = losses.info_nce(logits[0], neighbours)
        first = tf.argmax(logits[0], axis=1) == 0
        logs = {
            "info_nce": info_nce,
            "contrast_accuracy": tf.reduce_mean(tf.cast(first, tf.float32)),
            "positives": 1.0 + tf.reduce_mean(tf.reduce_sum(neighbours, axis=1)),
        }
        loss = info_nce
        if self._has_strong_views:
            logs["d3m"] = losses.d3m(logits[0], logits[1:])
            loss += logs["d3m"]
        return loss, {"loss": loss, **logs}

    def _mining(self) -> tf.Tensor:
        """Whether neighbours count by now; a tensor, for a step is traced once."""
        if not self._has_strong_views or self.mining_step < 0:
            return tf.constant(False)
        return tf.convert_to_tensor(self.optimizer.iterations) >= self.mining_step

    def prepared(self, data: Batch, seed: tf.Tensor, *, training: bool) -> tf.Tensor:
        """The keys [B, P]."""
        random = ClipRandom(seed, tf.shape(data["key"])[0])
        return self.keys(data["key"], data["key_layout"][0], random, training=training)

    def losses(
        self, data: Batch, seed: tf.Tensor, *, prepared: Any = None, training: bool = True
    ) -> tuple[tf.Tensor, Logs]:
        random = ClipRandom(seed, tf.shape(data["query"])[0])
        layout = data["query_layout"][0]
        queries = self.queries(data["query"], layout, random, training=training)
        return self.contrast(queries, prepared, data["clip"])

    def after_step(self, data: Batch, prepared: tf.Tensor) -> None:
        """Moves the key side and puts the keys into the queue."""
        self._follow()
        clips = tf.cast(data["clip"], tf.int64)
        self.queue.enqueue(replicas.gather(prepared), replicas.gather(clips))

    def _follow(self) -> None:
        """Moves the key side; every replica computes the same, so no exchange is needed."""
        for query, key in self._sides():
            if query.trainable:
                now, target = (tf.convert_to_tensor(weight) for weight in (key, query))
                key.assign(now + (1.0 - self.momentum) * (target - now))

    def _sides(self) -> Iterator[tuple[keras.Variable, keras.Variable]]:
        """All weights of the query side with their counterparts of the key side."""
        yield from zip(self.encoder.weights, self.key_encoder.weights, strict=True)
        yield from zip(self.head.weights, self.key_head.weights, strict=True)

    def _mirror(self, layout: tf.Tensor | int) -> tf.Tensor:
        """The mirror permutation of a layout: [J] int32."""
        return self._mirror_rows.of(tf.constant(self._mirrors, tf.int32), layout)


def projection_head(features: int, projection: int, name: str) -> keras.Model:
    """D -> D -> P with a ReLU between, float32 out."""
    layers = [
        keras.layers.Dense(features, activation="relu"),
        keras.layers.Dense(projection, dtype="float32"),
    ]
    return keras.Sequential(layers, name=name)
