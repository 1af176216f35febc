"""The model: which views it builds, what it sums up, what one step does."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.augmentation import AugmentSettings, build_augmentation
from ms2l_tf.methods.ms2l.build import build_tasks
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.ms2l.settings import TASKS
from ms2l_tf.networks.frame_encoder import FrameEncoder
from ms2l_tf.runs.build import build_learner, build_optimizer
from tests.helpers import (
    FRAMES,
    assert_all_close,
    assert_close,
    motion,
    tiny_config,
    tiny_layout,
    tiny_shape,
)

SEED = tf.constant([0, 0])
SUBSETS = [list(c) for size in (1, 2, 3) for c in itertools.combinations(TASKS, size)]
VIEWS_OF = {
    "prediction": {"temporal_mask"},
    "jigsaw": {"temporal_jigsaw"},
    "contrastive": {"plain", "temporal_mask", "temporal_jigsaw"},
}


def clips(count: int = 6) -> np.ndarray:
    """[B, T, M, J, C], centred roughly."""
    poses = np.stack([motion(FRAMES, seed=i, persons=2, label=i % 2) for i in range(count)])
    return poses - poses.mean(axis=(1, 2, 3), keepdims=True)


def model_of(optimizer: keras.optimizers.Optimizer | None = None, **changes: Any) -> MS2L:
    """A tiny model, compiled to run step by step without tracing."""
    config = tiny_config(**changes)
    model = build_learner(config, tiny_shape())
    assert isinstance(model, MS2L)
    optimizer = optimizer or build_optimizer(config.optimiser, model, steps=10, epochs=10)
    model.compile(optimizer=optimizer, run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    return model


def step(model: MS2L, poses: np.ndarray) -> dict[str, float]:
    """One training step; its logs."""
    model.reset_metrics()
    logs = model.train_step({"poses": tf.constant(poses)})
    return {name: float(value) for name, value in logs.items()}


def arrays(model: MS2L) -> list[np.ndarray]:
    return [weight.numpy() for weight in model.trainable_weights]


class RecordingEncoder(FrameEncoder):
    """Remembers what it was given, call by call."""

    calls: list[tf.Tensor]

    def call(self, poses: tf.Tensor, *args: Any, **kwargs: Any) -> tf.Tensor:
        self.__dict__.setdefault("calls", []).append(poses)
        return super().call(poses, *args, **kwargs)


def recorded(**changes: Any) -> tuple[MS2L, RecordingEncoder]:
    """A model and the encoder that tells what it was given."""
    config, encoder = tiny_config(**changes), RecordingEncoder(units=4)
    model = MS2L(
        encoder,
        build_tasks(config, tiny_layout()),
        augmentation=build_augmentation(config.of(AugmentSettings), tiny_layout()),
        augment_each=config.of(AugmentSettings).augment_each,
    )
    model.build((None, FRAMES, 2, 5, 3))
    return model, encoder


@pytest.mark.parametrize("tasks", SUBSETS, ids="+".join)
def test_any_subset_of_tasks_makes_one_encoder_call(tasks: list[str]) -> None:
    model, encoder = recorded(tasks=tasks)
    expected = set().union(*(VIEWS_OF[name] for name in tasks))
    assert {view.name for view in model.views} == expected
    assert len(model.views) == len(expected), "a view that two tasks read is built once"
    _, logs = model.self_supervised_loss(tf.constant(clips()), SEED)
    assert [len(poses) for poses in encoder.calls] == [6 * len(expected)]
    assert set(logs) - {"jigsaw_accuracy"} == {"loss", *tasks}
    assert ("jigsaw_accuracy" in logs) == ("jigsaw" in tasks)


def test_a_task_loses_the_same_with_and_without_company() -> None:
    """Without noise and shuffling the views of a task don't depend on the other tasks."""
    together = model_of(observed_noise=0.0)
    _, logs = together.self_supervised_loss(tf.constant(clips()), SEED)
    alone = model_of(tasks=["prediction"], observed_noise=0.0)
    alone.encoder.set_weights(together.encoder.get_weights())
    alone.tasks[0].set_weights(together.tasks[0].get_weights())
    _, expected = alone.self_supervised_loss(tf.constant(clips()), SEED)
    assert_close(logs["prediction"], expected["prediction"])


def test_the_total_is_the_weighted_sum() -> None:
    weights = {"prediction_weight": 2.0, "jigsaw_weight": 0.0, "contrastive_weight": 0.3}
    model = model_of(**weights)
    total, logs = model.self_supervised_loss(tf.constant(clips()), SEED)
    expected = sum(weights[f"{name}_weight"] * float(logs[name]) for name in TASKS)
    assert_close(total, expected)
    assert_close(logs["loss"], expected)


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD(0.05), keras.optimizers.Adam(0.003)])
@pytest.mark.parametrize("settings", [{}, {"head": "mlp", "decoder": "gru", "network": "lstm"}])
def test_a_step_moves_every_weight_and_lowers_the_loss(
    optimizer: keras.optimizers.Optimizer, settings: dict[str, str]
) -> None:
    model = model_of(type(optimizer).from_config(optimizer.get_config()), **settings)
    poses = clips()
    before, old = model.self_supervised_loss(tf.constant(poses), SEED)[0], arrays(model)
    logged = step(model, poses)
    after = model.self_supervised_loss(tf.constant(poses), SEED)[0]
    assert_close(logged["loss"], before)
    assert after < before
    assert all(np.any(a != b) for a, b in zip(old, arrays(model), strict=True))


