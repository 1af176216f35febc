"""What ``--what=growth`` measures: the commands people type, on more and more clips.

Each command is a process of its own, start-up included, and the system says what it took: seconds
of processor time (on a busy machine the clock says little) and the most memory it held. Clips are
made up: 10 actions, each a way of its joints, with noise; 31 frames of 25 joints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]

from tools.markdown import markdown_table

ROOT = Path(__file__).resolve().parents[2]
CLASSES, FRAMES, TEST_CLIPS = 10, 31, 500
BATCH = 32
# The commands in the order in which they need each other; {} is the folder of all that is made.
COMMANDS: Mapping[str, Sequence[str]] = {
    "an epoch of MS²L": (
        *("train", "--method=ms2l", "--data={}/data", "--workdir={}/ms2l", "--epochs=1"),
        *(f"--batch={BATCH}", "--monitor_epochs=0", "--validation=none"),
    ),
    "features of MS²L, kNN": (
        *("evaluate", "--workdir={}/ms2l", "--probes=knn", "--floors=none", "--nofigures"),
    ),
    "closed-form fit": ("train", "--data={}/data", "--workdir={}/kernels", "--validation=none"),
    "its features, kNN, linear, ridge": (
        *("evaluate", "--workdir={}/kernels", "--probes=knn,linear,ridge", "--floors=none"),
        "--nofigures",
    ),
    "the same of the raw floor": (
        *("evaluate", "--workdir={}/kernels", "--probes=knn,linear,ridge", "--floors=raw"),
        "--nofigures",
    ),
    "export": ("export", "--workdir={}/kernels", "--out={}/model"),
    "predict": (*("predict", "--model={}/model", "--input={}/data", "--out={}/predictions.jsonl"),),
}


def growth_rows(clips: Sequence[int], cores: int) -> list[dict[str, Any]]:
    """Processor seconds and peak memory of every command for each number of training clips."""
    rows = []
    for count in clips:
        with tempfile.TemporaryDirectory() as place:
            case = json.dumps({"clips": count, "cores": cores, "place": place})
            _run([sys.executable, "-m", "tools.benchmarks.growth", case], cores)
            for name, (command, *given) in COMMANDS.items():
                tool = Path(sys.executable).parent / f"ms2l-{command}"
                used = _run([str(tool), *(flag.format(place) for flag in given)], cores)
                row = {"name": name, "clips": count, "cores": cores, "versions": {}, **used}
                rows.append({**row, **_weights(Path(place) / "ms2l" / "model.weights.h5")})
                print(f"{count:,} clips, {name}: {used['cpu_seconds']:.0f} s", file=sys.stderr)
    return rows


def _run(command: Sequence[str], cores: int) -> dict[str, float]:
    """What a process took: seconds by the clock, of the processor, and peak memory."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        )
        _, status, used = os.wait4(process.pid, 0)
        if status:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise SystemExit(f"error: {' '.join(command)} stopped with status {status}")
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def _weights(path: Path) -> dict[str, float]:
    """What workers exchange: the file holds the optimiser's variables too."""
    if not path.exists():
        return {}
    sizes: list[int] = []
    with h5py.File(path) as file:
        for name, group in file.items():
            if name != "optimizer":
                group.visititems(lambda _, item: sizes.append(getattr(item, "nbytes", 0)))
    return {"weights_mb": sum(sizes) / 1e6}


def growth_table(rows: Sequence[dict[str, Any]]) -> str:
    """Processor seconds / peak MB, a line a command, a column a number of clips."""
    counts = list(dict.fromkeys(row["clips"] for row in rows))
    cells = {
        (row["name"], row["clips"]): f"{row['cpu_seconds']:.0f} / {row['peak_mb']:,.0f}"
        for row in rows
    }
    header = ["processor s / peak MB", *(f"{count:,} clips" for count in counts)]
    names = list(dict.fromkeys(row["name"] for row in rows))
    return markdown_table(
        header, [[name, *(cells[name, count] for count in counts)] for name in names]
    )


def main() -> None:
    """Writes the dataset of the case given on the command line."""
    from tools.benchmarks.protocol import read_case

    case = read_case()
    import numpy as np

    from ms2l_tf.data import Axes, Clip, ClipPoses, DatasetWriter
    from ms2l_tf.skeletons import load_layout

    layout, random = load_layout("kinect_v2_25"), np.random.default_rng(0)
    rest = random.normal(0, 0.4, (25, 3))
    ways = random.normal(0, 0.1, (CLASSES, 25, 3))
    turns = np.sin(np.linspace(0, 6, FRAMES))[:, None, None]
    train = [f"c{number}" for number in range(case["clips"])]
    test = [f"t{number}" for number in range(TEST_CLIPS)]
    with DatasetWriter(
        Path(case["place"]) / "data",
        name="growth",
        label_names=tuple(str(number) for number in range(CLASSES)),
    ) as writer:
        writer.add_layout(layout, frame_rate=30.0, unit="m", axes=Axes("+y", "+z", "right"))
        for number, name in enumerate([*train, *test]):
            noise = random.normal(0, 0.03, (FRAMES, 25, 3))
            coords = (rest + turns * ways[number % CLASSES] + noise).astype(np.float32)
            clip = Clip(name, label=number % CLASSES, subject=str(number % 40))
            writer.add_clip(clip, {layout.name: ClipPoses(coords[:, None])})
        writer.add_split("all", train=train, test=test)


if __name__ == "__main__":
    main()
