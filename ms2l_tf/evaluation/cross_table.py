"""The cross-convention table as text; without TensorFlow, for tools that only read results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ms2l_tf.evaluation.result import Summary
from ms2l_tf.evaluation.tables import Value, aligned

HEADING = "linear probe across layouts, top-1 percent (raw floor, single-layout encoder)"


def cross_table(metrics: Mapping[str, Value], layouts: Sequence[str], probe: str) -> str:
    """Rows: layout the probe is trained in; columns: layout it is tested in; percent.

    In brackets the raw floor and the single-layout encoder. `metrics` are those of a result, or
    `summarise(results)` for mean ± standard deviation.
    """
    rows = []
    for a in layouts:
        row = [a]
        for b in layouts:
            key = _key(a, b, layouts[0], probe)
            floor = metrics.get(f"floor/raw/{key}")
            single = metrics.get(f"floor/single/cross/{a}/{b}/{probe}/top1")
            more = ", ".join(_percent(value) for value in (floor, single))
            row.append(f"{_percent(metrics[key])} ({more})" if key in metrics else "-")
        rows.append(row)
    return aligned(["trained in \\ tested in", *layouts], rows)


def largest_loss(
    metrics: Mapping[str, float], layouts: Sequence[str], probe: str
) -> tuple[float, str, str] | None:
    """(points, a, b): the most that training the probe in a instead of b costs when b is read.

    None: the probe was not read in the layouts themselves.
    """
    losses = []
    for a in layouts:
        for b in layouts:
            own, crossed = (_key(trained_in, b, layouts[0], probe) for trained_in in (b, a))
            if a != b and own in metrics and crossed in metrics:
                losses.append((metrics[own] - metrics[crossed], a, b))
    return max((loss for loss in losses if math.isfinite(loss[0])), default=None)


def _key(a: str, b: str, reference: str, probe: str) -> str:
    """Of the reading of layout b by a probe trained in layout a."""
    if a != b:
        return f"cross/{a}/{b}/{probe}/top1"
    return f"{probe}/top1" if a == reference else f"layout/{a}/{probe}/top1"


def _percent(value: Value | None) -> str:
    if value is None or not math.isfinite(value.mean if isinstance(value, Summary) else value):
        return "-"
    if isinstance(value, Summary):
        return f"{value.mean:.1f}" + (f" ± {value.sd:.1f}" if value.runs > 1 else "")
    return f"{value:.1f}"
