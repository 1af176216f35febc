"""A finished run in memory: its network with its weights, and what clips go through before it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import warnings
from collections.abc import Collection, Iterator
from typing import Any

import keras
import numpy as np

from ms2l_tf.api.clips import Clips, checked_clips, dataset_clips, opened, store_of
from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.normaliser import METRES, Normaliser
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.data.records import UNITS, Axes
from ms2l_tf.data.run_data import build_normaliser
from ms2l_tf.errors import InputError
from ms2l_tf.methods.base import Learner
from ms2l_tf.networks.base import Network
from ms2l_tf.runs.build import build_learner
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.initial import finished_run
from ms2l_tf.runs.record import recorded_layouts, recorded_normalisers, recorded_shape
from ms2l_tf.runs.weights import load_weights
from ms2l_tf.settings.config import POOLINGS, RunConfig
from ms2l_tf.skeletons.layout import SkeletonLayout, load_layout


@dataclasses.dataclass(frozen=True)
class LoadedRun:
    """What makes features of clips in one of a run's layouts.

    Attributes:
        folder: of the run.
        config: its settings.
        network: with the weights of the last epoch.
        number: of the layout among those of the network.
        layout: that clips are in.
        normaliser: as the run was trained.
        told: the layout as the run was told, which may be a mapping.
        coords: C.
        pooling: frames to one vector.
        learner: whose network it is.
    """

    folder: RunFolder
    config: RunConfig
    network: Network
    number: int
    layout: SkeletonLayout
    normaliser: Normaliser
    told: str
    coords: int
    pooling: str
    learner: Learner

    def read(
        self, clips: Clips, indices: Any = None, *, unit: str | None = None, axes: Any = None
    ) -> tuple[PoseStore, np.ndarray, Normaliser]:
        """The clips as the pipeline wants them: poses, which of them, and their normaliser.

        Args:
            clips: arrays, or a dataset.
            indices: of some clips of a dataset; None: all.
            unit: of arrays, where it is not that of the training data.
            axes: of arrays, likewise.

        Raises:
            InputError: they do not fit the run.
        """
        dataset = opened(clips)
        if dataset is not None:
            if unit is not None or axes is not None:
                raise InputError("unit, axes: a dataset has its own; they belong to arrays")
            return self._of_dataset(dataset, indices)
        if indices is not None:
            raise InputError("indices: belong to a dataset; give the arrays that are wanted")
        poses = checked_clips(clips, self.layout, self.coords, f"run {self.folder.path}")
        most, kept = max((clip.coords.shape[1] for clip in poses), default=0), self.persons
        if most > kept:
            warnings.warn(
                f"clips have up to {most} persons; run {self.folder.path} reads {kept}, those "
                "seen first in their order",
                stacklevel=4,
            )
        store = store_of(poses, self.layout, self.coords)
        return store, np.arange(len(poses)), self._normaliser_for(unit, axes)

    @property
    def persons(self) -> int:
        """M."""
        return int(self.normaliser.persons)

    def _of_dataset(
        self, dataset: ClipDataset, indices: Any
    ) -> tuple[PoseStore, np.ndarray, Normaliser]:
        known = self.layout.name in dataset.layouts
        told = self.layout.name if known else self.told
        store, rows = dataset_clips(
            dataset, told, self.layout, self.coords, indices, f"run {self.folder.path}"
        )
        return store, rows, build_normaliser(self.config.normaliser, store, persons=self.persons)

    def _normaliser_for(self, unit: str | None, axes: Any) -> Normaliser:
        config = self.normaliser.get_config()
        if unit is not None:
            if unit not in UNITS:
                raise InputError(f"unit: '{unit}' is not one of {', '.join(UNITS)}")
            config["unit_scale"] = METRES.get(unit, 1.0)
        if axes is not None:
            if not isinstance(axes, Axes) or self.coords == 2:
                raise InputError(f"axes: {axes!r}; expected Axes, of poses with 3 coordinates")
            config["axes"] = axes.matrix.tolist()
        return Normaliser.from_config(config)


def load_run(
    run: str | os.PathLike[str],
    *,
    layout: str | SkeletonLayout | None = None,
    pooling: str | None = None,
) -> LoadedRun:
    """Opens a finished run; its dataset is not needed.

    Args:
        run: its folder.
        layout: one of its layouts, or its id; None: its reference. A run of the semantic points
            reads any other too, by its packaged id or file.
        pooling: frames to one vector; None: as the run was trained.

    Raises:
        InputError: it is unfinished or damaged, or cannot read the layout.
    """
    folder = finished_run(os.fspath(run), "run")
    config, normalisers = folder.config(), recorded_normalisers(folder)
    wanted = _wanted_layout(folder, config, layout, normalisers)
    how = config.probes.pooling if pooling is None else pooling
    if how not in POOLINGS:
        raise InputError(f"pooling: '{how}' is not one of {', '.join(POOLINGS)}")
    shape, number = recorded_shape(folder).reading(wanted)
    with globals_kept():
        learner = build_learner(config, shape)
        load_weights(learner, folder.weights)
    told: dict[str, str] = {}
    if "datasets" not in folder.record():  # else each has had its own of them
        told = dict(zip(normalisers, config.data.layouts, strict=False))
    return LoadedRun(
        folder,
        config,
        learner.reader,
        number,
        wanted,
        normalisers.get(wanted.name) or next(iter(normalisers.values())).of_layout(wanted),
        told.get(wanted.name, wanted.name),
        shape.coords,
        how,
        learner,
    )


def _wanted_layout(
    folder: RunFolder,
    config: RunConfig,
    layout: str | SkeletonLayout | None,
    names: Collection[str],
) -> SkeletonLayout:
    """The layout asked for, out of `names` of the run's own or, of the semantic points, any."""
    known = {own.name: own for own in recorded_layouts(folder) if own.name in names}
    if isinstance(layout, SkeletonLayout):
        name, joints = layout.name, layout.joints
    else:
        name, joints = layout or next(iter(names)), ()
    if name in known and joints in ((), known[name].joints):
        return known[name]
    if name in known:
        raise InputError(f"layout: '{name}' has other joints in run {folder.path}; rename it")
    if config.model.joints == "semantic":
        return layout if isinstance(layout, SkeletonLayout) else load_layout(name)
    raise InputError(f"layout: '{name}' is not one of {', '.join(names)} ({folder.path})")


@contextlib.contextmanager
def globals_kept() -> Iterator[None]:
    """Leaves the caller's precision and random state as they were, but for TensorFlow's seed."""
    policy, python, numpy = keras.config.dtype_policy(), random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(python)
        np.random.set_state(numpy)
