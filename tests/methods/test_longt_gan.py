"""LongT GAN: what it hides, who learns from which loss, repeatable and divisible steps."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.longt_gan.model import LongTGAN, flattened
from ms2l_tf.networks.clip_encoder import ClipEncoder
from ms2l_tf.runs.build import build_learner
from ms2l_tf.views import ClipRandom
from tests.helpers import assert_all_close, assert_close, motion, tiny_config, tiny_shape

FRAMES = 6
SEED = tf.constant([0, 0])
SHAPE = (FRAMES, 2, 5, 3)
LOGS = ("loss", "regeneration", "adversarial", "discriminator")


def clips(count: int = 6) -> np.ndarray:
    """[B, T, M, J, C], centred roughly."""
    poses = np.stack([motion(FRAMES, seed=i, persons=2, label=i % 2) for i in range(count)])
    return poses - poses.mean(axis=(1, 2, 3), keepdims=True)


def model_of(
    optimizer: keras.optimizers.Optimizer | None = None, *, units: int = 6, **options: Any
) -> LongTGAN:
    """A tiny model, compiled to run step by step without tracing."""
    keras.utils.set_random_seed(0)
    sizes = {"decoder_units": 5, "discriminator_units": 4, **options}
    model = LongTGAN(ClipEncoder(cell="gru", units=units), **sizes)
    model.build((None, *SHAPE))
    model.compile(optimizer=optimizer or keras.optimizers.SGD(0.1), run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    return model


def step(model: LongTGAN, poses: np.ndarray) -> dict[str, float]:
    """One training step; its logs."""
    model.reset_metrics()
    logs = model.train_step({"poses": tf.constant(poses)})
    return {name: float(value) for name, value in logs.items()}


def arrays(model: keras.Model) -> list[np.ndarray]:
    return [weight.numpy() for weight in model.trainable_weights]


@pytest.mark.parametrize(("masked", "count"), [(0.5, 3), (0.3, 2), (0.0, 1), (1.0, 6)])
def test_equally_many_frames_are_hidden_in_every_clip(masked: float, count: int) -> None:
    model = model_of(masked=masked)
    hidden = model.hidden_frames(ClipRandom(SEED, 40), FRAMES).numpy()
    assert hidden.shape == (40, FRAMES, 1)
    assert set(np.unique(hidden)) <= {0.0, 1.0}
    assert (hidden.sum(axis=(1, 2)) == count).all()
    if 0 < masked < 1:
        assert (hidden.sum(axis=0) > 0).all(), "any frame may be hidden"


def test_the_decoder_never_sees_hidden_frames() -> None:
    """With features that say nothing, hidden frames change nothing but the error."""
    model, poses = model_of(), tf.constant(clips())
    for weight in model.encoder.weights:
        weight.assign(tf.zeros_like(weight))
    hidden = model.hidden_frames(ClipRandom(SEED, 6), FRAMES)
    there = hidden[:, :, None, None] > 0
    whole, error = model.completed(poses, hidden)
    other, other_error = model.completed(tf.where(there, poses + 3.0, poses), hidden)
    assert_close(other, whole)
    assert abs(float(other_error - error)) > 0.1


def test_seen_frames_are_kept_and_only_hidden_ones_are_scored() -> None:
    model, poses = model_of(), clips()
    hidden = model.hidden_frames(ClipRandom(SEED, 6), FRAMES)
    whole, error = model.completed(tf.constant(poses), hidden)
    there, flat = hidden.numpy()[..., 0] > 0, poses.reshape(6, FRAMES, -1)
    np.testing.assert_array_equal(whole.numpy()[~there], flat[~there])
    assert_close(error, np.mean((whole.numpy() - flat)[there] ** 2))


def test_features_reach_the_decoder() -> None:
    """The encoder reads the whole clip: gradients of the error reach all its weights."""
    model = model_of()
    with tf.GradientTape() as tape:
        _, error = model.completed(
            tf.constant(clips()), model.hidden_frames(ClipRandom(SEED, 6), FRAMES)
        )
    gradients = tape.gradient(error, model.encoder.trainable_weights)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_each_side_learns_from_its_own_loss() -> None:
    """Gradients of a step are those of the two losses, each for its side's weights alone."""
    model, poses = model_of(adversarial_weight=0.3), tf.constant(clips())
    gradients, weights, logs = model.gradients({"poses": poses}, SEED)
    assert {id(weight) for weight in weights} == {id(weight) for weight in model.trainable_weights}
    split = len(weights) - len(model.discriminator.trainable_weights)
    hidden = model.hidden_frames(ClipRandom(SEED, 6).stream(0), FRAMES)
    with tf.GradientTape(persistent=True) as tape:
        whole, error = model.completed(poses, hidden)
        on_fake, on_real = (model.discriminator(x) for x in (whole, flattened(poses)))
        adversarial = tf.reduce_mean(tf.math.softplus(-on_fake))
        mine = error + 0.3 * adversarial
        its = 0.5 * tf.reduce_mean(tf.math.softplus(-on_real) + tf.math.softplus(on_fake))
    assert_all_close(gradients[:split], tape.gradient(mine, weights[:split]))
    assert_all_close(gradients[split:], tape.gradient(its, weights[split:]))
    expected = dict(zip(LOGS, (mine, error, adversarial, its), strict=True))
    for name, value in expected.items():
        assert_close(logs[name], value)