def test_each_step_draws_anew_from_the_seed_and_its_number() -> None:
    poses = clips()
    frozen = keras.optimizers.SGD(0.0)
    model, twin = model_of(frozen), model_of(keras.optimizers.SGD(0.0))
    first, second = step(model, poses), step(model, poses)
    assert first["prediction"] != second["prediction"]
    assert step(twin, poses) == first
    twin.optimizer.iterations.assign(0)
    assert step(twin, poses) == first
    other = model_of(keras.optimizers.SGD(0.0), seed=1)
    other.set_weights(model.get_weights())
    assert step(other, poses)["prediction"] != first["prediction"]


def test_augmentation_comes_before_the_views() -> None:
    """Once a clip by default, anew for each version with --augment_each."""
    poses = tf.constant(clips())
    seen = {}
    for each in (False, True):
        model, encoder = recorded(rotate=45.0, augment_each=each, observed_noise=0.0)
        model.self_supervised_loss(poses, SEED)
        seen[each] = [version[:, 0].numpy() for version in tf.split(encoder.calls[0], 3)]
    plain, _, mask = seen[False]
    assert np.abs(plain - poses[:, 0]).max() > 0.1
    assert_close(mask, plain)
    plain, _, mask = seen[True]
    assert np.abs(mask - plain).max() > 0.1


def update_norm(model: MS2L, poses: np.ndarray) -> float:
    old = arrays(model)
    step(model, poses)
    changes = [np.sum((a - b) ** 2) for a, b in zip(old, arrays(model), strict=True)]
    return float(np.sqrt(sum(changes)))


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_clip_norm_bounds_the_update(precision: str) -> None:
    free, clipped, loose = (
        model_of(keras.optimizers.SGD(1.0), precision=precision, clip_norm=limit)
        for limit in (0.0, 0.01, 1e6)
    )
    norm = update_norm(free, clips())
    assert norm > 0.02
    assert_close(update_norm(clipped, clips()), 0.01, 1e-3)
    assert_close(update_norm(loose, clips()), norm, 1e-3)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(precision: str) -> None:
    model = model_of(precision=precision, head="mlp", clip_norm=1.0)
    reference = model_of(head="mlp", clip_norm=1.0)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (
        precision == "mixed_float16"
    )
    for _ in range(3):
        logs, expected = step(model, clips()), step(reference, clips())
        assert logs["loss"] == pytest.approx(expected["loss"], rel=0.05)
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model(clips()).dtype == precision.removeprefix("mixed_")
    skipped = 3 - int(model.optimizer.iterations)  # a first loss scale may overflow
    assert skipped < 3
    if precision == "mixed_float16":
        assert float(model.optimizer.dynamic_scale) == 2.0 ** (15 - skipped)


def replica_settings() -> list[Any]:
    augmented = {"rotate": 20.0, "shear": 0.2, "crop": 0.7, "joint_dropout": 0.1, "flip": 0.5}
    return [
        pytest.param({"clip_norm": 0.05, "augment_each": True, **augmented}, id="fc"),
        pytest.param({"head": "mlp", "temperature": 0.5, **augmented}, id="mlp"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("settings", replica_settings())
def test_two_replicas_equal_one_device(
    settings: dict[str, Any], two_replicas: tf.distribute.Strategy
) -> None:
    """Losses, gradients and, after several steps, weights and moving statistics."""
    batches = tf.data.Dataset.from_tensor_slices({"poses": clips(24)}).batch(8)
    found = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            model = model_of(keras.optimizers.SGD(0.1, momentum=0.9), **settings)
        model.run_eagerly = False
        start = arrays(model)
        first = model.fit(batches, epochs=1, steps_per_epoch=1, shuffle=False, verbose=0)
        # The first step of SGD is the gradient times the learning rate.
        gradients = [(a - b) / 0.1 for a, b in zip(start, arrays(model), strict=True)]
        rest = model.fit(batches.skip(1), epochs=2, steps_per_epoch=1, shuffle=False, verbose=0)
        found.append((first.history, rest.history, gradients, model.get_weights()))
    for one, two in zip(*(history[:2] for history in found), strict=True):
        assert one.keys() == two.keys()
        assert_all_close([two[name] for name in one], list(one.values()))
    for one, two in zip(*(arrays[2:] for arrays in found), strict=True):
        assert max(np.abs(array).max() for array in one) > 1e-3
        assert_all_close(two, one, 2e-5)


def test_features_of_the_model_are_those_of_its_encoder() -> None:
    model = model_of()
    poses = clips(2)
    np.testing.assert_array_equal(model(poses), model.encoder(poses))
