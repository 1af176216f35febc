"""Losses against slow twins of the paper's equations, and where their values are known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.ms2l.losses import (
    contrastive_logits,
    hidden_joints_loss,
    jigsaw_loss,
    mean_contrastive_loss,
    motion_prediction_loss,
    version_means,
)
from tests.helpers import assert_close, random_poses


def prediction_twin(predicted: np.ndarray, target: np.ndarray, reduction: str) -> float:
    """Eq. 1 over N clips, element by element."""
    total, count = 0.0, 0
    for clip, other in zip(predicted, target, strict=True):
        for index in np.ndindex(*clip.shape):
            total += (float(clip[index]) - float(other[index])) ** 2
            count += 1
    return total / (count if reduction == "mean" else len(predicted))


def hidden_twin(
    predicted: np.ndarray, target: np.ndarray, hidden: np.ndarray, reduction: str
) -> float:
    """Mean over clips of the mean (sum) over the coordinates of hidden joints."""
    clips = []
    for mine, its, joints in zip(predicted, target, hidden, strict=True):
        errors = [
            (mine[t, m, j, c] - its[t, m, j, c]) ** 2
            for t, m, j, c in np.ndindex(*mine.shape)
            if joints[j]
        ]
        clips.append(np.sum(errors) if reduction == "sum" else np.mean(errors))
    return float(np.mean(clips))


def jigsaw_twin(logits: np.ndarray, order: np.ndarray) -> float:
    """Eq. 2: minus the log of the softmax at the true order, averaged over clips."""
    total = 0.0
    for row, true in zip(logits.astype(float), order, strict=True):
        total -= math.log(math.exp(row[true]) / sum(math.exp(value) for value in row))
    return total / len(logits)


def contrastive_twin(versions: np.ndarray, temperature: float) -> float:
    """Eq. 3: every version against the mean of every clip's versions."""

    def similarity(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))

    means = [sum(clip) / len(clip) for clip in versions.astype(float)]
    losses = []
    for number, clip in enumerate(versions.astype(float)):
        for version in clip:
            powers = [math.exp(similarity(version, mean) / temperature) for mean in means]
            losses.append(-math.log(powers[number] / sum(powers)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 2, 3), (4, 3, 2, 2, 2), (3, 5, 7)])
def test_motion_prediction_equals_its_twin(reduction: str, shape: tuple[int, ...]) -> None:
    predicted, target = random_poses(*shape, seed=1), random_poses(*shape, seed=2)
    loss = motion_prediction_loss(predicted, target, reduction=reduction)
    assert_close(loss, prediction_twin(predicted, target, reduction))


def test_the_sum_is_the_mean_times_what_a_clip_holds() -> None:
    predicted, target = random_poses(4, 3, 2, 5, 3, seed=1), random_poses(4, 3, 2, 5, 3, seed=2)
    mean = motion_prediction_loss(predicted, target)
    assert_close(motion_prediction_loss(predicted, target, reduction="sum"), 3 * 2 * 5 * 3 * mean)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_perfect_prediction_costs_nothing(reduction: str) -> None:
    target = random_poses(2, 3, 4)
    assert motion_prediction_loss(target, target, reduction=reduction) == 0.0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_hidden_joints_loss_equals_its_twin(reduction: str) -> None:
    predicted, target = (random_poses(3, 4, 2, 5, 3, seed=seed) for seed in (1, 2))
    hidden = np.array([[1, 0, 0, 0, 0], [0, 1, 1, 0, 1], [0, 0, 1, 1, 0]], np.float32)
    loss = hidden_joints_loss(
        tf.constant(predicted), tf.constant(target), tf.constant(hidden), reduction=reduction
    )
    assert_close(loss / hidden_twin(predicted, target, hidden, reduction), 1.0)


def test_only_hidden_joints_have_a_gradient() -> None:
    predicted = tf.constant(random_poses(1, 4, 2, 5, 3))
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        hidden = tf.constant([[0.0, 1.0, 0.0, 1.0, 0.0]])
        loss = hidden_joints_loss(predicted, tf.zeros_like(predicted), hidden)
    gradient = tape.gradient(loss, predicted).numpy()
    assert not gradient[..., [0, 2, 4], :].any()
    assert gradient[..., [1, 3], :].all()


def test_slots_average_over_places() -> None:
    logits, order = random_poses(3, 4, 4), np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]])
    places = [jigsaw_twin(logits[:, i], order[:, i]) for i in range(4)]
    assert_close(jigsaw_loss(tf.constant(logits), tf.constant(order)), np.mean(places))


