"""Probes trained in one skeleton convention and tested in another: what alignment is worth."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ms2l_tf.data.clip_dataset import PoseStore
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.data.run_data import LayoutClips, RunData, build_normaliser
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.features import encoder_features
from ms2l_tf.evaluation.layout_features import LayoutFeatures, trained_learner
from ms2l_tf.evaluation.probes import make_probes
from ms2l_tf.evaluation.raw_floor import LazyFloor, raw_floor_of
from ms2l_tf.evaluation.report import evaluate_features
from ms2l_tf.evaluation.sides import clip_features, sides_of
from ms2l_tf.networks.base import Network
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.record import recorded_layouts
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.skeletons.bridging import LEAST_SHARED, as_seen_from, bridge, shared_joints
from ms2l_tf.skeletons.mapping import JointMapping

PROBES = ("linear", "knn")


def cross_metrics(
    folder: RunFolder,
    features: Sequence[LayoutFeatures],
    config: RunConfig,
    data: RunData,
    probes: Sequence[str] = PROBES,
) -> dict[str, float]:
    """Top-1 of probes trained in layout a and tested in b, for all ordered pairs a != b.

    Keys: ``cross/<a>/<b>/linear/top1``, and ``floor/raw/cross/<a>/<b>/...``: the same probes on
    the raw coordinates of the joints that the two layouts share, test clips bridged to a and
    training clips of a cut down to what the two share before the one normaliser sees them.

    Args:
        folder: the run.
        features: of the run, in each layout.
        config: the run's settings.
        data: its clips.
        probes: out of `PROBES`; none: nothing is read.
    """
    metrics: dict[str, float] = {}
    if not probes:
        return metrics
    for a in features:
        for b in features:
            if a is b:
                continue
            key = f"cross/{a.name}/{b.name}"
            numbers = data.index(a.name), data.index(b.name)
            raw = raw_on_shared(folder.path, a.train, b.test, numbers, config, data)
            metrics.update(probed(a.train, b.test, config, data, key, raw, probes))
    return metrics


def probed(
    train: ClipFeatures,
    test: ClipFeatures,
    config: RunConfig,
    data: RunData,
    key: str,
    raw: LazyFloor | None = None,
    probes: Sequence[str] = PROBES,
) -> dict[str, float]:
    """Top-1 of the linear and the kNN probe under ``<key>/linear/top1``, ``<key>/knn/1/top1``.

    Those on raw coordinates of the same clips are under ``floor/raw/<key>/...``. Copies among the
    test clips are not told apart.
    """
    fitted = make_probes(probes, k=(1,), linear_c=config.probes.linear_c)
    # Classes that a layout lacks in training have been judged with its own probes.
    evaluation = evaluate_features(
        train,
        dataclasses.replace(test, copies=None),
        data.dataset.label_names,
        probes=fitted,
        floors={} if raw is None else {"raw": raw.sides},
        kept={} if raw is None else {"raw": raw.cache},
        missing_classes="count",
    )
    floor = "floor/raw/"
    return {
        f"{floor}{key}/{name[len(floor) :]}" if name.startswith(floor) else f"{key}/{name}": value
        for name, value in evaluation.metrics.items()
        if name.endswith("/top1")
    }


def raw_on_shared(
    run: pathlib.Path,
    train: ClipFeatures,
    test: ClipFeatures,
    numbers: tuple[int, int],
    config: RunConfig,
    data: RunData,
) -> LazyFloor | None:
    """Raw coordinates of the joints two layouts share, all as poses of the first.

    Of the training clips of the first and the test clips of the other; None: they share too few.
    """
    home, other = (data.parts[number] for number in numbers)
    layouts = home.store.layout, other.store.layout
    pairs = shared_joints(*layouts, data.dataset.layouts, data.mappings)
    if len(pairs) < LEAST_SHARED:
        return None
    number = {name: row for row, name in enumerate(data.dataset.names.tolist())}
    train_clips, test_clips = (
        np.array([number[name] for name in np.asarray(side.names).tolist()])
        for side in (train, test)
    )
    return raw_floor_of(
        run,
        home,
        _crossing(home, other, data),
        (train_clips, test_clips),
        dataclasses.replace(config.normaliser, persons=data.persons),
        config.probes.raw_frames,
        facts=_crossing_facts(home, other, data),
        joints=[pair[0] for pair in pairs],
    )


def _crossing_facts(home: LayoutClips, other: LayoutClips, data: RunData) -> dict[str, Any]:
    """What identifies the poses of `_crossing`."""
    return {
        "data": [home.fingerprint, other.fingerprint],
        "split": home.split,
        "layouts": [home.layout, other.layout],
        "mappings": [mapping.checksum for mapping in _crossing_mappings(home, other, data)],
    }


def _crossing(home: LayoutClips, other: LayoutClips, data: RunData) -> tuple[PoseStore, PoseStore]:
    """What a probe that crosses is trained and tested on, all as poses of `home`.

    The training poses of `home` are cut down to what it shares with `other`, whose test poses are
    bridged to it.
    """
    if other is home:
        return home.store, home.store
    of_home, of_other = _crossing_mappings(home, other, data)
    return mapped(home.store, of_home), mapped(other.store, of_other)


def _crossing_mappings(home: LayoutClips, other: LayoutClips, data: RunData) -> list[JointMapping]:
    """Of training poses of `home` and test poses of `other`; none where the two are one."""
    if other is home:
        return []
    known = (data.dataset.layouts, data.mappings)
    target, source = home.store.layout, other.store.layout
    return [as_seen_from(target, source, *known), bridge(source, target, *known)]


def bridged_metrics(
    folder: RunFolder,
    config: RunConfig,
    data: RunData,
    test_on: str,
    prefix: str,
    *,
    raw: bool = False,
) -> dict[str, float]:
    """An encoder reads layouts it has not learnt, as poses of one that it has.

    Poses of another layout are bridged (see `ms2l_tf.skeletons.bridging.bridge`) to the first
    layout of the run; the probe is trained on the training clips there, cut down to what the two
    layouts share, and tested on the bridged test clips.
    Keys: ``<prefix>/<first>/<other>/linear/top1``.

    Args:
        folder: the run whose encoder reads; trained without labels on the same dataset and split.
        config: its settings.
        data: clips in its first layout, which is one of these, and in the others to read.
        test_on: ``test`` or ``validation``.
        prefix: of the keys, such as ``floor/single/cross``.
        raw: also the same probes on raw coordinates of the shared joints, under ``floor/raw/...``.

    Raises:
        InputError: `data` lacks the run's first layout.
    """
    home = data.index(recorded_layouts(folder)[0].name)
    encoder = trained_learner(folder, config, data.of([home])).reader
    metrics: dict[str, float] = {}
    for other, name in enumerate(data.names):
        train, test = _encoded(folder, encoder, config, data, (home, other), test_on)
        key = f"{prefix}/{data.names[home]}/{name}"
        floor = None
        if raw:
            numbers = (home, other)
            floor = raw_on_shared(folder.path, train, test, numbers, config, data)
        metrics.update(probed(train, test, config, data, key, floor))
    return metrics


def _encoded(
    folder: RunFolder,
    encoder: Network,
    config: RunConfig,
    data: RunData,
    layouts: tuple[int, int],
    test_on: str,
) -> list[ClipFeatures]:
    """Features, as poses of layout `layouts[0]`, of a probe that crosses to layout `layouts[1]`.

    Training clips are read from the first, test clips from the second.
    """
    home, other = (data.parts[number] for number in layouts)
    settings = dataclasses.replace(config.normaliser, persons=data.persons)
    features = []
    for side, (part, store) in enumerate(
        zip((home, other), _crossing(home, other, data), strict=True)
    ):
        rows = sides_of(folder, config, part, test_on)[side]
        normaliser = build_normaliser(settings, store)
        pooling = config.probes.pooling
        values = encoder_features(encoder, store, rows, normaliser, pooling=pooling)
        what = ("training", "test")[side]
        features.append(clip_features(home, values, rows, f"{what} features in {home.layout}"))
    return features
