"""What ``--what=probes`` times: features and the raw floor through all probes.

One process for each number of training clips, so that peak memory is that number's alone. The
clips are made up: 60 classes that differ along 100 hidden directions, seen as 256 features and as
3,750 raw coordinates (50 frames of 25 joints), which are made again whenever they are read.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.markdown import markdown_table

CLASSES, HIDDEN = 60, 100
DIMS = {"features": 256, "raw": 3750}
TEST_CLIPS = 2_000


def probe_rows(clips: Sequence[int], cores: int) -> list[dict[str, Any]]:
    """Seconds and peak memory of one evaluation for each number of training clips."""
    rows = []
    for count in clips:
        case = json.dumps({"clips": count, "cores": cores, "seed": 0})
        done = subprocess.run(
            [sys.executable, "-m", "tools.benchmarks.probes", case],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise SystemExit(f"error: {count} clips stopped with status {done.returncode}")
        rows.append({"name": "probes", "clips": count, "cores": cores, **json.loads(done.stdout)})
    return rows


def probe_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows side by side as a Markdown table, a column for each number of clips."""
    keys = list(dict.fromkeys(key for row in rows for key in row["seconds"]))
    table = [
        *([key, *(f"{row['seconds'][key]:.1f}" for row in rows)] for key in keys),
        ["together", *(f"{sum(row['seconds'].values()):.1f}" for row in rows)],
        ["processor time", *(f"{row['cpu_seconds']:.1f}" for row in rows)],
        ["peak MB", *(f"{row['peak_mb']:.0f}" for row in rows)],
    ]
    return markdown_table(["seconds", *(f"{row['clips']:,} clips" for row in rows)], table)


def main() -> None:
    """Evaluates the case given on the command line and prints its seconds and memory."""
    from tools.benchmarks.protocol import read_case

    case = read_case()  # before NumPy sizes its threads
    import numpy as np
    import sklearn

    from ms2l_tf.evaluation.arrays import ClipFeatures
    from ms2l_tf.evaluation.report import evaluate_features
    from ms2l_tf.evaluation.rows import LazyRows

    random = np.random.default_rng(case["seed"])
    centres = 0.4 * random.standard_normal((CLASSES, HIDDEN), np.float32)
    falling = np.exp(-np.arange(HIDDEN) / 30)[:, None].astype(np.float32)
    views = {
        name: falling * random.standard_normal((HIDDEN, dims), np.float32)
        for name, dims in DIMS.items()
    }

    def rows(labels: np.ndarray, view: str) -> LazyRows:
        def read(places: np.ndarray) -> np.ndarray:
            noise = np.random.default_rng([case["seed"], int(places[0])])
            hidden = centres[labels[places]]
            hidden = hidden + noise.standard_normal(hidden.shape, np.float32)
            seen = hidden @ views[view]
            return seen + 0.1 * noise.standard_normal(seen.shape, np.float32)

        return LazyRows(read, len(labels), DIMS[view])

    sides = [random.integers(CLASSES, size=count) for count in (case["clips"], TEST_CLIPS)]
    sides[0][:CLASSES] = np.arange(CLASSES)
    train, test = (ClipFeatures(rows(side, "features").held(), side) for side in sides)
    result = evaluate_features(
        train,
        test,
        [str(number) for number in range(CLASSES)],
        floors={"raw": (rows(sides[0], "raw"), rows(sides[1], "raw"))},
    )
    answer = {
        "seconds": result.timing,
        "cpu_seconds": time.process_time(),  # of the whole process; tells of a busy machine
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "top1": {key: value for key, value in result.metrics.items() if key.endswith("/top1")},
        "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
