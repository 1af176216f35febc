"""A probe of a run's features as a head, fitted on its labelled training clips and calibrated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from scipy.special import log_softmax  # type: ignore[import-untyped]

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.probes import KNNProbe, LinearProbe, RidgeProbe
from ms2l_tf.evaluation.probes.ridge import ALPHAS
from ms2l_tf.evaluation.probes.sampling import KNN_CLIPS, sample
from ms2l_tf.evaluation.probes.selection import splits
from ms2l_tf.evaluation.rows import EXACT_CLIPS, held
from ms2l_tf.export.heads import LinearHead, NeighbourHead

FOLDS = 3
_SPAN = 7.0  # temperatures sought: the spread of the scores, times and over e to this
_QUERY = 1024
_TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class Head:
    """What makes classes of features.

    Attributes:
        kind: ``network``, ``ridge``, ``linear`` or ``knn``.
        layer: features [B, D] to scores [B, K].
        label_names: of the K classes, in the order of the scores.
        temperature: scores divided by it are logits.
        predict: the classes of features by the probe itself, as numbers [N]; None: of a network.
        details: what fitting decided, as JSON values.
        known: features of the labelled training clips; None: they are not at hand.
    """

    kind: str
    layer: keras.layers.Layer
    label_names: tuple[str, ...]
    temperature: float = 1.0
    predict: Callable[[np.ndarray], np.ndarray] | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    known: ClipFeatures | None = None


@dataclasses.dataclass(frozen=True)
class _Fitted:
    """A probe, the same as a layer, and what it decided."""

    layer: keras.layers.Layer
    predict: Callable[[np.ndarray], np.ndarray]
    details: dict[str, Any]


def fit_head(
    kind: str, clips: ClipFeatures, label_names: tuple[str, ...], *, k: int, c: tuple[float, ...]
) -> Head:
    """Fits the probe that evaluation reads, with the same solver, and calibrates its scores.

    Classes without a labelled clip are left out. The temperature is the one under which the
    classes of held-out training clips are the most likely, in folds that split no subject.

    Args:
        kind: ``ridge``, ``linear`` or ``knn``.
        clips: features of the labelled training clips.
        label_names: of all classes, in label order.
        k: neighbours of knn.
        c: candidates of the inverse regularisation of linear.

    Raises:
        InputError: there are no two classes, or fewer clips than neighbours.
    """
    seen, numbers = np.unique(clips.labels, return_inverse=True)
    if len(seen) < 2:
        raise InputError(
            f"--head={kind}: the {len(clips)} labelled training clips are of one class; use "
            "--head=none"
        )
    fitted = _fit(kind, clips.features, numbers, clips.groups, k, {"c": c})
    chosen: dict[str, tuple[float, ...]] = {
        name: (fitted.details[name],) for name in ("c", "alpha") if name in fitted.details
    }
    temperature, calibration = _calibrated(kind, clips, numbers, k, chosen)
    names = tuple(label_names[number] for number in seen)
    details = {**fitted.details, "training_clips": len(clips), "calibration": calibration}
    return Head(kind, fitted.layer, names, temperature, fitted.predict, details)


def _fit(
    kind: str,
    features: np.ndarray,
    numbers: np.ndarray,
    groups: np.ndarray | None,
    k: int,
    candidates: Mapping[str, tuple[float, ...]],
) -> _Fitted:
    """The probe of features [N, D] and the numbers [N], from 0, of their classes."""
    if kind == "knn":
        return _neighbours(features, numbers, k)
    if kind == "ridge":
        ridge = RidgeProbe(alphas=candidates.get("alpha", ALPHAS)).fit(features, numbers)
        return _Fitted(LinearHead.of(*ridge.affine()), ridge.predict, ridge.details())
    linear = LinearProbe(c=candidates["c"]).fit(features, numbers, groups)
    return _Fitted(LinearHead.of(*linear.affine()), linear.predict, linear.details())


def _neighbours(features: np.ndarray, numbers: np.ndarray, k: int) -> _Fitted:
    kept = sample(features, numbers, None, limit=KNN_CLIPS, seed=0)
    probe = KNNProbe(k=(k,)).fit(kept.features, kept.labels)
    layer = NeighbourHead.of(held(kept.features), kept.labels, int(numbers.max()) + 1, k)
    return _Fitted(layer, lambda query: probe.predict(query)[k], probe.details())


def _calibrated(
    kind: str,
    clips: ClipFeatures,
    numbers: np.ndarray,
    k: int,
    candidates: Mapping[str, tuple[float, ...]],
) -> tuple[float, dict[str, Any]]:
    """The temperature of a probe's scores, and how it was found."""
    folds = splits(numbers, clips.groups, FOLDS, seed=0)
    if len(clips) > EXACT_CLIPS:
        folds = folds[:1]  # as many clips as a temperature needs, and a third of the time
    held_out = []
    for fit, rest in folds:
        seen, inner = np.unique(numbers[fit], return_inverse=True)
        rest = rest[np.isin(numbers[rest], seen)]
        if len(rest):
            near = min(k, len(fit))
            layer = _fit(kind, clips.features[fit], inner, None, near, candidates).layer
            scores = np.concatenate([layer(clips.features[rows]).numpy() for rows in _parts(rest)])
            held_out.append((scores, np.searchsorted(seen, numbers[rest])))
    if not held_out:  # as with one label a class
        return 1.0, {"held_out_clips": 0}
    spread = max(float(np.std(np.concatenate([scores.ravel() for scores, _ in held_out]))), _TINY)
    found = minimize_scalar(
        lambda log: _surprise(held_out, spread * np.exp(log)),
        bounds=(-_SPAN, _SPAN),
        method="bounded",
    )
    right = [scores.argmax(axis=1) == truth for scores, truth in held_out]
    record = {
        "held_out_clips": int(sum(map(len, right))),
        "folds": len(held_out),
        "held_out_top1": 100 * float(np.concatenate(right).mean()),
        "cross_entropy": float(found.fun),
    }
    return spread * float(np.exp(found.x)), record


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + _QUERY] for start in range(0, len(rows), _QUERY)]


def _surprise(held_out: Sequence[tuple[np.ndarray, np.ndarray]], temperature: float) -> float:
    """Cross-entropy of the classes [N] under scores [N, K], mean over all clips."""
    losses = [
        -log_softmax(scores.astype(float) / temperature, axis=1)[np.arange(len(truth)), truth]
        for scores, truth in held_out
    ]
    return float(np.concatenate(losses).mean())
