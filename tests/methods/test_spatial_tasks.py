"""Tasks on spatial views: numerics, what has a gradient, any subset and pairing in a model."""

from __future__ import annotations

import itertools
import re
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf import replicas
from ms2l_tf.errors import InputError
from ms2l_tf.methods.ms2l.build import body_parts, build_tasks
from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.ms2l.settings import TASKS
from ms2l_tf.methods.ms2l.tasks import Jigsaw, SpatialPrediction
from ms2l_tf.methods.ms2l.tasks.base import Version
from ms2l_tf.runs.build import build_learner
from ms2l_tf.skeletons.layout import SkeletonLayout
from ms2l_tf.views import HiddenJoints, SpatialJigsaw, SpatialMask
from tests.helpers import assert_close, random_poses, tiny_config, tiny_layout, tiny_shape
from tests.methods.test_losses import hidden_twin, jigsaw_twin
from tests.methods.test_tasks import B, C, J, M, T, affine, built, features

FRAMES = 6  # a step without tracing takes as long as it has frames
PARTS = ((0,), (2,), (1,))
HIDDEN = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]], np.float32)
SPATIAL: dict[str, Any] = {"prediction_view": "spatial", "jigsaw_view": "spatial"}
SUBSETS = [list(c) for size in (1, 2, 3) for c in itertools.combinations(TASKS, size)]
VIEWS_OF = {
    "prediction": {"spatial_mask"},
    "jigsaw": {"spatial_jigsaw"},
    "contrastive": {"plain", "spatial_mask", "spatial_jigsaw"},
}


def two_parts() -> SkeletonLayout:
    """An upper body without legs: empty parts, and parts of different sizes."""
    return tiny_layout(parts={"arm_left": (0, 3, 2), "arm_right": (1, 4)})


