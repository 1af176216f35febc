"""The kernels floor: the closed-form encoder, fitted on the clips that a run was trained on."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ms2l_tf.data.run_data import RunData, build_normaliser
from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.features import encoder_features
from ms2l_tf.evaluation.floor_cache import FOLDER, FloorCache, clips_digest
from ms2l_tf.evaluation.raw_floor import LazyFloor
from ms2l_tf.evaluation.rows import LazyRows
from ms2l_tf.evaluation.sides import Sides
from ms2l_tf.methods.base import Learner
from ms2l_tf.methods.registry import closed_form, run_config
from ms2l_tf.runs.build import build_learner, run_shape
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.settings.config import RunConfig

# Of the encoder; all else is what the method takes by itself.
SETTINGS: dict[str, Any] = {"method": "kernels"}
# No number depends on them.
_ELSEWHERE = ("data", "precision")


@dataclasses.dataclass(frozen=True, eq=False)
class BesideRun:
    """The closed-form encoder beside a run, in one layout; fitted when it is first asked for.

    It has the default settings, but the run's seed and the run's rotation and scale of poses. It is
    fitted, without a label, on all the clips that the run was trained on.

    Attributes:
        config: its settings.
        data: the run's clips in the layout, normalised as it reads them.
        told: called with a line before the encoder is fitted.
    """

    config: RunConfig
    data: RunData
    told: Callable[[str], None] = lambda _: None

    @property
    def clips(self) -> np.ndarray:
        """Those it is fitted on: [N]."""
        return self.data.reference.trained(self.config.data.train_on)

    @functools.cached_property
    def learner(self) -> Learner:
        """The encoder, fitted."""
        self.told(f"fitting kernels on {len(self.clips)} clips in {self.data.reference.layout}")
        fit = closed_form(self.config)
        assert fit is not None, "the method is solved in closed form"
        learner = build_learner(self.config, run_shape(self.config, self.data))
        fit(self.config, self.data, learner)
        return learner

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Features [N, D] of some clips, maybe none."""
        store, normaliser = self.data.reference.store, self.data.normalisers[0]
        return encoder_features(self.learner.encoder, store, rows, normaliser, pooling="mean")


def beside_run(
    config: RunConfig, data: RunData, number: int, told: Callable[[str], None] = lambda _: None
) -> BesideRun:
    """The closed-form encoder beside a run, not fitted yet.

    Args:
        config: settings of the run.
        data: its clips in all its layouts.
        number: of the layout.
        told: see `BesideRun`.
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
    own, part = run_config({**SETTINGS, **taken_over}), data.parts[number]
    normaliser = build_normaliser(own.normaliser, part.store)
    return BesideRun(own, RunData((part,), (normaliser,), data.mappings), told)


def kernel_features(
    folder: RunFolder, config: RunConfig, data: RunData, number: int, sides: Sides
) -> Sides:
    """Features of some clips by the closed-form encoder, see `BesideRun`.

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
    kernels = beside_run(config, data, number)
    if len(kernels.clips) < 2:
        raise InputError(f"{folder.path}: was trained on one clip; kernels tell clips apart")
    train, test = (kernels.features(side) for side in sides)
    return train, test


def left_out(config: RunConfig, data: RunData, number: int) -> str:
    """Why a run has no kernels floor in a layout; empty: it has one."""
    kernels = beside_run(config, data, number)
    if len(kernels.clips) < 2:
        return "it tells clips apart, and the run was trained on one"
    return "the run is that encoder itself" if _is_the_same(config, kernels.config, data) else ""


def _is_the_same(config: RunConfig, own: RunConfig, data: RunData) -> bool:
    if config.reads_labels:
        return False
    poses = dataclasses.replace(config.normaliser, persons=data.persons)
    mine = (poses, config.model, config.network, config.own)
    return mine == (own.normaliser, own.model, own.network, own.own)


def kernel_floor(
    folder: RunFolder,
    config: RunConfig,
    data: RunData,
    number: int,
    sides: Sides,
    told: Callable[[str], None],
) -> LazyFloor | None:
    """The kernels floor of one layout; None where there is none, see `left_out`.

    Args:
        folder: the run.
        config: its settings.
        data: its clips in all its layouts.
        number: of the layout.
        sides: training and test clips.
        told: called with a line before the encoder is fitted, which no kept floor needs.
    """
    if left_out(config, data, number):
        return None
    kernels, part = beside_run(config, data, number, told), data.parts[number]
    settings = kernels.config.to_json()
    names = part.dataset.names

    def rows(side: np.ndarray, what: str) -> LazyRows:
        def read(some: np.ndarray) -> np.ndarray:
            return kernels.features(side[some])

        dims = int(settings["dims"])
        return LazyRows(read, len(side), dims, what=f"kernel {what} features", names=names[side])

    normaliser = kernels.data.normalisers[0].get_config()
    cache = FloorCache(
        {
            "dataset": part.dataset.fingerprint,
            "data": part.fingerprint,
            "split": part.split,
            "layouts": [part.layout],
            "clips": clips_digest(kernels.clips, *sides),
            "normalisation": {key: normaliser[key] for key in normaliser if key != "name"},
            "kernels": {key: settings[key] for key in settings if key not in _ELSEWHERE},
        },
        (part.dataset.path / FOLDER, folder.path / FOLDER),
    )
    return LazyFloor((rows(sides[0], "training"), rows(sides[1], "test")), cache)
