"""Probes trained in one skeleton convention and tested in another: what alignment is worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.clip_dataset import PoseStore
from ms2l_tf.data.mapped_store import mapped
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.evaluate import clip_features, sides_of
from ms2l_tf.evaluation.features import encoder_features, raw_features
from ms2l_tf.evaluation.probes import make_probes
from ms2l_tf.evaluation.report import evaluate_features
from ms2l_tf.runs.build import build_normaliser
from ms2l_tf.runs.data import RunData
from ms2l_tf.runs.folder import RunFolder
from ms2l_tf.runs.weights import load_weights
from msclr.bridging import LEAST_SHARED, as_seen_from, bridge, shared_joints
from msclr.config import ClrConfig
from msclr.data import ClrData
from msclr.evaluation import LayoutFeatures, build_run_model
from msclr.initial import recorded_layouts
from msclr.stgcn import OneLayout

PROBES = ("linear", "knn")


def cross_metrics(
    found: Sequence[LayoutFeatures],
    config: ClrConfig,
    data: ClrData,
    probes: Sequence[str] = PROBES,
) -> dict[str, float]:
    """Top-1 of probes trained in layout a and tested in b, for all ordered pairs a != b.

    Keys: ``cross/<a>/<b>/linear/top1``, and ``floor/raw/cross/<a>/<b>/...``: the same probes on
    the raw coordinates of the joints that the two layouts share, test clips bridged to a and
    training clips of a cut down to what the two share before the one normaliser sees them.

    Args:
        found: features in each layout.
        config: the run's settings.
        data: its clips.
        probes: out of `PROBES`; none: nothing is read.
    """
    metrics: dict[str, float] = {}
    if not probes:
        return metrics
    for a in found:
        for b in found:
            if a is b:
                continue
            key = f"cross/{a.name}/{b.name}"
            metrics.update(probed(a.train, b.test, config, data, key, probes))
            numbers = data.index(a.name), data.index(b.name)
            raw = _raw_on_shared(a.train, b.test, numbers, config, data)
            if raw is not None:
                metrics.update(probed(*raw, config, data, f"floor/raw/{key}", probes))
    return metrics


def probed(
    train: ClipFeatures,
    test: ClipFeatures,
    config: ClrConfig,
    data: ClrData,
    key: str,
    probes: Sequence[str] = PROBES,
) -> dict[str, float]:
    """Top-1 of the linear and the kNN probe under ``<key>/linear/top1``, ``<key>/knn/1/top1``."""
    fitted = make_probes(probes, k=(1,), linear_c=config.probes.linear_c)
    # Classes that a layout lacks in training have been judged with its own probes.
    evaluation = evaluate_features(
        train, test, data.dataset.label_names, probes=fitted, missing_classes="count"
    )
    return {
        f"{key}/{name}": value
        for name, value in evaluation.metrics.items()
        if name.endswith("/top1")
    }


def _raw_on_shared(
    train: ClipFeatures,
    test: ClipFeatures,
    numbers: tuple[int, int],
    config: ClrConfig,
    data: ClrData,
) -> tuple[ClipFeatures, ClipFeatures] | None:
    """Raw coordinates of the joints two layouts share, all as poses of the first.

    Of the training clips of the first and the test clips of the other; None: they share too few.
    """
    home, other = (data.parts[number] for number in numbers)
    layouts = home.store.layout, other.store.layout
    pairs = shared_joints(*layouts, data.dataset.layouts, data.mappings)
    if len(pairs) < LEAST_SHARED:
        return None
    settings = dataclasses.replace(config.normaliser, persons=data.persons)
    number = {name: row for row, name in enumerate(data.dataset.names.tolist())}
    sides = []
    for side, store in zip((train, test), _crossing(home, other, data), strict=True):
        normaliser = build_normaliser(settings, store, frames=config.probes.raw_frames)
        clips = np.array([number[name] for name in np.asarray(side.names).tolist()])
        raw = raw_features(store, clips, normaliser)
        shape = (len(raw), config.probes.raw_frames, -1, layouts[0].num_joints, data.coords)
        chosen = raw.reshape(shape)[:, :, :, [pair[0] for pair in pairs]].reshape(len(raw), -1)
        sides.append(ClipFeatures(chosen, side.labels, names=side.names, groups=side.groups))
    return sides[0], sides[1]


def _crossing(home: RunData, other: RunData, data: ClrData) -> tuple[PoseStore, PoseStore]:
    """What a probe that crosses is trained and tested on, all as poses of `home`.

    The training poses of `home` are cut down to what it shares with `other`, whose test poses are
    bridged to it.
    """
    if other is home:
        return home.store, home.store
    known = (data.dataset.layouts, data.mappings)
    mine, its = home.store.layout, other.store.layout
    return (
        mapped(home.store, as_seen_from(mine, its, *known)),
        mapped(other.store, bridge(its, mine, *known)),
    )


def bridged_metrics(
    folder: RunFolder[ClrConfig],
    config: ClrConfig,
    data: ClrData,
    test_on: str,
    prefix: str,
    *,
    raw: bool = False,
) -> dict[str, float]:
    """An encoder reads layouts it has not learnt, as poses of one that it has.

    Poses of another layout are bridged (see `msclr.bridging.bridge`) to the first layout of the
    run; the probe is trained on the training clips there, cut down to what the two layouts share,
    and tested on the bridged test clips.
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
    model = build_run_model(folder, config, data.of([home]))
    load_weights(model, folder.weights)
    encoder = OneLayout(model.encoder, 0)
    metrics: dict[str, float] = {}
    for other, name in enumerate(data.names):
        train, test = _encoded(folder, encoder, config, data, (home, other), test_on)
        key = f"{prefix}/{data.names[home]}/{name}"
        metrics.update(probed(train, test, config, data, key))
        floor = _raw_on_shared(train, test, (home, other), config, data) if raw else None
        if floor is not None:
            metrics.update(probed(*floor, config, data, f"floor/raw/{key}"))
    return metrics


def _encoded(
    folder: RunFolder[ClrConfig],
    encoder: OneLayout,
    config: ClrConfig,
    data: ClrData,
    layouts: tuple[int, int],
    test_on: str,
) -> list[ClipFeatures]:
    """Features, as poses of layout `layouts[0]`, of a probe that crosses to layout `layouts[1]`.

    Training clips are read from the first, test clips from the second.
    """
    home, other = (data.parts[number] for number in layouts)
    settings = dataclasses.replace(config.normaliser, persons=data.persons)
    train_on, found = config.data.train_on, []
    for side, (part, store) in enumerate(
        zip((home, other), _crossing(home, other, data), strict=True)
    ):
        rows = sides_of(folder, config, part, train_on=train_on, test_on=test_on)[side]
        normaliser = build_normaliser(settings, store)
        features = encoder_features(encoder, store, rows, normaliser, pooling="mean")
        what = ("training", "test")[side]
        found.append(clip_features(home, features, rows, f"{what} features in {home.layout}"))
    return found
