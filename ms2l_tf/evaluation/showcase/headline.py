"""One line: what was learned, and how it compares with the floors."""

from __future__ import annotations

from collections.abc import Mapping

from ms2l_tf.evaluation.result import EvaluationResult

_FLOORS = {
    "raw": "raw coordinates",
    "random": "the untrained network",
    "kernels": "kernels in closed form",
}


def headline(result: EvaluationResult) -> str:
    """What was learned from what, and the points above or below each floor.

    Args:
        result: of the evaluation; its plain keys are read.
    """
    metrics, details = result.metrics, result.details
    learner = f"{details['method']}, {details['network']}"
    source = "without labels" if result.protocol == "unsupervised" else "from labels"
    readings = [_reading(metrics, key) for key in _shown(metrics)]
    return f"Learned {source} on {result.dataset} ({learner}): {'; '.join(readings)}."


def _shown(metrics: Mapping[str, float]) -> list[str]:
    """The classifier of a run with labels, the nearest neighbours and the linear probe."""
    probes = [key.removesuffix("/top1") for key in metrics if key.endswith("/top1")]
    plain = [
        key for key in probes if not key.startswith(("floor/", "layout/", "cross/", "few_labels/"))
    ]
    nearest = [key for key in plain if key.startswith("knn/")][:1]
    chosen = [key for key in ("classifier", *nearest, "linear") if key in plain]
    return chosen or plain[:1]


def _reading(metrics: Mapping[str, float], key: str) -> str:
    value = metrics[f"{key}/top1"]
    gains = [
        f"{value - metrics[floor]:+.1f} points against {name}"
        for floor, name in ((f"floor/{kind}/{key}/top1", name) for kind, name in _FLOORS.items())
        if floor in metrics
    ]
    beside = f" ({', '.join(gains)})" if gains else ""
    return f"{_said(key)} {value:.1f}%{beside}"


def _said(key: str) -> str:
    if key == "knn/1":
        return "the nearest training clip shows the same action for"
    if key.startswith("knn/"):
        return f"{key.removeprefix('knn/')} nearest training clips name the action of"
    return {"linear": "a linear probe recognises"}.get(key, f"{key} recognises")
