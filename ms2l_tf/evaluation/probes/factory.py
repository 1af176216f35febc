"""Probes by name, as a command's `--probes` flag lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.choices import DEFAULT_PROBES
from ms2l_tf.evaluation.probes.base import Probe
from ms2l_tf.evaluation.probes.knn import KNNProbe
from ms2l_tf.evaluation.probes.linear import LinearProbe
from ms2l_tf.evaluation.probes.ridge import RidgeProbe
from ms2l_tf.evaluation.probes.sgd import SGDLinearProbe, published_probe
from ms2l_tf.evaluation.probes.svm import SVMProbe

PROBE_NAMES = ("knn", "linear", "linear_sgd", "linear_published", "ridge", "svm")


def make_probes(
    names: Sequence[str] = DEFAULT_PROBES,
    *,
    k: Sequence[int] = (1, 5, 20),
    metric: Literal["cosine", "euclidean"] = "cosine",
    linear_c: Sequence[float] = (1.0,),
    svm_c: Sequence[float] = (10.0,),
    folds: int = 3,
    seed: int = 0,
) -> tuple[Probe, ...]:
    """Builds the probes of these names, in the order given, each once.

    Args:
        names: out of `PROBE_NAMES`.
        k: neighbours of the kNN probe.
        metric: of the kNN probe, "cosine" or "euclidean".
        linear_c: candidates for the linear probe; several are chosen among by cross-validation.
        svm_c: the same for the SVM.
        folds: of that cross-validation.
        seed: of everything random in a probe.
    """
    unknown = [name for name in names if name not in PROBE_NAMES]
    if unknown or not names:
        wrong = f"unknown probe '{unknown[0]}'" if unknown else "no probe given"
        raise InputError(f"--probes: {wrong}; choose from {', '.join(PROBE_NAMES)}")
    probes: dict[str, Probe] = {}
    for name in names:
        if name == "knn":
            probes[name] = KNNProbe(k=k, metric=metric, seed=seed)
        elif name == "linear":
            probes[name] = LinearProbe(c=linear_c, folds=folds, seed=seed)
        elif name == "ridge":
            probes[name] = RidgeProbe(seed=seed)
        elif name == "svm":
            probes[name] = SVMProbe(c=svm_c, folds=folds, seed=seed)
        elif name == "linear_published":
            probes[name] = published_probe(seed)
        else:
            probes[name] = SGDLinearProbe(seed=seed)
    return tuple(probes.values())
