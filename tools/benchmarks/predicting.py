"""What ``--what=predict`` times: exported models, one clip at a time and in batches.

Every model is loaded in a process of its own, on one core. The time of a clip is cut into what
reads it (from the dataset, padded, turned into the model's unit and axes), what makes features of
it (normaliser, network, pooling), the head, and the look for the nearest known clip. Times are of
the clock, medians over clips after a warm-up; a busy machine makes them longer.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tools.markdown import markdown_table

ALONE = 100  # clips that are predicted one by one
BATCH = 64
TOGETHER = 1024  # clips in batches


def predict_rows(models: Sequence[str], data: str) -> list[dict[str, Any]]:
    """Milliseconds of a clip by parts, and clips a second, of each model on clips of a dataset."""
    rows = []
    for model in models:
        case = {"model": model, "data": data, "cores": 1}
        done = subprocess.run(
            [sys.executable, "-m", "tools.benchmarks.predicting", json.dumps(case)],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise SystemExit(f"error: {model} stopped with status {done.returncode}")
        rows.append({"name": "predict", **case, **json.loads(done.stdout.splitlines()[-1])})
    return rows


def predict_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    parts = ("read", "features", "head", "familiarity", "total")
    header = ["model", "D", *(f"{part}, ms" for part in parts), f"clips/s, batches of {BATCH}"]
    cells = [
        [
            Path(row["model"]).name,
            str(row["feature_dim"]),
            *(f"{row['ms'][part]:.2f}" for part in parts),
            f"{row['clips_per_s']:,.0f}",
        ]
        for row in rows
    ]
    return markdown_table(header, cells)


def main() -> None:
    """Times the model given on the command line; prints its row."""
    from tools.benchmarks.protocol import read_case

    case = read_case()
    import keras
    import numpy as np
    import tensorflow as tf

    from ms2l_tf import ClipDataset, load_model

    model, dataset = load_model(case["model"]), ClipDataset.open(case["data"])
    rows = np.flatnonzero(dataset.poses(model.layout.name).seen)
    rows = np.resize(rows, max(TOGETHER, len(rows)))[:TOGETHER]
    parts = _alone(model, dataset, rows[:ALONE])
    _batches(model, dataset, rows[:BATCH])
    seconds = _batches(model, dataset, rows)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    answer = {
        "ms": {name: 1000 * statistics.median(times) for name, times in parts.items()},
        "clips_per_s": len(rows) / seconds,
        "feature_dim": model.feature_dim,
        "versions": versions,
    }
    print(json.dumps(answer))


def _alone(model: Any, dataset: Any, rows: Any) -> dict[str, list[float]]:
    """Seconds of the parts of each clip; the head's are those of all less those of features."""
    from ms2l_tf.export.checking import padded_poses

    store = dataset.poses(model.layout.name)
    parts: dict[str, list[float]] = {}
    for name in ("warm-up", "counts"):
        parts = {part: [] for part in ("read", "features", "head", "familiarity", "total")}
        for row in rows if name == "counts" else rows[:10]:
            (poses, lengths), read = _timed(padded_poses, store, row[None])
            poses, turned = _timed(model.turned, poses, store.unit, store.axes)
            _, features = _timed(model.compute, poses, lengths, "embed")
            made, classes = _timed(model.compute, poses, lengths, "classify")
            _, familiar = _timed(model.familiarity, made["features"])
            parts["read"].append(read + turned)
            parts["features"].append(features)
            parts["head"].append(max(classes - features, 0.0))
            parts["familiarity"].append(familiar)
            parts["total"].append(read + turned + classes + familiar)
    return parts


def _batches(model: Any, dataset: Any, rows: Any) -> float:
    """Seconds of all clips in batches, from poses to labels."""
    from ms2l_tf.prediction.model import store_outputs

    begun = time.perf_counter()
    store = dataset.poses(model.layout.name)
    for _, outputs in store_outputs(model, store, rows, "classify", BATCH):
        model.familiarity(outputs["features"])
    return time.perf_counter() - begun


def _timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    begun = time.perf_counter()
    done = work(*given)
    return done, time.perf_counter() - begun


if __name__ == "__main__":
    main()
