"""Runs all probes on the features and on the floors: the numbers of one evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures, FloatArray, IntArray, check_features
from ms2l_tf.evaluation.floor_cache import FloorCache, KeptFloor
from ms2l_tf.evaluation.metrics import Scores, confusion_matrix, score, score_counts
from ms2l_tf.evaluation.probes import Probe, make_probes
from ms2l_tf.evaluation.rows import Features, LazyRows, blocks, take

Progress = Callable[[str, float], None]

# What a probe is not fitted on; see `probes.sgd.published_probe`.
NO_FLOOR = {"floor/raw/linear_published", "floor/kernels/linear_published"}


@dataclass(frozen=True, eq=False)
class FeatureEvaluation:
    """The outcome of `evaluate_features`.

    Attributes:
        metrics: percent, by key: `linear/top1`, `knn/5/mean_per_class`, `floor/raw/svm/top1`, ...;
            where some test clips are copies, `linear/others_top1`, ... of those that are none.
        timing: seconds to fit and predict, by key: `linear`, `floor/raw/knn`, ...
        details: clip counts and, under "probes", what every probe decided (chosen c, PCA,
            Nystroem, ..., and a "note" where it is not the exact fit on all clips), as JSON
            values; "test_copies" of the labelled test clips are copies, if that is known;
            "kept_floors" are those that were not computed anew.
        scores: all scores with their confusion matrices, by key: `linear`, `knn/5`, ...
        predictions: predicted classes of all test clips, labelled or not, by the same keys; kept
            floors have none.
        others: confusion matrices of the test clips that are no copies, by the same keys; none
            without copies.
    """

    metrics: dict[str, float]
    timing: dict[str, float]
    details: dict[str, Any]
    scores: dict[str, Scores]
    predictions: dict[str, IntArray]
    others: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)


def evaluate_features(
    train: ClipFeatures,
    test: ClipFeatures,
    label_names: Sequence[str],
    *,
    probes: Sequence[Probe] | None = None,
    floors: Mapping[str, tuple[Features, Features]] | None = None,
    kept: Mapping[str, FloorCache] | None = None,
    missing_classes: Literal["error", "count"] = "error",
    progress: Progress | None = None,
) -> FeatureEvaluation:
    """Fits every probe on the training clips and scores it on the test clips.

    Unlabelled clips are left out of training and of the scores, and counted in `details`.

    Args:
        train: features [N, D] of the training clips, with labels and maybe groups.
        test: features [N', D] of the test clips, and maybe which are copies of training clips.
        label_names: names of the K classes.
        probes: by default kNN (1, 5, 20), linear, ridge and RBF SVM.
        floors: by name ("raw", "random"), training and test features of the same clips in the
            same order; they get the same probes.
        kept: by floor, where its outcome is kept from one evaluation to the next.
        missing_classes: a test class without a training clip is an "error" (the split is wrong),
            or its clips "count" as wrong (few labels, drawn at random).
        progress: called with the key and the seconds of every probe done.
    """
    probes = make_probes() if probes is None else probes
    _check(train, test, label_names)
    missing = _missing_classes(train, test, label_names, missing_classes)
    sets: dict[str, tuple[Features, Features]] = {"": (train.features, test.features)}
    for name, (floor_train, floor_test) in (floors or {}).items():
        sets[f"floor/{name}/"] = (
            _floor(floor_train, train, f"floor '{name}', training features"),
            _floor(floor_test, test, f"floor '{name}', test features"),
        )
    caches = {f"floor/{name}/": cache for name, cache in (kept or {}).items()}
    result = FeatureEvaluation({}, {}, {}, {}, {})
    probe_details: dict[str, Any] = {}
    known_before: list[str] = []
    for prefix, (train_features, test_features) in sets.items():
        cache = caches.get(prefix)
        for probe in probes:
            key = prefix + probe.name
            if key in NO_FLOOR:
                continue
            start = time.perf_counter()
            known = cache.read(probe, test.labels, len(label_names), test.others) if cache else None
            if known is not None:
                known_before.append(key)
                probe_details[key] = known.details
                _record_counts(result, prefix, known, int((~test.labelled).sum()))
            else:
                predicted = _fit_predict(probe, train, train_features, test_features)
                probe_details[key] = probe.details()
                for name, classes in predicted.items():
                    record(result, prefix + name, classes, test, len(label_names))
            result.timing[key] = time.perf_counter() - start
            if cache is not None and known is None:
                cache.write(probe, _counted(result, prefix, predicted, probe_details[key]))
            if progress is not None:
                progress(key if known is None else f"{key}, kept", result.timing[key])
        for features in (train_features, test_features):
            if isinstance(features, LazyRows):
                features.release()
    result.details.update(
        train_clips=int(train.labelled.sum()),
        train_unlabelled=int((~train.labelled).sum()),
        test_clips=int(test.labelled.sum()),
        test_unlabelled=int((~test.labelled).sum()),
        **({} if test.copies is None else {"test_copies": int(test.copies[test.labelled].sum())}),
        classes_missing_in_training=missing,
        probes=probe_details,
        **({"kept_floors": known_before} if known_before else {}),
    )
    return result


def _fit_predict(
    probe: Probe, train: ClipFeatures, train_features: Features, test_features: Features
) -> dict[str, IntArray]:
    keep = train.labelled
    groups = None if train.groups is None else np.asarray(train.groups)[keep]
    probe.fit(take(train_features, keep), train.labels[keep], groups)
    parts = [_named(probe, block) for block in blocks(test_features, f"{probe.name} probe")]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _named(probe: Probe, features: FloatArray) -> dict[str, IntArray]:
    """Predicted classes [N] of features [N, D], by the key of their metrics."""
    predicted = probe.predict(features)
    if isinstance(predicted, Mapping):
        return {f"{probe.name}/{setting}": values for setting, values in predicted.items()}
    return {probe.name: predicted}


def record(
    result: FeatureEvaluation,
    key: str,
    predicted: IntArray,
    test: ClipFeatures,
    num_classes: int,
) -> None:
    """Scores the predicted classes [N] of the test clips under a key."""
    _record_scores(result, key, score(test.labels, predicted, num_classes))
    result.predictions[key] = predicted
    if (others := test.others) is not None:
        counts = confusion_matrix(test.labels[others], predicted[others], num_classes)
        _record_others(result, key, counts)


def _record_counts(
    result: FeatureEvaluation, prefix: str, floor: KeptFloor, unlabelled: int
) -> None:
    for name, confusion in floor.confusions.items():
        _record_scores(result, prefix + name, score_counts(confusion, unlabelled=unlabelled))
        if name in floor.others:
            _record_others(result, prefix + name, floor.others[name])


def _record_scores(result: FeatureEvaluation, key: str, scores: Scores) -> None:
    result.metrics[f"{key}/top1"] = scores.top1
    result.metrics[f"{key}/mean_per_class"] = scores.mean_per_class
    result.scores[key] = scores


def _record_others(result: FeatureEvaluation, key: str, confusion: npt.NDArray[np.int64]) -> None:
    result.metrics[f"{key}/others_top1"] = score_counts(confusion, unlabelled=0).top1
    result.others[key] = confusion


def _counted(
    result: FeatureEvaluation, prefix: str, names: Iterable[str], details: dict[str, Any]
) -> KeptFloor:
    """What is kept of a floor's probe that has just been recorded."""
    keys = {name: prefix + name for name in names}
    return KeptFloor(
        {name: result.scores[key].confusion for name, key in keys.items()},
        details,
        {name: result.others[key] for name, key in keys.items() if key in result.others},
    )


def _check(train: ClipFeatures, test: ClipFeatures, label_names: Sequence[str]) -> None:
    for clips, side in ((train, "training"), (test, "test")):
        if not clips.labelled.any():
            state = "is empty" if not len(clips) else "has no labelled clip"
            raise InputError(f"{side} set {state}; check --split and the labels of the dataset")
        if clips.labels.max() >= len(label_names):
            row = int(clips.labels.argmax())
            name = clips.names[row] if clips.names is not None else f"row {row}"
            raise InputError(
                f"{side} set: clip '{name}' has label {clips.labels[row]}, "
                f"but there are only {len(label_names)} classes"
            )
    if train.features.shape[1] != test.features.shape[1]:
        raise InputError(
            f"features: {train.features.shape[1]} dimensions in training and "
            f"{test.features.shape[1]} in test; extract both with the same encoder and pooling"
        )


def _floor(features: Features, clips: ClipFeatures, what: str) -> Features:
    checked = features  # lazy rows are checked as they are read
    if not isinstance(features, LazyRows):
        checked = check_features(features, what, clips.names)
    if len(checked) != len(clips):
        raise InputError(f"{what}: {len(checked)} rows for {len(clips)} clips")
    return checked


def _missing_classes(
    train: ClipFeatures, test: ClipFeatures, label_names: Sequence[str], rule: str
) -> list[str]:
    absent = np.setdiff1d(test.labels[test.labelled], train.labels[train.labelled])
    names = [label_names[index] for index in absent]
    if names and rule == "error":
        raise InputError(
            f"training set: no labelled clip of class '{names[0]}'"
            + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")
            + ", which the test set has; check --split"
        )
    return names
