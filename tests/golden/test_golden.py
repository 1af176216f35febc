"""A checkpoint written long ago still loads, and still gives what it gave.

`python -m tests.golden.make_golden` wrote `tiny.weights.h5` and `tiny.npz` with TensorFlow 2.21 and
Keras 3.15. If a test fails here, users' checkpoints or results changed: write the files anew only
for a change that is meant, and say so in the change log.
"""

from __future__ import annotations

import numpy as np
import pytest

from ms2l_tf.methods.ms2l.model import MS2L
from tests.golden.make_golden import OUTPUTS, WEIGHTS, golden_clips, golden_model, outputs
from tests.helpers import assert_close


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(OUTPUTS, allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def model() -> MS2L:
    model = golden_model()
    model.load_weights(WEIGHTS)
    return model


def test_every_weight_is_in_the_checkpoint(model: MS2L) -> None:
    """Nothing is left at its initial value: two fresh models load to the same weights."""
    other = golden_model()
    for weight in other.weights:
        weight.assign(np.full(weight.shape, 9.0))
    other.load_weights(WEIGHTS)
    for one, loaded in zip(model.weights, other.weights, strict=True):
        assert not np.any(loaded.numpy() == 9.0), loaded.path
        np.testing.assert_array_equal(one, loaded)


def test_outputs_are_what_they_were(model: MS2L, golden: dict[str, np.ndarray]) -> None:
    actual = outputs(model, golden["coords"], golden["lengths"])
    assert set(actual) | {"coords", "lengths"} == set(golden)
    for name, value in actual.items():
        assert_close(value, golden[name], 2e-5)


def test_the_clips_are_those_of_the_script(golden: dict[str, np.ndarray]) -> None:
    coords, lengths = golden_clips()
    assert_close(golden["coords"], coords, 1e-6)
    np.testing.assert_array_equal(golden["lengths"], lengths)


def test_the_files_are_small() -> None:
    assert WEIGHTS.stat().st_size < 200_000
    assert OUTPUTS.stat().st_size < 50_000
