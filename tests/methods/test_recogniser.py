"""The recogniser: what the mix trains, one encoder call, two devices, numerics of its loss."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.ms2l.model import MS2L
from ms2l_tf.methods.ms2l.tasks import Contrastive, Jigsaw, MotionPrediction
from ms2l_tf.methods.recogniser import Recogniser, classification_loss
from ms2l_tf.methods.schedules import LossMix
from ms2l_tf.networks.classifier import Classifier
from ms2l_tf.networks.frame_encoder import FrameEncoder
from ms2l_tf.views import Augmentation, ClipRandom, Plain, TemporalJigsaw, TemporalMask
from tests.helpers import random_poses

SHAPE = (12, 1, 5, 3)
CLASSES = 3


def build(mix: LossMix | None = None, *, tasks: bool = True, **options: Any) -> Recogniser:
    keras.utils.set_random_seed(0)
    encoder = FrameEncoder(units=4)
    pretext = None
    if tasks:
        mask, jigsaw = TemporalMask(4), TemporalJigsaw(3)
        pretext = MS2L(
            encoder,
            [
                MotionPrediction(mask, weight=1.0),
                Jigsaw(jigsaw, head="fc", hidden=(), pooling="mean", weight=1.0),
                Contrastive([Plain(), mask, jigsaw], projection=4, temperature=1.0, weight=1.0),
            ],
        )
    model = Recogniser(
        encoder,
        Classifier(CLASSES, units=4, hidden=(4,), dropout=options.pop("dropout", 0.0)),
        tasks=pretext,
        mix=mix,
        **options,
    )
    model.build((None, *SHAPE))
    return model


def batch(labelled: int = 4, unlabelled: int = 4) -> dict[str, tf.Tensor]:
    return {
        "poses": tf.constant(random_poses(labelled, *SHAPE, seed=1)),
        "label": tf.constant(np.arange(labelled) % CLASSES, tf.int32),
        "unlabelled": tf.constant(random_poses(unlabelled, *SHAPE, seed=2)),
    }


def steps(model: Recogniser, count: int, *, eagerly: bool = True) -> dict[str, float]:
    """Logs after some steps; eagerly, since tracing takes longer than a few steps."""
    model.compile(optimizer=keras.optimizers.SGD(0.05), run_eagerly=eagerly)
    data = tf.data.Dataset.from_tensors(batch()).repeat()
    history = model.fit(data, steps_per_epoch=count, epochs=1, verbose=0, shuffle=False)
    return {name: values[-1] for name, values in history.history.items()}


def moved(model: Recogniser, count: int = 2) -> set[str]:
    """Parts of the model whose weights some steps change."""
    parts: dict[str, keras.layers.Layer] = {
        "encoder": model.encoder,
        "classifier": model.classifier,
    }
    if model.tasks is not None:
        parts |= {task.name: task for task in model.tasks.tasks}
    before = {name: part.get_weights() for name, part in parts.items()}
    steps(model, count)
    return {
        name
        for name, part in parts.items()
        if any(
            not np.array_equal(a, b) for a, b in zip(before[name], part.get_weights(), strict=True)
        )
    }


HEADS = {"prediction", "jigsaw", "contrastive"}


@pytest.mark.slow
def test_what_each_mix_trains() -> None:
    both = {"encoder", "classifier"}
    assert moved(build()) == both, "watched heads stay as they are"
    assert moved(build(tasks=False)) == both
    assert moved(build(LossMix("joint"))) == both | HEADS
    assert moved(build(LossMix("joint", omega=0.0))) == both
    assert moved(build(LossMix("moving", moving_steps=10))) == both | HEADS
    assert moved(build(tasks=False, train_encoder=False)) == {"classifier"}
    assert moved(build(train_encoder=False)) == {"classifier"}, "the tasks are watched"


OPTIMISERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=0.1),
    "adam": lambda: keras.optimizers.Adam(0.05),
    "adamw": lambda: keras.optimizers.AdamW(0.05, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_encoder_takes_a_share_of_the_step(name: str) -> None:
    """What a smaller learning rate of its own gives, and the classifier is none the wiser."""
    moves = []
    for rate in (1.0, 0.25):
        model = build(tasks=False, encoder_rate=rate)
        parts: tuple[keras.layers.Layer, ...] = (model.encoder, model.classifier)
        before = [part.get_weights() for part in parts]
        model.compile(optimizer=OPTIMISERS[name](), run_eagerly=True)
        model.train_step(batch())
        moves.append(
            [
                [new - old for old, new in zip(known, part.get_weights(), strict=True)]
                for known, part in zip(before, parts, strict=True)
            ]
        )
    for whole, part in zip(moves[0][0], moves[1][0], strict=True):
        np.testing.assert_allclose(part, 0.25 * whole, atol=1e-6)
    for whole, part in zip(moves[0][1], moves[1][1], strict=True):
        np.testing.assert_array_equal(part, whole)


def test_moving_begins_with_the_tasks_alone_and_ends_with_the_labels_alone() -> None:
    model = build(LossMix("moving", moving_steps=4))
    data = batch()
    for step, theta in ((0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (9, 1.0)):
        loss, logs = model.losses(data, tf.constant([0, step]))
        own = logs["prediction"] + logs["jigsaw"] + logs["contrastive"]
        expected = theta * logs["classification"] + (1 - theta) * own
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
        np.testing.assert_allclose(logs["theta"], theta)


def test_joint_adds_omega_times_the_tasks() -> None:
    loss, logs = build(LossMix("joint", omega=0.5)).losses(batch(), tf.constant([0, 0]))
    own = logs["prediction"] + logs["jigsaw"] + logs["contrastive"]
    np.testing.assert_allclose(loss, logs["classification"] + 0.5 * own, rtol=1e-5)
    assert "theta" not in logs


def test_labelled_clips_alone_decide_the_classification_loss() -> None:
    model, data = build(LossMix("joint")), batch()
    other = {**data, "unlabelled": data["unlabelled"] + 1.0}
    one, two = (model.losses(values, tf.constant([0, 0]))[1] for values in (data, other))
    np.testing.assert_allclose(one["classification"], two["classification"], rtol=1e-5)
    assert abs(float(one["prediction"] - two["prediction"])) > 1e-3
    logits = model(data["poses"]).numpy().astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = chances[np.arange(len(logits)), data["label"]]
    np.testing.assert_allclose(one["classification"], -np.log(right).mean(), rtol=1e-4)
    np.testing.assert_allclose(
        one["accuracy"], np.mean(logits.argmax(axis=1) == data["label"].numpy()), rtol=1e-6
    )


def test_the_task_losses_are_those_of_pre_training() -> None:
    model, data = build(LossMix("joint")), batch()
    assert model.tasks is not None
    logs = model.losses(data, tf.constant([0, 3]))[1]
    alone = model.tasks.self_supervised_loss(data["unlabelled"], tf.constant([0, 3]))[1]
    for name in (*HEADS, "jigsaw_accuracy"):
        np.testing.assert_allclose(logs[name], alone[name], rtol=1e-4)


def test_streams_of_different_sizes_go_through_one_encoder_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, calls = build(LossMix("joint")), []
    original = model.encoder.call

    def spy(poses: tf.Tensor, *args: Any, **kwargs: Any) -> tf.Tensor:
        calls.append(poses.shape[0])
        return original(poses, *args, **kwargs)

    monkeypatch.setattr(model.encoder, "call", spy)
    model.losses(batch(labelled=2, unlabelled=5), tf.constant([0, 0]))
    assert calls == [2 + 3 * 5]


def test_augmentation_and_dropout_change_with_the_step_and_not_at_inference() -> None:
    model = build(tasks=False, augmentation=Augmentation(rotate=90.0), dropout=0.5)
    data = batch(labelled=6)
    first, again, second = (
        float(model.losses(data, tf.constant([0, step]))[0]) for step in (0, 0, 1)
    )
    assert first == again != second
    np.testing.assert_array_equal(model(data["poses"]), model(data["poses"]))


@pytest.mark.slow
@pytest.mark.parametrize("mix", [None, LossMix("moving", moving_steps=3), LossMix("joint")])
def test_two_devices_equal_one(two_replicas: tf.distribute.Strategy, mix: LossMix | None) -> None:
    options: dict[str, Any] = {
        "clip_norm": 1.0,
        "dropout": 0.3,
        "augmentation": Augmentation(rotate=20.0),
    }
    one = build(mix, **options)
    logs = steps(one, 4)
    with two_replicas.scope():
        two = build(mix, **options)
        other_logs = steps(two, 4, eagerly=False)
    assert logs.keys() == other_logs.keys()
    for name in logs:
        np.testing.assert_allclose(other_logs[name], logs[name], rtol=1e-4, err_msg=name)
    for mine, its in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(its, mine, atol=1e-5, err_msg=mine.path)


def test_it_learns() -> None:
    model = build(tasks=False)
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    data = tf.data.Dataset.from_tensors(batch(labelled=6)).repeat()
    history = model.fit(data, steps_per_epoch=20, epochs=4, verbose=0, shuffle=False).history
    assert history["accuracy"][-1] > 0.9
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_saved_weights_give_the_same_logits(tmp_path: Any) -> None:
    model, other = build(LossMix("joint")), build(LossMix("joint"))
    steps(model, 2)
    model.save_weights(tmp_path / "a.weights.h5")
    other.load_weights(tmp_path / "a.weights.h5")
    poses = batch()["poses"]
    np.testing.assert_array_equal(model(poses), other(poses))
    for mine, its in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_classifier_reads_frames_or_one_vector() -> None:
    random = ClipRandom(tf.constant([0, 1]), 2)
    for units, shape in ((4, (2, 6, 8)), (0, (2, 6, 8)), (4, (2, 8)), (0, (2, 8))):
        model = Classifier(CLASSES, units=units, hidden=(), dropout=0.2)
        model.build((None, *shape[1:]))
        features = tf.constant(random_poses(*shape))
        assert model(features).shape == (2, CLASSES)
        assert model(features, random=random).dtype == tf.float32
        assert (model.recurrent is not None) == (units > 0 and len(shape) == 3)
        again = Classifier.from_config(model.get_config())
        again.build((None, *shape[1:]))
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again(features), model(features))


def test_dropout_keeps_the_mean_and_drops_at_its_rate() -> None:
    model = Classifier(1, units=0, hidden=(), dropout=0.25)
    model.build((None, 400))
    model.mlp[0].set_weights([np.full((400, 1), 1 / 400, np.float32), np.zeros(1, np.float32)])
    out = model(tf.ones([200, 400]), random=ClipRandom(tf.constant([3, 4]), 200)).numpy()
    assert abs(out.mean() - 1.0) < 0.01
    assert out.std() > 0.01


def test_classification_loss_of_even_logits_is_log_k() -> None:
    loss = classification_loss(tf.zeros([5, 7]), tf.constant([0, 1, 2, 3, 6]))
    np.testing.assert_allclose(loss, np.log(7), rtol=1e-6)
