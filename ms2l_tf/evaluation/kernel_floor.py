"""The kernels floor: the closed-form encoder, fitted on the clips that a run was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ms2l_tf.data.run_data import RunData, build_normaliser
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.features import encoder_features
from ms2l_tf.evaluation.sides import Sides
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.registry import closed_form, run_config
from ms2l_tf.runs.build import build_learner, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig

# Of the encoder; all else is what the method takes by itself.
SETTINGS: dict[str, Any] = {"method": "kernels"}


def kernel_features(
    folder: RunFolder, config: RunConfig, data: RunData, number: int, sides: Sides
) -> Sides:
    """Features of some clips by the closed-form encoder of one layout.

    It has the default settings, but the run's seed and the run's rotation and scale of poses; it is
    fitted, without a label, on all the clips that the run was trained on.

    Args:
        folder: the run, for errors.
        config: its settings.
        data: its clips in all its layouts.
        number: of the layout.
        sides: training and test clips [N], [N'], maybe none.

    Returns:
        [N, D] and [N', D] float32.

    Raises:
        InputError: there are fewer than two clips to fit on.
    """
    own, clips = kernel_config(config, data), of_layout(config, data, number)
    if len(fitted_on(config, data, number)) < 2:
        raise InputError(f"{folder.path}: kernels tell clips apart; it was trained on fewer than 2")
    learner = fitted_learner(own, clips)
    train, test = (encoded(learner, clips, side) for side in sides)
    return train, test


def kernel_config(config: RunConfig, data: RunData) -> RunConfig:
    """Settings of the closed-form encoder that is fitted beside a run.

    Args:
        config: settings of the run.
        data: its clips.
    """
    poses, clips, training = config.normaliser, config.data, config.training
    taken_over = {
        "data": clips.data,
        "split": clips.split,
        "validation": clips.validation,
        "train_on": clips.train_on,
        "rotation": poses.rotation,
        "scale": poses.scale,
        "persons": data.persons,
        "seed": training.seed,
        "precision": training.precision,  # a setting of all of Keras; kernels are single anyway
    }
    return run_config({**SETTINGS, **taken_over})


def of_layout(config: RunConfig, data: RunData, number: int) -> RunData:
    """A run's clips in one layout, normalised as the closed-form encoder reads them."""
    part = data.parts[number]
    normaliser = build_normaliser(kernel_config(config, data).normaliser, part.store)
    return RunData((part,), (normaliser,), data.mappings)


def fitted_on(config: RunConfig, data: RunData, number: int) -> np.ndarray:
    """The clips [N] of a layout that the encoder is fitted on."""
    return data.parts[number].trained(config.data.train_on)


def fitted_learner(config: RunConfig, clips: RunData) -> Learner:
    """The closed-form encoder, fitted.

    Args:
        config: of `kernel_config`.
        clips: of `of_layout`.
    """
    fit = closed_form(config)
    assert fit is not None, "the method is solved in closed form"
    learner = build_learner(config, run_shape(config, clips))
    fit(config, clips, learner)
    return learner


def encoded(learner: Learner, clips: RunData, rows: np.ndarray) -> np.ndarray:
    """Features [N, D] of some clips."""
    store, normaliser = clips.reference.store, clips.normalisers[0]
    return encoder_features(learner.encoder, store, rows, normaliser, pooling="mean")
