"""The raw floor: normalised coordinates read as they are asked for, and where its numbers stay."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ms2l_tf.data.clip_dataset import PoseStore
from ms2l_tf.data.normaliser import Normaliser
from ms2l_tf.data.run_data import LayoutClips, build_normaliser
from ms2l_tf.evaluation.features import raw_rows
from ms2l_tf.evaluation.floor_cache import FOLDER, FloorCache, clips_digest
from ms2l_tf.evaluation.rows import LazyRows
from ms2l_tf.settings.config import NormaliserConfig


@dataclass(frozen=True, eq=False)
class LazyFloor:
    """A floor's features of the training and the test clips.

    Attributes:
        sides: features [N, D] of the two, computed when read.
        cache: where the outcome of their probes is kept.
    """

    sides: tuple[LazyRows, LazyRows]
    cache: FloorCache


def raw_floor(
    run: pathlib.Path,
    data: LayoutClips,
    clips: tuple[np.ndarray, np.ndarray],
    settings: NormaliserConfig,
    frames: int,
) -> LazyFloor:
    """The raw floor of one layout.

    Args:
        run: its folder, for a dataset folder that cannot be written.
        data: its clips.
        clips: training and test clips.
        settings: of the normaliser.
        frames: that clips are resampled to.
    """
    facts = {"data": data.fingerprint, "split": data.split, "layouts": [data.layout]}
    return raw_floor_of(run, data, (data.store, data.store), clips, settings, frames, facts=facts)


def raw_floor_of(
    run: pathlib.Path,
    data: LayoutClips,
    stores: tuple[PoseStore, PoseStore],
    clips: tuple[np.ndarray, np.ndarray],
    settings: NormaliserConfig,
    frames: int,
    *,
    facts: dict[str, Any],
    joints: Sequence[int] = (),
) -> LazyFloor:
    """The raw floor of training and test clips that are read from two stores.

    Args:
        run: see `raw_floor`.
        data: of the dataset the clips are from.
        stores: poses of the training and of the test clips.
        clips: training and test clips.
        settings: of the normaliser.
        frames: that clips are resampled to.
        facts: what identifies the contents of the stores, as JSON values.
        joints: those to keep; none: all.
    """
    normalisers = [build_normaliser(settings, store, frames=frames) for store in stores]
    names = data.dataset.names
    train, test = (
        raw_rows(store, side, normaliser, joints=joints, what=what, names=names[side])
        for store, side, normaliser, what in zip(
            stores, clips, normalisers, ("raw training features", "raw test features"), strict=True
        )
    )
    cache = FloorCache(
        {
            "dataset": data.dataset.fingerprint,
            **facts,
            "joints": [int(joint) for joint in joints],
            "clips": clips_digest(*clips),
            "normalisation": [_settings(normaliser) for normaliser in normalisers],
        },
        (data.dataset.path / FOLDER, run / FOLDER),
    )
    return LazyFloor((train, test), cache)


def _settings(normaliser: Normaliser) -> dict[str, Any]:
    """All that decides what a normaliser makes of poses, frames among it."""
    config = normaliser.get_config()
    return {name: value for name, value in config.items() if name != "name"}
