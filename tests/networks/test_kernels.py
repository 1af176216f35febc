"""The closed-form encoder before it is fitted: its kernels, persons, map, precision and files."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import keras
import numpy as np
import pytest

from ms2l_tf.errors import InputError
from ms2l_tf.methods.kernels.method import INPUTS
from ms2l_tf.methods.kernels.model import KernelLearner
from ms2l_tf.networks.kernels import DILATIONS, KernelBank, KernelEncoder
from ms2l_tf.views.between import between_persons
from tests.helpers import assert_close, random_poses, tiny_layout
from tests.layer_checks import run_layer_test
from tests.networks import kernels_twin

FRAMES = 9


def built_bank(channels: int = 4, **settings: Any) -> KernelBank:
    """Whose measured weights are none that nothing would show."""
    bank = KernelBank(**{"mixes": 6, **settings})
    bank.build((None, None, channels))
    random = np.random.default_rng(0)
    bank.mean.assign(random.normal(size=channels))
    bank.scale.assign(random.uniform(0.5, 2, channels))
    bank.thresholds.assign(random.normal(size=bank.kernels))
    return bank


def built(persons: int = 2, coords: int = 3, **settings: Any) -> KernelEncoder:
    encoder = KernelEncoder(
        [tiny_layout()], **{"mixes": 6, "dims": 5, "inputs": INPUTS, "coords": coords, **settings}
    )
    encoder.build((None, FRAMES, persons, 5, coords))
    random = np.random.default_rng(1)
    for bank in encoder.banks:
        bank.mean.assign(random.normal(size=bank.mean.shape))
        bank.thresholds.assign(random.normal(size=bank.kernels))
    encoder.centre.assign(random.normal(size=encoder.centre.shape))
    return encoder


@pytest.mark.parametrize("frames", [1, 3, FRAMES, 30])
def test_a_bank_against_numpy(frames: int) -> None:
    bank, values = built_bank(), random_poses(3, frames, 4)
    expected = [kernels_twin.bank_numbers(bank, clip) for clip in values]
    assert_close(bank(values), expected)


def test_a_mix_reads_some_channels_and_every_second_filter_sums_to_zero() -> None:
    bank = built_bank(7, mixes=40, mixed_channels=3)
    assert (np.count_nonzero(bank.mix, axis=0) == 3).all()
    assert np.count_nonzero(bank.mix, axis=1).all(), "all channels are read"
    sums = np.asarray(bank.filters).sum(axis=1)
    assert np.abs(sums[:, ::2]).max() < 1e-5
    assert np.abs(sums[:, 1::2]).min() > 1e-5
    few = built_bank(2, mixed_channels=3)
    assert (np.count_nonzero(few.mix, axis=0) == 2).all()


@pytest.mark.parametrize("coords", [2, 3])
@pytest.mark.parametrize("persons", [1, 2, 3])
def test_the_encoder_against_numpy(persons: int, coords: int) -> None:
    encoder = built(persons, coords)
    poses = random_poses(4, FRAMES, persons, 5, coords)
    poses[1, :, 1:] = 0  # one person
    poses[2] = 0  # nobody
    poses[3, 2:, -1] = 0  # leaves
    numbers = kernels_twin.encoder_numbers(encoder, poses)
    assert_close(encoder.kernel_numbers(poses), numbers)
    expected = (numbers - np.asarray(encoder.centre)) @ np.asarray(encoder.map)
    assert_close(encoder(poses), expected, 1e-4)
    assert encoder(poses).shape == (4, encoder.feature_dim)


def test_without_a_map_the_numbers_are_standardised() -> None:
    encoder, poses = built(dims=0), random_poses(3, FRAMES, 2, 5, 3)
    encoder.map.assign(np.linspace(1, 2, encoder.numbers))
    expected = (encoder.kernel_numbers(poses) - encoder.centre) * np.linspace(1, 2, encoder.numbers)
    assert_close(encoder(poses), expected)
    assert encoder.feature_dim == encoder.numbers == 2 * len(DILATIONS) * (6 + 1)


@pytest.mark.parametrize("coords", [2, 3])
def test_between_two_persons_against_numpy(coords: int) -> None:
    poses = random_poses(4, FRAMES, 3, 5, coords)
    poses[1, :, 1] = 0
    poses[2, :, 0] = 0
    expected = [kernels_twin.between(clip, tiny_layout()) for clip in poses]
    actual = between_persons(poses, tiny_layout())
    assert_close(actual, expected)
    assert not np.any(actual[1:3])


def test_a_third_person_and_absent_ones_change_nothing_between() -> None:
    poses = random_poses(2, FRAMES, 2, 5, 3)
    more = np.concatenate([poses, np.zeros_like(poses)], axis=2)
    two, four = built(2), built(4)
    four.set_weights(two.get_weights())
    assert_close(four(more), two(poses))


def test_persons_may_change_places_but_not_their_number() -> None:
    """What is between is told from the first person's side; all else is of the persons alike."""
    encoder = built(2)
    poses = random_poses(2, FRAMES, 2, 5, 3)
    size = 2 * encoder.bank.kernels
    numbers = encoder.kernel_numbers(poses)[:, :size]
    assert_close(encoder.kernel_numbers(poses[:, :, ::-1])[:, :size], numbers)
    alone = np.concatenate([poses[:, :, :1], np.zeros_like(poses[:, :, :1])], axis=2)
    assert np.abs(encoder.kernel_numbers(alone)[:, :size] - numbers).max() > 0.01


@pytest.mark.parametrize("persons", [1, 2])
def test_it_is_a_keras_model(persons: int, tmp_path: pathlib.Path) -> None:
    encoder = KernelEncoder([tiny_layout()], inputs=INPUTS, mixes=6, dims=5)
    inputs = [random_poses(2, frames, persons, 5, 3) for frames in (FRAMES, 4, 20)]
    run_layer_test(encoder, inputs, tmp_path)


def test_a_learner_survives_its_file_and_takes_no_step(tmp_path: pathlib.Path) -> None:
    learner, poses = KernelLearner(built(), seed=3), random_poses(3, FRAMES, 2, 5, 3)
    learner.build((None, *poses.shape[1:]))
    learner.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert json.dumps(copy.get_config()) == json.dumps(learner.get_config())  # JSON has no tuples
    np.testing.assert_array_equal(copy(poses), learner(poses))
    assert not learner.trainable_weights
    with pytest.raises(NotImplementedError, match="fitted in closed form"):
        learner.losses({}, np.zeros(2, np.int32))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_computes_in_single_precision_whatever_the_policy(policy: str) -> None:
    poses = random_poses(3, FRAMES, 2, 5, 3)
    expected = built()
    keras.config.set_dtype_policy(policy)
    encoder = built()
    encoder.set_weights(expected.get_weights())
    learner = KernelLearner(encoder)
    learner.build((None, *poses.shape[1:]))
    np.testing.assert_array_equal(encoder(poses), expected(poses))
    np.testing.assert_array_equal(learner(poses), expected(poses))
    assert {weight.dtype for weight in encoder.weights} == {"float32"}


def test_one_layout_alone() -> None:
    with pytest.raises(InputError, match="--layouts: --network=kernels reads one skeleton layout"):
        KernelEncoder([tiny_layout(), tiny_layout(name="other")])
