"""Learning rate schedules by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.schedules import LossMix, StepDecay, learning_rate
from ms2l_tf.runs.build import build_learner, build_optimizer
from tests.helpers import assert_close, tiny_config, tiny_shape


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 1e-2), (99, 1e-2), (100, 1e-3), (199, 1e-3), (200, 1e-4), (300, 1e-4), (10**6, 1e-4)],
)
def test_step_decay_of_the_paper(step: int, expected: float) -> None:
    """0.01 to 0.0001, x0.1 every 100 iterations."""
    assert_close(float(StepDecay(0.01, 100)(step)) / expected, 1.0)


def test_a_decay_need_not_fall_on_whole_steps() -> None:
    rates = [float(StepDecay(8.0, 2.5, factor=0.5, least=0.0)(step)) for step in range(9)]
    assert rates == [8.0, 8.0, 8.0, 4.0, 4.0, 2.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize(("least", "expected"), [(0.0, 1e-5), (1e-3, 1e-3), (1.0, 0.1)])
def test_the_floor_never_lifts_the_rate_above_the_start(least: float, expected: float) -> None:
    assert_close(float(StepDecay(0.1, 1, least=least)(4)) / expected, 1.0)


def test_warm_up_is_linear_and_not_bound_by_the_floor() -> None:
    schedule = StepDecay(1.0, 5, least=0.5, warmup=4)
    rates = [float(schedule(step)) for step in range(7)]
    assert_close(rates, [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.5])


def test_round_trip_of_the_configuration() -> None:
    schedule = StepDecay(0.3, 7, factor=0.2, least=0.01, warmup=3)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert isinstance(copy, StepDecay)
    for step in (0, 2, 6, 7, 14, 100):
        assert float(copy(step)) == float(schedule(step))


@pytest.mark.parametrize("warmup", [0.0, 10.0])
def test_cosine_from_the_first_to_the_final_rate(warmup: float) -> None:
    schedule = learning_rate(
        "cosine", initial=0.1, final=1e-3, decay_steps=1, total_steps=110, warmup_steps=warmup
    )
    assert_close(float(schedule(110)), 1e-3)
    if warmup:
        assert_close([float(schedule(step)) for step in (0, 5, 10)], [0.0, 0.05, 0.1])
        assert_close(float(schedule(60)), (0.1 + 1e-3) / 2)  # half way down
    else:
        assert_close([float(schedule(step)) for step in (0, 55)], [0.1, (0.1 + 1e-3) / 2])


def test_a_cosine_never_rises() -> None:
    schedule = learning_rate("cosine", initial=1e-4, final=1e-3, decay_steps=1, total_steps=10)
    assert [float(schedule(step)) for step in (0, 5, 10)] == pytest.approx([1e-4] * 3)


def test_constant_stays() -> None:
    schedule = learning_rate("constant", initial=0.2, final=0.1, decay_steps=2, total_steps=9)
    assert_close([float(schedule(step)) for step in (0, 5, 9)], [0.2] * 3)


def learner() -> Learner:
    return build_learner(tiny_config(tasks=["jigsaw"]), tiny_shape())


def test_epochs_become_steps() -> None:
    """x0.1 every 2 epochs of 7 steps; one epoch of warm-up."""
    settings = tiny_config(learning_rate=0.1, decay_epochs=2.0, warmup_epochs=1.0).optimiser
    optimizer = build_optimizer(settings, learner(), steps=7, epochs=6)
    rates = []
    for step in (0, 6, 13, 14, 28):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert_close(rates, [0.1 / 7, 0.1, 0.1, 0.01, 0.001], 1e-6)


def test_weight_decay_chooses_adamw() -> None:
    settings = tiny_config(weight_decay=0.05).optimiser
    optimizer = build_optimizer(settings, learner(), steps=1, epochs=1)
    assert isinstance(optimizer, keras.optimizers.AdamW)
    assert optimizer.weight_decay == 0.05


def test_sgd_has_momentum_and_decoupled_decay() -> None:
    settings = tiny_config(optimiser="sgd", weight_decay=0.05).optimiser
    optimizer = build_optimizer(settings, learner(), steps=1, epochs=1)
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 0.05)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_weights_that_the_learner_penalises_are_not_decayed_too(optimiser: str) -> None:
    settings = tiny_config(optimiser=optimiser, weight_decay=0.05).optimiser
    penalised = learner()
    penalised.l2_penalty = 0.05
    optimizer = build_optimizer(settings, penalised, steps=1, epochs=1)
    assert not optimizer.weight_decay
    assert not isinstance(optimizer, keras.optimizers.AdamW)


@pytest.mark.parametrize(
    ("mix", "weights"),
    [
        (LossMix(), {0: (1, 0), 9: (1, 0)}),
        (LossMix("joint", omega=0.3), {0: (1, 0.3), 9: (1, 0.3)}),
        (LossMix("moving", moving_steps=4), {0: (0, 1), 1: (0.25, 0.75), 4: (1, 0), 9: (1, 0)}),
        (LossMix("moving", moving_steps=0.5), {0: (0, 1), 1: (1, 0)}),
    ],
)
def test_how_losses_are_mixed(mix: LossMix, weights: dict[int, tuple[float, float]]) -> None:
    for step, expected in weights.items():
        assert_close([float(weight) for weight in mix(tf.constant(step))], expected, 1e-6)
    assert mix.trains_tasks == (mix.kind != "plain")


def test_joint_without_weight_trains_no_tasks() -> None:
    assert not LossMix("joint", omega=0.0).trains_tasks


@pytest.mark.parametrize("step", [40, 41, 400])
def test_a_cosine_stays_at_its_end(step: int) -> None:
    rate = learning_rate("cosine", initial=0.1, final=0.01, decay_steps=1, total_steps=40)
    np.testing.assert_allclose(float(rate(step)), 0.01, rtol=1e-6)
