"""Late fusion of linear heads: over the layouts of one run, and over runs of several streams."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.metrics import score
from ms2l_tf.evaluation.probes import LinearProbe
from msclr.config import ClrConfig
from msclr.evaluation import LayoutFeatures
from msclr.fusion import THREE_STREAM, fuse


def linear_logits(one: LayoutFeatures, config: ClrConfig, classes: int) -> np.ndarray:
    """Logits of a linear head on the features of one layout: [N, K] of the test clips.

    Each row is normalised (log-probabilities), which changes no sum's order.
    """
    known = one.train.labelled
    groups = None if one.train.groups is None else one.train.groups[known]
    probe = LinearProbe(c=config.probes.linear_c)
    probe.fit(one.train.features[known], one.train.labels[known], groups)
    logits = np.full((len(one.test), classes), -np.inf)
    logits[:, probe.classes] = probe.log_probabilities(one.test.features)
    return logits


def ensemble_metrics(logits: Mapping[str, np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """``ensemble/linear/top1``: the heads of all layouts, averaged.

    Args:
        logits: by layout, [N, K] of the same clips.
        labels: [N].
    """
    return {"ensemble/linear/top1": _top1(fuse(logits), labels)}


def stream_metrics(
    streams: Mapping[str, Mapping[str, np.ndarray]],
    reference: str,
    test: ClipFeatures,
    rows: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Three-stream fusion 0.6 joint, 0.6 bone, 0.4 motion; and with all layouts of each.

    Args:
        streams: by stream, by layout: logits [N, K].
        reference: layout of ``fusion/linear/top1``; ``fusion/ensemble/linear/top1`` averages
            over the layouts first.
        test: labels of the reference layout's test clips.
        rows: by layout: of its test clips, those that all layouts have; empty if there are none.

    Raises:
        InputError: a stream is unknown.
    """
    for name in streams:
        if name not in THREE_STREAM:
            raise InputError(f"--streams: '{name}' is not one of {', '.join(THREE_STREAM)}")
    weights = {name: THREE_STREAM[name] for name in streams}
    one = {name: by_layout[reference] for name, by_layout in streams.items()}
    metrics = {"fusion/linear/top1": _top1(fuse(one, weights), test.labels)}
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