def model_of(layout: SkeletonLayout | None = None, **changes: Any) -> MS2L:
    """A tiny model, compiled to run step by step without tracing."""
    config = tiny_config(frames=FRAMES, observed=2.0, **changes)
    model = build_learner(config, tiny_shape(layout, frames=FRAMES))
    assert isinstance(model, MS2L)
    model.compile(optimizer=keras.optimizers.Adam(0.003), run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    return model


def clips(count: int = 4) -> tf.Tensor:
    return tf.constant(random_poses(count, FRAMES, 2, 5, 3))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_prediction_is_about_the_hidden_joints(reduction: str) -> None:
    view = SpatialMask(PARTS, 1)
    task = built(SpatialPrediction(view, reduction=reduction))
    poses = random_poses(B, T, M, J, C, seed=9)
    target = HiddenJoints(tf.constant(poses), tf.constant(HIDDEN))
    versions = {view.name: Version(tf.constant(features(1)), target)}
    loss, extra = task.loss(versions, training=True)
    predicted = affine(task, features(1)).reshape(B, T, M, J, C)
    assert_close(loss / hidden_twin(predicted, poses, HIDDEN, reduction), 1.0)
    assert extra == {}


@pytest.mark.parametrize("decoder", ["frame", "gru"])
def test_the_head_learns_from_hidden_joints_in_all_frames(decoder: str) -> None:
    view = SpatialMask(PARTS, 1)
    task = built(SpatialPrediction(view, decoder=decoder))
    target = HiddenJoints(tf.constant(random_poses(B, T, M, J, C, seed=9)), tf.constant(HIDDEN))
    read = tf.constant(features(1))
    with tf.GradientTape() as tape:
        tape.watch(read)
        loss, _ = task.loss({view.name: Version(read, target)}, training=True)
    bias, of_features = tape.gradient(loss, [task.trainable_weights[-1], read])
    by_joint = bias.numpy().reshape(M, J, C)
    assert not by_joint[:, 2].any(), "joint 2 is hidden in no clip"
    assert by_joint[:, :2].all()
    assert np.abs(of_features).sum(axis=-1).all(), "every frame of every clip"


def test_each_slot_is_classified_on_its_own() -> None:
    view = SpatialJigsaw(PARTS)
    task = built(Jigsaw(view, answer="slots"))
    number = np.array([0, 3, 4, 3], np.int32)  # 3 and 4 are not their own inverse
    versions = {view.name: Version(tf.constant(features(1)), tf.constant(number))}
    loss, extra = task.loss(versions, training=True)
    logits = affine(task, features(1).mean(axis=1)).reshape(B, 3, 3)
    order = view.orders[number]
    assert_close(loss, np.mean([jigsaw_twin(logits[:, i], order[:, i]) for i in range(3)]))
    assert_close(extra["jigsaw_accuracy"], np.mean(logits.argmax(axis=2) == order))


@pytest.mark.parametrize(("answer", "size"), [("slots", 25), ("orders", 120)])
def test_size_of_the_answer_about_five_parts(answer: str, size: int) -> None:
    model = model_of(tasks=["jigsaw"], spatial_orders=answer, **SPATIAL)
    assert model.tasks[0].head.output_shape == (None, size)


@pytest.mark.parametrize(("answer", "size"), [("slots", 4), ("orders", 2)])
def test_empty_parts_are_left_out(answer: str, size: int) -> None:
    assert body_parts(two_parts()) == ((0, 3, 2), (1, 4))
    model = model_of(two_parts(), masked_parts=1, spatial_orders=answer, **SPATIAL)
    assert model.tasks[1].head.output_shape == (None, size)
    assert np.isfinite(model.self_supervised_loss(clips(), tf.constant([0, 0]))[0])


@pytest.mark.parametrize("tasks", SUBSETS, ids="+".join)
def test_any_subset_of_tasks(tasks: list[str]) -> None:
    model = model_of(tasks=tasks, **SPATIAL)
    assert {view.name for view in model.views} == set().union(*(VIEWS_OF[name] for name in tasks))
    _, logs = model.self_supervised_loss(clips(), tf.constant([0, 0]))
    assert set(logs) - {"jigsaw_accuracy"} == {"loss", *tasks}
    assert np.isfinite(list(logs.values())).all()


@pytest.mark.parametrize("prediction", ["temporal", "spatial"])
@pytest.mark.parametrize("jigsaw", ["temporal", "spatial"])
def test_a_step_of_every_pairing_lowers_the_loss(prediction: str, jigsaw: str) -> None:
    model = model_of(prediction_view=prediction, jigsaw_view=jigsaw)
    poses, seed = clips(), tf.constant([0, 0])
    before, old = model.self_supervised_loss(poses, seed)[0], model.get_weights()
    assert np.isfinite(list(model.train_step({"poses": poses}).values())).all()
    assert model.self_supervised_loss(poses, seed)[0] < before
    assert all(np.any(a != b) for a, b in zip(old, model.get_weights(), strict=True))


@pytest.mark.slow
def test_two_devices_lose_what_one_loses(two_replicas: tf.distribute.Strategy) -> None:
    """Every clip counts equally, so the mean of two equal halves is the loss of the whole."""
    poses, seed = clips(6), tf.constant([0, 3])
    _, whole = model_of(**SPATIAL).self_supervised_loss(poses, seed)
    with two_replicas.scope():
        model = model_of(**SPATIAL)

    @tf.function
    def mine() -> dict[str, tf.Tensor]:
        start = 3 * replicas.index()
        return model.self_supervised_loss(poses[start : start + 3], seed)[1]

    halves = two_replicas.run(mine)
    for name, value in whole.items():
        parts = two_replicas.experimental_local_results(halves[name])
        assert_close(np.mean(parts), value)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"prediction_view": "spatial"}, "--masked_parts: 2 of 2 body parts"),
        ({"jigsaw_view": "spatial"}, "--jigsaw_view=spatial: the layout has fewer than two"),
    ],
)
def test_too_few_parts_name_the_layout(settings: dict[str, Any], problem: str) -> None:
    parts = {"trunk": (0, 1, 2, 3, 4)} if "jigsaw_view" in settings else two_parts().parts
    layout = tiny_layout(parts=parts)
    with pytest.raises(InputError, match=f"^{re.escape(problem)}.*layout 'tiny_5'"):
        build_tasks(tiny_config(**settings), layout)
