"""`Learner.test_step`, of every method: measures what a step would, and changes nothing."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.base import Batch, Learner, RunShape
from ms2l_tf.runs.build import build_learner
from ms2l_tf.skeletons import load_layout
from tests.helpers import random_poses, tiny_config, tiny_shape

CLIPS, FRAMES = 4, 8  # a step without tracing takes as long as it has frames
LABELS: dict[str, Any] = {"protocol": "supervised", "classifier_units": 3}
STGCN: dict[str, Any] = {"network": "stgcn", "width": 2, "blocks": 2, "temporal_kernel": 3}
# Batch statistics and dropout are other ones in training, so the losses may differ there.
ALIKE: dict[str, dict[str, Any]] = {
    "ms2l": {"clip_norm": 1.0},
    "ms2l, one task": {"tasks": ["jigsaw"]},
    "longt_gan": {"method": "longt_gan", "rotate": 20.0},
    "recogniser": LABELS,
    "recogniser beside tasks": {**LABELS, "schedule": "joint", "omega": 0.5},
    "recogniser watching tasks": {**LABELS, "watch_tasks": True},
    "plain classifier": {"method": "supervised"},
}
DIFFERENT: dict[str, dict[str, Any]] = {
    "ms2l, heads with batch norm": {"head": "mlp"},
    "ms2l, stgcn": STGCN,
    "longt_gan, stgcn": {"method": "longt_gan", **STGCN},
    "recogniser, stgcn": {"method": "supervised", **STGCN},
    "recogniser, dropout": {**LABELS, "classifier_dropout": 0.5},
    "msclr, skeletonclr": {"method": "msclr", "contrast": "skeletonclr", **STGCN},
    "msclr, aimclr": {"method": "msclr", "contrast": "aimclr", "weight_decay": 1e-3, **STGCN},
}
EVERY = {**ALIKE, **DIFFERENT}
TWO_LAYOUTS = ("kinect_v2_25", "h36m_17")


def learner_of(settings: dict[str, Any], *, eagerly: bool = True) -> Learner:
    """A compiled learner with the state of its optimiser; msclr reads two layouts."""
    shape = tiny_shape(frames=FRAMES, clips=2 * CLIPS)
    if settings.get("method") == "msclr":
        layouts = tuple(load_layout(name) for name in TWO_LAYOUTS)
        shape = RunShape(layouts, frames=FRAMES, persons=2, coords=3, classes=2, clips=2 * CLIPS)
    learner = build_learner(tiny_config(frames=FRAMES, batch=CLIPS, **settings), shape)
    learner.compile(keras.optimizers.SGD(0.1, momentum=0.9), run_eagerly=eagerly)
    learner.optimizer.build(learner.trainable_variables)
    return learner


def batch_of(settings: dict[str, Any]) -> Batch:
    """What a step of this learner reads."""
    if settings.get("method") == "msclr":
        joints = [load_layout(name).num_joints for name in TWO_LAYOUTS]
        query, key = (
            tf.constant(random_poses(CLIPS, FRAMES, 2, count, 3, seed=count)) for count in joints
        )
        return {
            "query": query,
            "key": key,
            "query_layout": tf.zeros([CLIPS], tf.int32),
            "key_layout": tf.ones([CLIPS], tf.int32),
            "clip": tf.range(CLIPS),
        }
    poses = tf.constant(random_poses(CLIPS, FRAMES, 2, 5, 3))
    return {"poses": poses, "unlabelled": poses + 0.1, "label": tf.constant([0, 1, 1, 0])}


def state(learner: Learner) -> dict[str, np.ndarray]:
    """All that a step may change but the readings: weights, queue, optimiser."""
    readings = {id(variable) for metric in learner.metrics for variable in metric.variables}
    variables = [*learner.variables, *learner.optimizer.variables]
    return {
        variable.path: variable.numpy() for variable in variables if id(variable) not in readings
    }


def assert_same_state(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)


def numbers(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}


@pytest.mark.parametrize("name", EVERY)
def test_measuring_changes_nothing_and_logs_what_training_logs(name: str) -> None:
    learner, batch = learner_of(EVERY[name]), batch_of(EVERY[name])
    before = state(learner)
    measured = numbers(learner.test_step(batch))
    assert_same_state(before, state(learner))
    assert all(float(metric.count) == 1 for metric in learner.metrics), "each is measured"
    assert np.isfinite(list(measured.values())).all()
    learner.reset_metrics()
    trained = numbers(learner.train_step(batch))
    assert set(measured) == set(trained) == {metric.name for metric in learner.metrics}
    assert any(np.any(value != before[path]) for path, value in state(learner).items())


@pytest.mark.parametrize("name", ALIKE)
def test_measuring_gives_the_losses_of_the_step_that_comes(name: str) -> None:
    """Its views and augmentations are those that the step will draw."""
    learner, batch = learner_of(ALIKE[name]), batch_of(ALIKE[name])
    measured = numbers(learner.test_step(batch))
    learner.reset_metrics()
    assert numbers(learner.train_step(batch)) == pytest.approx(measured, rel=1e-4)
    learner.reset_metrics()
    assert numbers(learner.test_step(batch))["loss"] != pytest.approx(measured["loss"], rel=1e-6)


@pytest.mark.parametrize("contrast", ["skeletonclr", "aimclr"])
def test_measuring_leaves_queue_and_momentum_encoder_alone(contrast: str) -> None:
    settings = {"method": "msclr", "contrast": contrast, "momentum": 0.5, **STGCN}
    learner, batch = learner_of(settings), batch_of(settings)
    queue, key_encoder = "queue", "key_encoder"
    before = state(learner)
    assert {part for part in (queue, key_encoder) if any(part in path for path in before)} == {
        queue,
        key_encoder,
    }
    learner.test_step(batch)
    assert_same_state(before, state(learner))
    learner.train_step(batch)
    after = state(learner)
    for part in (queue, key_encoder):  # the same comparison sees what training does
        moved = [path for path in before if part in path and np.any(after[path] != before[path])]
        assert moved, part


@pytest.mark.parametrize("name", ["ms2l, one task", "plain classifier", "msclr, skeletonclr"])
def test_keras_evaluates_a_learner(name: str) -> None:
    """`evaluate` traces the step; it gives the mean over batches and trains nothing."""
    learner, batch = learner_of(EVERY[name], eagerly=False), batch_of(EVERY[name])
    before = state(learner)
    expected = numbers(learner.test_step(batch))
    batches = tf.data.Dataset.from_tensors(batch).repeat(2)
    measured = learner.evaluate(batches, verbose=0, return_dict=True)
    assert measured == pytest.approx(expected, rel=1e-4)
    assert_same_state(before, state(learner))
