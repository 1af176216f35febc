"""Times training steps, an epoch's input pipeline, probes, preparing, predicting; peak memory.

    python -m tools.benchmarks
    python -m tools.benchmarks --what=probes
    python -m tools.benchmarks --what=prepare --cores=2 --clips=1000 --clips=64000
    python -m tools.benchmarks --what=growth --cores=1 --out=results/growth.json
    python -m tools.benchmarks --what=predict --models=models/a,models/b --data=data/nw_ucla
    python -m tools.benchmarks --compare=torch --torch_python=<interpreter with PyTorch>

Every case runs in a process of its own, so that peak memory is that case's alone. Cases that are
compared take turns (A B A B ...), so that whatever else the machine does meets them alike. This
process stays small on purpose: a child's peak memory starts from its parent's.
"""

from __future__ import annotations

import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from ms2l_tf.cli import common
from ms2l_tf.errors import InputError
from ms2l_tf.measures import write_measures
from tools.benchmarks.growth import growth_rows, growth_table
from tools.benchmarks.predicting import predict_rows, predict_table
from tools.benchmarks.preparing import WRITERS, prepare_rows, prepare_table
from tools.benchmarks.probes import probe_rows, probe_table
from tools.markdown import markdown_table

ROOT = Path(__file__).resolve().parents[2]

# Clips a batch and frames T as in the paper; `clip_frames` is a typical length before resampling.
SHAPES: dict[str, dict[str, Any]] = {
    "nw_ucla": {
        "layout": "kinect_v1_20",
        "persons": 1,
        "features": 60,
        "clips": 32,
        "epoch_clips": 1024,
        "clip_frames": 31,
    },
    "ntu": {
        "layout": "kinect_v2_25",
        "persons": 2,
        "features": 150,
        "clips": 128,
        "epoch_clips": 2048,
        "clip_frames": 85,
    },
    # The network of `msclr` in the published size, alone.
    "stgcn": {
        "layout": "kinect_v2_25",
        "persons": 1,
        "features": 75,
        "clips": 64,
        "frames": 50,
        "width": 16,
        "dropout": 0.5,
    },
}
COMMON = {"frames": 200, "observed": 50, "units": 30, "seed": 0}
VERSIONS_OF_A_CLIP = 3  # that MS2L encodes in a step
SLOWEST_REPEAT_S = 600

COMPARE = flags.DEFINE_enum(
    "compare", "none", ["none", "torch"], "Time the same network in PyTorch side by side."
)
TORCH_PYTHON = flags.DEFINE_string(
    "torch_python", "", "Python interpreter of an environment with PyTorch (--compare=torch)."
)
WHAT = flags.DEFINE_list(
    "what",
    ["step", "input"],
    "What to time: step, input (not of stgcn), probes, prepare, growth, predict (of no shape).",
)
CLIPS = flags.DEFINE_multi_integer(
    "clips",
    None,
    "Training clips of --what=probes and growth (default: 1000, 4000, 16000, 64000), clips of "
    "--what=prepare (default: 1000, 4000).",
    lower_bound=100,
)
FORMAT = flags.DEFINE_enum(
    "format", "nw_ucla", sorted(WRITERS), "Of the files that --what=prepare reads."
)
MODELS = flags.DEFINE_list("models", [], "Folders of exported models for --what=predict.")
DATA = flags.DEFINE_string("data", "", "Dataset whose clips --what=predict predicts.")
SHAPE_NAMES = flags.DEFINE_list("shapes", sorted(SHAPES), f"Shapes: {', '.join(SHAPES)}.")
CORES = flags.DEFINE_multi_integer(
    "cores", [1, 2], "Core counts to time the training step on; may be given several times."
)
REPEATS = flags.DEFINE_integer("repeats", 15, "Timed repeats of a case.", lower_bound=1)
STEPS = flags.DEFINE_integer("steps", 5, "Training steps in a repeat.", lower_bound=1)
OUT = flags.DEFINE_string("out", "", "JSON file to write every reading to.")


