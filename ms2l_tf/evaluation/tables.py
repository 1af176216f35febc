"""Plain-text tables for terminals: probes against floors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ms2l_tf.evaluation.result import Summary

_PROBE_TITLES = {
    "knn": "kNN",
    "linear": "linear",
    "linear_sgd": "linear (SGD)",
    "linear_published": "linear (SGD as MS-CLR)",
    "ridge": "ridge",
    "svm": "RBF SVM",
}
FLOOR_TITLES = {"raw": "raw floor", "random": "random encoder", "kernels": "kernels"}

_OTHERS = "/others_top1"  # of the test clips that are no copies

Value = float | Summary


def format_table(metrics: Mapping[str, Value], *, measure: str = "top1") -> str:
    """One row a probe: the features, every floor, and the gain over it in points.

    Where some test clips are copies of training clips, "no copies" is the accuracy on the others.

    Args:
        metrics: the metrics of a result, or `summarise(results)` for mean ± standard deviation.
        measure: "top1" or "mean_per_class".
    """
    floors = floor_names(metrics)
    copies = measure == "top1" and any(key.endswith(_OTHERS) for key in metrics)
    beside = ["no copies"] if copies else []
    header = ["probe", "features", *beside]
    for floor in floors:
        header += [FLOOR_TITLES.get(floor, floor), *beside, "gain"]
    rows = []
    for probe in probe_keys(metrics, measure):
        value = metrics[f"{probe}/{measure}"]
        row = [probe_title(probe), _percent(value)]
        if copies:
            row.append(_cell(metrics, probe + _OTHERS))
        for floor in floors:
            key = f"floor/{floor}/{probe}"
            floor_value = metrics.get(f"{key}/{measure}")
            row.append(_cell(metrics, f"{key}/{measure}"))
            if copies:
                row.append(_cell(metrics, key + _OTHERS))
            row.append("-" if floor_value is None else _gain(value, floor_value))
        rows.append(row)
    title = {"top1": "top-1 accuracy", "mean_per_class": "mean per-class accuracy"}[measure]
    runs = next((v.runs for v in metrics.values() if isinstance(v, Summary)), None)
    over = f", mean ± sd over {runs} seeds" if runs and runs > 1 else ""
    return f"{title}, percent{over}; gain in points\n{aligned(header, rows)}"


def format_notes(details: Mapping[str, Any]) -> str:
    """How many test clips are copies, and which probes are not the exact fit on all clips.

    Args:
        details: of a result: "probes", and "by_layout" if there are several.

    Returns:
        A line each; empty if there is nothing to say.
    """
    several = [details, *details.get("by_layout", {}).values()]
    probes = [pair for layout in several for pair in layout.get("probes", {}).items()]
    lines = {
        f"{_PROBE_TITLES.get(name, name)}: {entry['note']}": None
        for name, entry in ((key.split("/")[-1], entry) for key, entry in probes)
        if "note" in entry
    }
    return "\n".join([*_copies(details), *lines])


def _copies(details: Mapping[str, Any]) -> list[str]:
    if not details.get("test_copies"):
        return []
    clips = f"{details['test_copies']:,} of {details['test_clips']:,}"
    return [f"no copies: without the {clips} clips read that are exact copies of training clips"]


def probe_keys(metrics: Mapping[str, Value], measure: str) -> list[str]:
    """Keys of the probes of a result that have a measure: `linear`, `layout/coco_17/knn/5`."""
    suffix = f"/{measure}"
    names = [key.removesuffix(suffix) for key in metrics if key.endswith(suffix)]
    return [name for name in names if not name.startswith(("floor/", "few_labels/"))]


def floor_names(metrics: Mapping[str, Value]) -> list[str]:
    """Floors of a result: `raw`, `random`, `kernels`."""
    return list(dict.fromkeys(key.split("/")[1] for key in metrics if key.startswith("floor/")))


def probe_title(probe: str) -> str:
    """How tables call the probe of a key."""
    if probe.startswith("knn/"):
        return f"kNN, k = {probe.removeprefix('knn/')}"
    return _PROBE_TITLES.get(probe, probe)


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; right-aligned but for the first."""
    table = [header, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(header), rule, *(line(row) for row in rows)])


def _cell(metrics: Mapping[str, Value], key: str) -> str:
    return _percent(metrics[key]) if key in metrics else "-"


def _percent(value: Value) -> str:
    if isinstance(value, Summary):
        return str(value)
    return f"{value:.2f}" if math.isfinite(value) else "-"


def _gain(value: Value, floor: Value) -> str:
    centres = [v.mean if isinstance(v, Summary) else v for v in (value, floor)]
    gain = centres[0] - centres[1]
    return f"{gain:+.2f}" if math.isfinite(gain) else "-"
