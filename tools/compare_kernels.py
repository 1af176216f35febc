r"""The closed-form encoder beside aeon's random convolutions: same clips, channels and ridge.

    python -m venv build/aeon && build/aeon/bin/pip install aeon
    python -m tools.compare_kernels --data=data/nw_ucla --split=cross_view_2_no_copies \
        --aeon_python=build/aeon/bin/python

aeon (Middlehurst et al., 2024) needs other versions than the project, so it runs in an environment
of its own, on the channels that are handed over in a file. Seconds are of one core: fitting on the
training clips and transforming both sides; numba compiles before that, on a few clips.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler

from ms2l_tf.data.pipeline import evaluation_batches
from ms2l_tf.data.run_data import RunData
from ms2l_tf.methods.kernels.fit import fit_kernels
from ms2l_tf.methods.kernels.model import KernelLearner
from ms2l_tf.methods.registry import run_config
from ms2l_tf.runs.build import build_learner, open_data, run_shape
from ms2l_tf.settings.config import RunConfig
from ms2l_tf.views.channels import flat_channels
from tools.markdown import markdown_table

# Run by the other interpreter: argv: file of the channels, name, seed.
AEON = """
import json, sys, time
import numpy as np
from aeon.transformations.collection import convolution_based as rockets
path, name, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
clips = np.load(path)
make = lambda: getattr(rockets, name)(random_state=seed, n_jobs=1)
make().fit_transform(clips["train"][:8])
begun = time.perf_counter()
rocket = make().fit(clips["train"])
sides = {side: np.asarray(rocket.transform(clips[side])) for side in ("train", "test")}
seconds = time.perf_counter() - begun
np.savez(path + ".out.npz", **sides)
print(json.dumps(seconds))
"""
ROCKETS = ("MiniRocket", "MultiRocket")  # its Hydra would ask for PyTorch
ALPHAS = np.logspace(-1, 5, 13)
Sides = dict[str, np.ndarray]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("--aeon_python", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    values = {"method": "kernels", "data": asked.data, "split": asked.split}
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(asked.seeds):
        config = run_config({**values, "seed": seed})
        data = open_data(config)
        for dims in (0, 512):
            features, seconds = ours(run_config({**values, "seed": seed, "dims": dims}), data)
            rows.setdefault(f"kernels, --dims={dims}", []).append(
                (*accuracies(features, data), seconds)
            )
        channels = sides_of(data, functools.partial(flat_of, config=config, data=data))
        for name in ROCKETS:
            features, seconds = theirs(asked.aeon_python, channels, name, seed)
            rows.setdefault(f"aeon {name}", []).append((*accuracies(features, data), seconds))
    cells = [
        [name, *(_shown(column) for column in zip(*runs, strict=True))]
        for name, runs in rows.items()
    ]
    print(markdown_table(["features", "ridge", "kNN-1", "seconds"], cells))


def ours(config: RunConfig, data: RunData) -> tuple[Sides, float]:
    """Features by the closed-form encoder, and the seconds of fitting and encoding."""
    learner = build_learner(config, run_shape(config, data, clips=len(data.reference.train)))
    assert isinstance(learner, KernelLearner)
    begun = time.perf_counter()
    fit_kernels(config, data, learner)
    features = sides_of(data, lambda poses: learner.encoder(poses).numpy())
    return features, time.perf_counter() - begun


def theirs(python: Path, channels: Sides, name: str, seed: int) -> tuple[Sides, float]:
    """Features by one of aeon's, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/channels.npz"
        np.savez(path, train=channels["train"], test=channels["test"])
        command = [str(python), "-c", AEON, path, name, str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"error: {name} stopped: {done.stderr.strip().splitlines()[-1]}")
        features = np.load(f"{path}.out.npz")
        return {side: features[side] for side in channels}, json.loads(done.stdout)


def sides_of(data: RunData, read: Callable[[np.ndarray], np.ndarray]) -> Sides:
    """What `read` makes of batches of poses, of the training and the test clips."""
    clips, normaliser = data.reference, data.normalisers[0]
    sides = {}
    for side, rows in (("train", clips.train), ("test", clips.test)):
        batches = evaluation_batches(clips.store, rows, normaliser, batch=64)
        sides[side] = np.concatenate([read(batch["poses"]) for batch in batches])[: len(rows)]
    return sides


def flat_of(poses: np.ndarray, config: RunConfig, data: RunData) -> np.ndarray:
    """Channels of the first person as aeon takes them: [N, Q, T]."""
    channels = flat_channels(poses, config.model.inputs, data.reference.store.layout)
    return channels.numpy()[:, :, 0].transpose(0, 2, 1)


def accuracies(features: Sides, data: RunData) -> tuple[float, float]:
    """Percent of the test clips: ridge on standardised features, kNN-1 by cosine."""
    labels = {side: data.dataset.labels[getattr(data.reference, side)] for side in features}
    scaler = StandardScaler().fit(features["train"])
    scaled = {side: scaler.transform(values) for side, values in features.items()}
    ridge = RidgeClassifierCV(alphas=ALPHAS).fit(scaled["train"], labels["train"])
    units = {side: v / np.linalg.norm(v, axis=1, keepdims=True) for side, v in scaled.items()}
    nearest = (units["test"] @ units["train"].T).argmax(axis=1)
    right = labels["train"][nearest] == labels["test"]
    return 100 * ridge.score(scaled["test"], labels["test"]), 100 * float(right.mean())


def _shown(values: tuple[float, ...]) -> str:
    spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):.1f} ± {spread:.1f}"


if __name__ == "__main__":
    main()
