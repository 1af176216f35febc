"""Heads: what they compute, and that their outputs are float32 under mixed precision."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ms2l_tf.networks.heads import frame_head, pool_frames, vector_head
from tests.helpers import assert_close, random_poses


def test_fc_head_is_one_affine_map() -> None:
    head = vector_head(4, name="head")
    rows = random_poses(3, 6)
    output = head(rows)
    kernel, bias = (weight.numpy() for weight in head.weights)
    assert_close(output, rows @ kernel + bias)


def test_mlp_head_normalises_the_batch_before_relu() -> None:
    head = vector_head(4, kind="mlp", hidden=(7,), name="head")
    head.build((None, 6))
    dense, norm, _, last = head.layers
    (kernel,) = dense.get_weights()  # no bias: batch norm has one
    norm.set_weights([random_poses(7, seed=i) ** 2 for i in range(4)])
    gamma, beta, *_ = norm.get_weights()
    rows = random_poses(5, 6)
    x = rows @ kernel
    x = gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3) + beta
    kernel, bias = last.get_weights()
    assert_close(head(rows, training=True), np.maximum(x, 0) @ kernel + bias, 1e-4)


def test_mlp_head_without_training_uses_moving_statistics() -> None:
    head = vector_head(4, kind="mlp", hidden=(7, 5), name="head")
    rows = random_poses(5, 6)
    alone = head(rows[:1], training=False)
    assert_close(head(rows, training=False)[:1], alone)
    assert len(head.trainable_weights) == 2 * 3 + 2


def test_frame_head_is_the_same_on_every_frame() -> None:
    head = frame_head(4, name="head")
    features = random_poses(2, 5, 6)
    output = head(features)
    assert_close(output[:, 3:], head(features[:, 3:]))
    kernel, bias = (weight.numpy() for weight in head.weights)
    assert_close(output, features @ kernel + bias)


def test_recurrent_decoder_remembers() -> None:
    head = frame_head(4, kind="gru", hidden=3, name="head")
    features = random_poses(1, 5, 6)
    changed = features.copy()
    changed[:, 0] += 1
    difference = np.abs(head(changed) - head(features)).max(axis=(0, 2))
    assert (difference > 0).all()
    assert [type(layer).__name__ for layer in head.layers] == ["GRU", "GRU", "Dense"]


def test_pooling_by_hand() -> None:
    frames = np.array([[[1.0, 5.0], [3.0, -2.0]]], np.float32)
    assert pool_frames(frames, "mean").numpy().tolist() == [[2.0, 1.5]]
    assert pool_frames(frames, "max").numpy().tolist() == [[3.0, 5.0]]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_outputs_are_float32_under_mixed_precision(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    heads = (
        vector_head(4, kind="mlp", hidden=(7,), name="vector"),
        frame_head(4, kind="gru", hidden=3, name="frame"),
    )
    for head, shape in zip(heads, ((2, 6), (2, 3, 6)), strict=True):
        assert head(random_poses(*shape)).dtype == "float32"
        assert head.layers[0].compute_dtype == policy.removeprefix("mixed_")