@pytest.mark.parametrize("segments", [2, 3])
def test_jigsaw_equals_its_twin(segments: int) -> None:
    orders = math.factorial(segments)
    logits = 3 * random_poses(7, orders)
    order = np.random.default_rng(3).integers(orders, size=7).astype(np.int32)
    assert_close(jigsaw_loss(logits, order), jigsaw_twin(logits, order))


def test_jigsaw_by_hand() -> None:
    assert_close(jigsaw_loss(np.zeros((5, 6), np.float32), np.arange(5)), math.log(6))
    sure = 100.0 * np.eye(6, dtype=np.float32)
    assert_close(jigsaw_loss(sure, np.arange(6)), 0.0)
    assert_close(jigsaw_loss(sure, (np.arange(6) + 1) % 6), 100.0)


@pytest.mark.parametrize(("clips", "views"), [(2, 1), (5, 3), (3, 4)])
@pytest.mark.parametrize("temperature", [1.0, 0.1, 0.9])
def test_contrastive_equals_its_twin(clips: int, views: int, temperature: float) -> None:
    versions = random_poses(clips, views, 6)
    loss = mean_contrastive_loss(versions, temperature=temperature)
    assert_close(loss, contrastive_twin(versions, temperature))


def test_contrastive_is_not_plain_nt_xent() -> None:
    """A version's positive is its clip's mean, itself included; there is no pairwise term."""
    versions = random_poses(3, 2, 4, seed=5)
    unit = versions / np.linalg.norm(versions, axis=-1, keepdims=True)
    rows = unit.reshape(6, 4)
    losses = []
    for i, j in ((i, j) for i, j in itertools.permutations(range(6), 2) if i // 2 == j // 2):
        others = [math.exp(rows[i] @ rows[k]) for k in range(6) if k != i]
        losses.append(-math.log(math.exp(rows[i] @ rows[j]) / sum(others)))
    assert abs(float(mean_contrastive_loss(versions)) - np.mean(losses)) > 0.1


@pytest.mark.parametrize("clips", [1, 4, 9])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_uniform_similarities_give_log_n(clips: int, temperature: float) -> None:
    versions = np.ones((clips, 3, 5), np.float32)
    loss = mean_contrastive_loss(versions, temperature=temperature)
    assert_close(loss, math.log(clips))


def test_perfectly_told_apart_clips() -> None:
    """Orthogonal clips whose versions agree: similarity 1 to one mean, 0 to the N - 1 others."""
    versions = np.repeat(np.eye(4, dtype=np.float32)[:, None], 3, axis=1)
    for temperature in (1.0, 0.5):
        expected = -math.log(math.exp(1 / temperature) / (math.exp(1 / temperature) + 3))
        assert_close(mean_contrastive_loss(versions, temperature=temperature), expected)
    assert_close(mean_contrastive_loss(versions, temperature=0.01), 0.0)


def test_contrastive_sees_directions_alone() -> None:
    versions = random_poses(4, 3, 5)
    means = version_means(versions)
    scaled = versions * np.array([0.01, 1.0, 100.0], np.float32)[:, None]
    assert_close(contrastive_logits(scaled, 7 * means), contrastive_logits(versions, means))


def test_a_shard_sees_the_means_of_all() -> None:
    """The mean of the halves' losses, with global means and offsets, is the loss of the whole."""
    versions = random_poses(6, 3, 5)
    means = version_means(versions)
    halves = [
        mean_contrastive_loss(versions[start : start + 3], means=means, offset=start)
        for start in (0, 3)
    ]
    assert_close(np.mean(halves), mean_contrastive_loss(versions))


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (lambda z: mean_contrastive_loss(z, temperature=0.1), (3, 2, 4)),
        (lambda z: motion_prediction_loss(z, tf.zeros_like(z)), (3, 2, 4)),
        (lambda z: jigsaw_loss(z, tf.constant([0, 1, 2])), (3, 6)),
    ],
)
def test_gradients_are_finite_at_zero(
    loss: Callable[[tf.Tensor], tf.Tensor], shape: tuple[int, ...]
) -> None:
    at = tf.Variable(tf.zeros(shape))
    with tf.GradientTape() as tape:
        value = loss(at)
    assert np.isfinite(value)
    assert np.isfinite(tape.gradient(value, at)).all()


def test_half_precision_inputs_give_float32_losses() -> None:
    """300 squared overflows float16; the losses compute in float32."""
    large = tf.fill([2, 3, 4], tf.constant(300.0, tf.float16))
    loss = motion_prediction_loss(large, tf.zeros_like(large))
    assert loss.dtype == tf.float32
    assert_close(loss, 300.0**2)
    assert_close(mean_contrastive_loss(large), math.log(2))
