"""Each task's loss, written out in NumPy from the features it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.ms2l.tasks import Contrastive, Jigsaw, MotionPrediction, Task
from ms2l_tf.methods.ms2l.tasks.base import Version
from ms2l_tf.views import Plain, TemporalJigsaw, TemporalMask, View
from tests.helpers import assert_close, random_poses
from tests.methods.test_losses import contrastive_twin, jigsaw_twin, prediction_twin

B, T, M, J, C, D = 4, 6, 2, 3, 2, 5


def built(task: Task) -> Task:
    """With random biases too, which start at zero."""
    task.build_for((T, M, J, C), D)
    for number, weight in enumerate(task.trainable_weights):
        weight.assign(random_poses(*weight.shape, seed=number))
    return task


def affine(task: Any, rows: np.ndarray) -> np.ndarray:
    kernel, bias = (weight.numpy() for weight in task.head.weights)
    result: np.ndarray = rows @ kernel + bias
    return result


def features(seed: int) -> np.ndarray:
    return random_poses(B, T, D, seed=seed)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_prediction_is_about_the_masked_frames(reduction: str) -> None:
    view = TemporalMask(2)
    task = built(MotionPrediction(view, reduction=reduction))
    target = random_poses(B, T, M, J, C, seed=9)
    versions = {view.name: Version(tf.constant(features(1)), tf.constant(target))}
    loss, extra = task.loss(versions, training=True)
    predicted = affine(task, features(1)[:, 2:])
    expected = prediction_twin(predicted, target[:, 2:].reshape(B, T - 2, -1), reduction)
    assert_close(loss / expected, 1.0)
    assert extra == {}


def test_recurrent_decoder_reads_the_observed_frames_too() -> None:
    view = TemporalMask(2)
    task = built(MotionPrediction(view, decoder="gru"))
    target = tf.constant(random_poses(B, T, M, J, C, seed=9))
    changed = features(1)
    changed[:, 0] += 1
    losses = [
        float(task.loss({view.name: Version(tf.constant(f), target)}, training=True)[0])
        for f in (features(1), changed)
    ]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_jigsaw_classifies_the_order(pooling: str) -> None:
    view = TemporalJigsaw(3)
    task = built(Jigsaw(view, pooling=pooling))
    order = np.array([0, 5, 2, 2], np.int32)
    versions = {view.name: Version(tf.constant(features(1)), tf.constant(order))}
    loss, extra = task.loss(versions, training=True)
    logits = affine(task, getattr(features(1), pooling)(axis=1))
    assert logits.shape == (B, 6)
    assert_close(loss, jigsaw_twin(logits, order))
    assert_close(extra["jigsaw_accuracy"], np.mean(logits.argmax(axis=1) == order))


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_contrastive_is_equation_3_of_the_projections(pooling: str, temperature: float) -> None:
    views: list[View] = [Plain(), TemporalMask(2), TemporalJigsaw(3)]
    task = built(Contrastive(views, projection=4, temperature=temperature, pooling=pooling))
    versions = {
        view.name: Version(tf.constant(features(number)), None) for number, view in enumerate(views)
    }
    loss, _ = task.loss(versions, training=True)
    projections = [affine(task, getattr(features(i), pooling)(axis=1)) for i in range(3)]
    assert_close(loss, contrastive_twin(np.stack(projections, axis=1), temperature))


def test_batch_norm_of_the_contrastive_head_sees_all_versions_at_once() -> None:
    views: list[View] = [Plain(), TemporalMask(2)]
    task = built(Contrastive(views, projection=4, head="mlp", hidden=(7,)))
    parts = [features(1), 3 + features(2)]
    versions = {
        view.name: Version(tf.constant(part), None) for view, part in zip(views, parts, strict=True)
    }
    loss, _ = task.loss(versions, training=True)
    rows = np.concatenate(parts).mean(axis=1)
    projections = task.head(rows, training=True).numpy()
    assert_close(loss, contrastive_twin(np.stack(np.split(projections, 2), axis=1), 1.0), 1e-4)


def test_what_tasks_read_and_weigh() -> None:
    mask, jigsaw = TemporalMask(2), TemporalJigsaw(3)
    assert MotionPrediction(mask, weight=2.0).views == (mask,)
    assert MotionPrediction(mask, weight=2.0).weight == 2.0
    assert Jigsaw(jigsaw).views == (jigsaw,)
    assert Contrastive([Plain(), mask, jigsaw]).views == (Plain(), mask, jigsaw)
