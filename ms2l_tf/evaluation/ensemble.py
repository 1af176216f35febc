"""Late fusion of linear heads: over the layouts of one run, and over runs of several streams."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.fusion import THREE_STREAM, fuse
from ms2l_tf.evaluation.layout_features import LayoutFeatures
from ms2l_tf.evaluation.metrics import score
from ms2l_tf.evaluation.probes import LinearProbe
from ms2l_tf.settings.config import RunConfig


def linear_logits(features: LayoutFeatures, config: RunConfig, classes: int) -> np.ndarray:
    """Logits of a linear head on the features of one layout: [N, K] of the test clips.

    Each row is normalised (log-probabilities), which changes no sum's order.
    """
    known = features.train.labelled
    groups = None if features.train.groups is None else features.train.groups[known]
    probe = LinearProbe(c=config.probes.linear_c)
    probe.fit(features.train.features[known], features.train.labels[known], groups)
    logits = np.full((len(features.test), classes), -np.inf)
    logits[:, probe.classes] = probe.log_probabilities(features.test.features)
    return logits


def ensemble_metrics(logits: Mapping[str, np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """``ensemble/linear/top1``: the heads of all layouts, averaged.

    Args:
        logits: by layout, [N, K] of the same clips.
        labels: [N].
    """
    return {"ensemble/linear/top1": _top1(fuse(logits), labels)}


def check_stream(run: str | os.PathLike[str], stream: str) -> None:
    """Refuses to fuse a run that is fed with something else than one of the three streams.

    Raises:
        InputError: it is.
    """
    if stream not in THREE_STREAM:
        raise InputError(
            f"--streams: {run} was trained with --inputs={stream.replace('+', ',')}; fuse runs of "
            f"{', '.join(THREE_STREAM)}, one each"
        )


def stream_metrics(
    streams: Mapping[str, Mapping[str, np.ndarray]],
    reference: str,
    test: ClipFeatures,
    rows: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Three-stream fusion 0.6 joint, 0.6 bone, 0.4 motion; and with all layouts of each.

    Args:
        streams: by stream (see `check_stream`), by layout: logits [N, K].
        reference: layout of ``fusion/linear/top1``; ``fusion/ensemble/linear/top1`` averages
            over the layouts first.
        test: labels of the reference layout's test clips.
        rows: by layout: of its test clips, those that all layouts have; empty if there are none.
    """
    weights = {name: THREE_STREAM[name] for name in streams}
    of_reference = {name: by_layout[reference] for name, by_layout in streams.items()}
    metrics = {"fusion/linear/top1": _top1(fuse(of_reference, weights), test.labels)}
    if rows and all(len(by_layout) > 1 for by_layout in streams.values()):
        means = {
            name: fuse({layout: by_layout[layout][rows[layout]] for layout in by_layout})
            for name, by_layout in streams.items()
        }
        labels = test.labels[rows[reference]]
        metrics["fusion/ensemble/linear/top1"] = _top1(fuse(means, weights), labels)
    return metrics


def _top1(logits: np.ndarray, labels: np.ndarray) -> float:
    return score(labels, logits.argmax(axis=1), logits.shape[1]).top1