class Worker:
    """A process that does one case, repeat by repeat."""

    def __init__(self, name: str, module: str, case: dict[str, Any], interpreter: str) -> None:
        self.name = name
        self.case = case
        self.readings: list[dict[str, float]] = []
        # What libraries print at start is of interest only when the worker fails.
        self._log = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(
            [interpreter, "-m", module, json.dumps(case)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        hello = self._answer()
        self.versions: dict[str, str] = hello["versions"]
        self.weights: int = hello["weights"]

    def repeat(self) -> None:
        """Has the worker do its case once more and keeps the reading."""
        assert self._process.stdin is not None
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        self.readings.append(self._answer())

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=SLOWEST_REPEAT_S)
        self._log.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._log.seek(0)
            sys.stderr.write(self._log.read())
            raise SystemExit(f"error: {self.name} stopped with status {status}")
        return json.loads(line)

    def row(self) -> dict[str, Any]:
        """The case, its readings and their medians."""
        seconds = [reading["seconds"] / reading["units"] for reading in self.readings]
        middle = statistics.median(seconds)
        return {
            "name": self.name,
            **self.case,
            "ms": 1000 * middle,
            "ms_range": [1000 * min(seconds), 1000 * max(seconds)],
            "clips_per_s": self.case["clips_a_unit"] / middle,
            "peak_mb": max(reading["peak_mb"] for reading in self.readings),
            "versions": self.versions,
            "readings": self.readings,
        }


def _case(shape: str, what: str, cores: int, unit: str) -> dict[str, Any]:
    """What a worker is told; `unit` is the entry that says how many clips it does at a time."""
    case = {**COMMON, **SHAPES[shape], "what": what, "shape": shape, "cores": cores}
    return {**case, "clips_a_unit": case[unit]}


def step_workers(shape: str, cores: int) -> list[Worker]:
    """One worker for Keras and, if compared, those for PyTorch (MS2L: batch-first, time-major)."""
    case = {**_case(shape, "step", cores, "clips"), "steps": STEPS.value}
    network = "stgcn" if shape == "stgcn" else "ms2l"
    workers = [Worker("Keras", f"tools.benchmarks.keras_{network}", case, sys.executable)]
    if COMPARE.value == "torch":
        for order in ("",) if network == "stgcn" else ("batch_first", "time_major"):
            name = f"PyTorch {order.replace('_', '-')}".strip()
            twin = {**case, "order": order}
            module = f"tools.benchmarks.torch_{network}"
            workers.append(Worker(name, module, twin, TORCH_PYTHON.value))
    sizes = {worker.name: worker.weights for worker in workers}
    if len(set(sizes.values())) > 1:
        raise SystemExit(f"error: the networks differ: {sizes} weights")
    return workers


def input_workers(shape: str) -> list[Worker]:
    """One worker that goes through an epoch of the input pipeline on one core."""
    case = _case(shape, "input", 1, "epoch_clips")
    return [Worker("input pipeline", "tools.benchmarks.keras_ms2l", case, sys.executable)]


def timed(workers: list[Worker]) -> list[dict[str, Any]]:
    """Lets the workers take turns and returns one row for each."""
    for _ in range(REPEATS.value):
        for worker in workers:
            worker.repeat()
    for worker in workers:
        worker.close()
    return [worker.row() for worker in workers]


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds each row's clips a second relative to Keras training of that shape and core count."""
    keras = {
        (row["shape"], row["cores"]): row["clips_per_s"] for row in rows if row["name"] == "Keras"
    }
    for row in rows:
        training = keras.get((row["shape"], row["cores"]))
        row["speed_of_keras_step"] = row["clips_per_s"] / training if training else None
    return rows


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    header = "shape, what, cores, batch x T x features, ms (least - most), clips/s, x Keras step"
    table = []
    for row in rows:
        low, high = row["ms_range"]
        ratio = row["speed_of_keras_step"]
        several = row["what"] == "step" and row["shape"] != "stgcn"
        batch = row["clips"] * (VERSIONS_OF_A_CLIP if several else 1)
        cells = [
            row["shape"],
            row["name"],
            str(row["cores"]),
            f"{batch} x {row['frames']} x {row['features']}",
            f"{row['ms']:.1f} ({low:.1f} - {high:.1f})",
            f"{row['clips_per_s']:.0f}",
            f"{ratio:.2f}" if ratio else "",
            f"{row['peak_mb']:.0f}",
        ]
        table.append(cells)
    return markdown_table([*header.split(", "), "peak MB"], table)


def environment(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Machine and library versions."""
    versions: dict[str, str] = {}
    for row in rows:
        versions |= row["versions"]
    return {"python": platform.python_version(), "machine": platform.machine(), **versions}


def check_flags() -> None:
    """Refuses what cannot be timed.

    Raises:
        InputError: an unknown shape or part, or no interpreter for the comparison.
    """
    for flag, known in (
        (SHAPE_NAMES, set(SHAPES)),
        (WHAT, {"step", "input", "probes", "prepare", "growth", "predict"}),
    ):
        unknown = sorted(set(flag.value) - known)
        if unknown:
            raise InputError(f"--{flag.name}: '{unknown[0]}' is not one of {', '.join(known)}")
    if "predict" in WHAT.value and not (MODELS.value and DATA.value):
        raise InputError("--what=predict: name exported models by --models and clips by --data")
    if COMPARE.value == "torch" and shutil.which(TORCH_PYTHON.value) is None:
        raise InputError(
            f"--torch_python: '{TORCH_PYTHON.value}' is not a program; --compare=torch needs the "
            "Python interpreter of an environment with PyTorch and NumPy"
        )


def main() -> None:
    """Runs the cases and prints the table."""
    check_flags()
    rows = []
    for shape in SHAPE_NAMES.value:
        if "step" in WHAT.value:
            for cores in CORES.value:
                rows += timed(step_workers(shape, cores))
        if "input" in WHAT.value and "epoch_clips" in SHAPES[shape]:
            rows += timed(input_workers(shape))
    rows = with_ratios(rows)
    if rows:
        print(as_table(rows))
    if "probes" in WHAT.value:
        probes = probe_rows(CLIPS.value or [1000, 4000, 16000, 64000], max(CORES.value))
        print(probe_table(probes))
        rows += probes
    if "growth" in WHAT.value:
        grown = growth_rows(CLIPS.value or [1000, 4000, 16000, 64000], max(CORES.value))
        print(growth_table(grown))
        rows += grown
    if "prepare" in WHAT.value:
        prepared = []
        for cores in CORES.value:
            prepared += prepare_rows(CLIPS.value or [1000, 4000], cores, FORMAT.value)
        print(prepare_table(prepared))
        rows += prepared
    if "predict" in WHAT.value:
        predicted = predict_rows(MODELS.value, DATA.value)
        print(predict_table(predicted))
        rows += predicted
    machine = environment(rows)
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    if OUT.value:
        write_measures(OUT.value, {"environment": machine, "rows": rows})


if __name__ == "__main__":
    common.run(main)
