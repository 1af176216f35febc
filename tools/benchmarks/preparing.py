"""What ``--what=prepare`` times: published files on their way into a dataset, and its memory.

One process writes the files and another prepares them, for each number of clips, so that peak
memory is that number's alone. Clips a second are given for a second of processor time, of all
processes together: on a busy machine the clock says little.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.markdown import markdown_table

FRAMES = {"nw_ucla": 31, "ntu": 100}  # as long as clips usually are


def write_nw_ucla(folder: Path, clips: int, frames: int, seed: int) -> None:
    """So many files as NW-UCLA has them, all different."""
    import numpy as np

    actions = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
    random = np.random.default_rng(seed)
    body = random.normal((0, 0, 3), 0.4, (20, 3))
    for number in range(clips):
        rest, label = divmod(number, len(actions))
        rest, view = divmod(rest, 3)
        take, subject = divmod(rest, 99)
        steps = random.normal(scale=0.01, size=(frames, 20, 3))
        skeletons = (body + steps.cumsum(axis=0)).round(5).tolist()
        name = f"a{actions[label]:02}_s{subject + 1:02}_e{take:02}_v{view + 1:02}"
        content = {"file_name": name, "skeletons": skeletons, "label": str(label + 1)}
        (folder / f"{name}.json").write_text(json.dumps(content))


def write_ntu(folder: Path, clips: int, frames: int, seed: int) -> None:
    """So many files as NTU RGB+D has them, of one person each."""
    import numpy as np

    random = np.random.default_rng(seed)
    body = random.uniform((-0.3, -0.9, 2.5), (0.3, 0.9, 3.0), (25, 3))
    for number in range(clips):
        rest, action = divmod(number, 60)
        rest, camera = divmod(rest, 3)
        setup, performer = divmod(rest, 40)
        joints = body + random.normal(scale=0.01, size=(frames, 25, 3)).cumsum(axis=0)
        # Pixels of depth and colour pictures and a quaternion; the last number says "tracked".
        others = random.uniform(0, 1, (frames, 25, 8)) * (500, 400, 1900, 1000, 1, 1, 1, 1)
        lines = [str(frames)]
        for frame in np.concatenate([joints, others], axis=-1).tolist():
            lines += [
                "1",
                f"{72057594037931101 + number} 0 1 1 1 1 0 0.02764709 -0.2137693 2",
                "25",
            ]
            lines += [" ".join([f"{value:.7g}" for value in joint]) + " 2" for joint in frame]
        name = f"S{setup + 1:03}C{camera + 1:03}P{performer + 1:03}R001A{action + 1:03}"
        (folder / f"{name}.skeleton").write_text("\r\n".join(lines) + "\r\n")


# What writes the files of a format, given folder, numbers of clips and of frames, and seed.
WRITERS: Mapping[str, Callable[[Path, int, int, int], None]] = {
    "nw_ucla": write_nw_ucla,
    "ntu": write_ntu,
}


def prepare_rows(
    clips: Sequence[int], cores: int, format_name: str, frames: int = 0
) -> list[dict[str, Any]]:
    """Seconds and peak memory of preparing each number of clips; `frames` 0: of usual length."""
    frames = frames or FRAMES[format_name]
    rows = []
    for count in clips:
        with tempfile.TemporaryDirectory() as place:
            case = {"format": format_name, "clips": count, "frames": frames, "cores": cores}
            for step in ("write", "prepare"):
                answer = _done({**case, "seed": 0, "step": step, "place": place})
        rows.append({"name": "prepare", **case, **json.loads(answer)})
    return rows


def _done(case: dict[str, Any]) -> str:
    """What a process of its own prints that does the case."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.benchmarks.preparing", json.dumps(case)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"error: {case['clips']} clips stopped with status {done.returncode}")
    return done.stdout


def prepare_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    header = ["format", "clips", "processes", "seconds", "processor time"]
    cells = [
        [
            row["format"],
            f"{row['clips']:,}",
            str(row["cores"]),
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{row['clips'] / row['cpu_seconds']:.0f}",
            f"{row['peak_mb']:.0f}",
            f"{row['peak_mb_of_a_reader']:.0f}",
        ]
        for row in rows
    ]
    return markdown_table([*header, "clips/s a core", "peak MB", "peak MB of a reader"], cells)


def main() -> None:
    """Writes or prepares the case given on the command line; prints its seconds and memory."""
    from tools.benchmarks.protocol import read_case

    case = read_case()
    source = Path(case["place"]) / "source"
    if case["step"] == "write":
        source.mkdir()
        WRITERS[case["format"]](source, case["clips"], case["frames"], case["seed"])
        return
    import numpy as np

    from ms2l_tf.data.prepare import prepare

    start = time.perf_counter()
    dataset, _ = prepare(
        case["format"],
        source,
        Path(case["place"]) / "out",
        strict=True,
        progress=False,
        workers=case["cores"],
    )
    seconds = time.perf_counter() - start
    if len(dataset) != case["clips"]:
        raise SystemExit(f"error: {len(dataset)} of {case['clips']} clips were prepared")
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    answer = {
        "seconds": seconds,
        "cpu_seconds": sum(used.ru_utime + used.ru_stime for used in usage),
        "peak_mb": usage[0].ru_maxrss / 1024,
        "peak_mb_of_a_reader": usage[1].ru_maxrss / 1024,  # the largest, if there are any
        "load": os.getloadavg()[0],
        "versions": {"numpy": np.__version__},
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
