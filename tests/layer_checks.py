"""What every Keras object of the project has to stand: configuration and file round trips."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tests.helpers import assert_close


def randomised(model: keras.Model) -> keras.Model:
    """Weights that no initialiser gives, so that a copy which draws anew is found out."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        if "float" in str(weight.dtype):
            weight.assign(np.abs(random.normal(0.3, 0.2, weight.shape)))
    return model


def run_layer_test(
    model: keras.Model, inputs: Sequence[np.ndarray], path: pathlib.Path, **call: Any
) -> keras.Model:
    """Checks shapes, `get_config`, `from_config` and a ``.keras`` file.

    Args:
        model: not built yet.
        inputs: of several batch and time sizes; it is built for the first.
        path: folder for the file.
        **call: arguments of the calls.

    Returns:
        The model that was read from the file.
    """
    model.build((None, *inputs[0].shape[1:]))
    config = model.get_config()
    assert type(model).from_config(config).get_config() == config
    randomised(model)
    outputs = [np.asarray(model(each, **call)) for each in inputs]
    for each, output in zip(inputs, outputs, strict=True):
        assert output.shape == tuple(model.compute_output_shape(each.shape)), "output shape"
    model.save(path / "model.keras")
    copy = keras.saving.load_model(path / "model.keras")
    assert type(copy) is type(model)
    assert json.dumps(copy.get_config()) == json.dumps(config)  # JSON knows no tuples
    for each, output in zip(inputs, outputs, strict=True):
        assert_close(np.asarray(copy(each, **call)), output, 1e-6)
    return copy
