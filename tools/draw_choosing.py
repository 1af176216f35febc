"""Draws what the encoders of the recipes read on each set, beside the time they took to make.

    python -m tools.draw_choosing --out=docs/figures/choosing.png

All from results/: mean top-1 of the linear probe and of kNN-1 over seeds, floors as hollow marks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from tools.results.store import AS_IT_IS, ROOT, RecipeResults, Variant, recipe_files

SETS = {"nw_ucla": "NW-UCLA, cross_view_3", "hdm05": "HDM05", "bandai_namco": "Bandai-Namco"}
PROBES = {"linear/top1": ("linear", "#0072B2", "o"), "knn/1/top1": ("kNN, k = 1", "#D55E00", "s")}


def trained(folder: Path) -> list[tuple[str, Variant]]:
    """The recipes of a set that are read by frozen features, the best linear probe last."""
    files: list[RecipeResults] = list(recipe_files(folder))
    variants = [(file.path.stem, file.variants[AS_IT_IS]) for file in files]
    return sorted(variants, key=lambda named: _mean(named[1], "linear/top1"))


def _mean(variant: Variant, metric: str) -> float:
    values = [result.metrics.get(metric, np.nan) for result in variant.results.values()]
    return float(np.mean(values))


def _minutes(variant: Variant) -> str:
    seconds = [result.timing.get("training_seconds", np.nan) for result in variant.results.values()]
    minutes = float(np.mean(seconds)) / 60
    return f"{minutes:.1f} min" if np.isfinite(minutes) else ""


def draw(axes: Axes, title: str, variants: list[tuple[str, Variant]]) -> None:
    """One set: a row a recipe."""
    for row, (_, variant) in enumerate(variants):
        for metric, (_, colour, marker) in PROBES.items():
            untrained = _mean(variant, f"floor/random/{metric}")
            axes.plot(untrained, row, marker, mec=colour, mfc="none", ms=6)
            axes.plot(_mean(variant, metric), row, marker, color=colour, ms=8)
        axes.annotate(
            _minutes(variant), (1.01, row), xycoords=("axes fraction", "data"), va="center"
        )
    axes.set_yticks(range(len(variants)), [name for name, _ in variants])
    axes.set_ylim(-0.6, len(variants) - 0.4)
    axes.set_title(title, loc="left")
    axes.grid(axis="x", alpha=0.3)


def main() -> None:
    """Reads the results and writes the figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    rows = {name: trained(ROOT / name) for name in SETS}
    figure, all_axes = plt.subplots(
        len(rows),
        figsize=(9, 1.6 + 0.32 * sum(map(len, rows.values()))),
        height_ratios=[len(variants) + 1 for variants in rows.values()],
        layout="constrained",
    )
    for axes, (name, variants) in zip(all_axes, rows.items(), strict=True):
        draw(axes, SETS[name], variants)
    for label, colour, marker in PROBES.values():
        all_axes[0].plot([], [], marker, color=colour, label=label)
    all_axes[0].plot([], [], "o", mec="grey", mfc="none", label="the same, untrained")
    all_axes[0].legend(loc="lower right", fontsize="small")
    all_axes[-1].set_xlabel("top-1 of the test clips, percent; on the right: time to make it")
    figure.savefig(out, dpi=120)


if __name__ == "__main__":
    main()