def test_the_discriminator_loss_touches_only_the_discriminator() -> None:
    """At rate 0 of the adversarial term nothing of the discriminator reaches the others."""
    poses = clips()
    model, twin = (model_of(adversarial_weight=0.0) for _ in range(2))
    for weight in twin.discriminator.weights:
        weight.assign(-2.0 * weight + 0.1)
    discriminators = [arrays(one.discriminator) for one in (model, twin)]
    logs = [step(one, poses) for one in (model, twin)]
    assert logs[0]["discriminator"] != logs[1]["discriminator"]
    for part in ("encoder", "decoder"):
        assert_all_close(arrays(getattr(model, part)), arrays(getattr(twin, part)))
    for one, before in zip((model, twin), discriminators, strict=True):
        after = arrays(one.discriminator)
        assert all(np.any(a != b) for a, b in zip(before, after, strict=True))


def test_the_regeneration_error_falls() -> None:
    model = model_of(keras.optimizers.Adam(0.01), units=16, decoder_units=16)
    model.run_eagerly = False
    batches = tf.data.Dataset.from_tensors({"poses": clips(8)}).repeat(80)
    errors = model.fit(batches, epochs=4, steps_per_epoch=20, shuffle=False, verbose=0).history
    assert set(errors) == set(LOGS)
    trivial = float(np.mean(clips(8) ** 2))
    assert errors["regeneration"][0] < 1.5 * trivial
    assert errors["regeneration"][-1] < 0.5 * errors["regeneration"][0]
    assert errors["regeneration"][-1] < 0.5 * trivial


def test_each_step_draws_anew_from_the_seed_and_its_number() -> None:
    """A resumed run makes the step that the uninterrupted one would have made."""
    poses = clips()
    frozen, twin = model_of(keras.optimizers.SGD(0.0)), model_of(keras.optimizers.SGD(0.0))
    first, second = step(frozen, poses), step(frozen, poses)
    assert first["regeneration"] != second["regeneration"]
    assert step(twin, poses) == first
    twin.optimizer.iterations.assign(1)
    assert step(twin, poses) == second
    other = model_of(keras.optimizers.SGD(0.0), seed=1)
    assert step(other, poses)["regeneration"] != first["regeneration"]


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(precision: str) -> None:
    expected = step(model_of(clip_norm=1.0), clips())
    keras.config.set_dtype_policy(precision)
    model = model_of(clip_norm=1.0)
    scaling = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaling == (precision == "mixed_float16")
    before, found = arrays(model), step(model, clips())
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=0.05)
    assert any(np.any(a != b) for a, b in zip(before, arrays(model), strict=True))
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}


def test_clip_norm_bounds_the_update() -> None:
    poses = clips()
    for limit in (0.01, 1e6):
        model = model_of(keras.optimizers.SGD(1.0), clip_norm=limit)
        old = arrays(model)
        gradients, _, _ = model.gradients({"poses": tf.constant(poses)}, SEED)
        free = float(tf.linalg.global_norm(gradients))
        step(model, poses)
        new = arrays(model)
        norm = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(old, new, strict=True)))
        assert_close(norm, min(limit, free), 1e-3)


@pytest.mark.parametrize("eagerly", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_two_replicas_equal_one_device(eagerly: bool, two_replicas: tf.distribute.Strategy) -> None:
    """Losses and, after several steps of clipped gradients and augmented clips, weights."""
    batches = tf.data.Dataset.from_tensor_slices({"poses": clips(24)}).batch(8)
    config = tiny_config(method="longt_gan", rotate=20.0, crop=0.7, clip_norm=0.5)
    found = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = build_learner(config, tiny_shape(frames=FRAMES))
            model.compile(keras.optimizers.SGD(0.1, momentum=0.9), run_eagerly=eagerly)
        start = arrays(model)
        logs = model.fit(batches, epochs=3, steps_per_epoch=1, shuffle=False, verbose=0).history
        found.append((logs, start, arrays(model)))
    (one, start, weights), (two, its_start, its_weights) = found
    assert set(one) == set(two) == set(LOGS)
    assert_all_close([two[name] for name in one], list(one.values()))
    assert_all_close(its_start, start)
    assert_all_close(its_weights, weights, 2e-5)
    assert all(np.abs(a - b).max() > 1e-6 for a, b in zip(start, weights, strict=True))


def test_settings_arrive() -> None:
    config = tiny_config(
        method="longt_gan", units=7, layers=2, inputs=("joint", "bone"), rotate=5.0, clip_norm=2.0
    )
    model = build_learner(config, tiny_shape(frames=FRAMES))
    assert isinstance(model, LongTGAN)
    encoder = model.encoder
    assert (encoder.cell, encoder.num_layers, encoder.bidirectional) == ("gru", 2, False)
    assert encoder.weights[0].shape == (60, 3 * 7)
    assert (model.clip_norm, model.seed) == (2.0, config.training.seed)
    assert model.augmentation is not None
    assert model.augmentation.rotate == 5.0
    poses = clips(2)
    assert model(poses).shape == (2, 7)
    np.testing.assert_array_equal(model(poses), model.encoder(poses))
