"""What a linear probe reads of a finished run's frames, by how frames are pooled and who probes.

    python -m tools.pooling_table --data=data/nw_ucla --split=cross_view_3 runs/paper_0 runs/paper_1

A reading of each run with its weights, and in brackets of the same network before its training, in
per cent, mean and standard deviation over the runs. Poolings: ``mean``, ``max``, ``last`` (the last
frame: backwards it has seen that frame alone), ``states`` (the last state of either direction),
``segments`` (means of five), ``frames`` (all of them side by side). Probes: ``logistic``
(scikit-learn, best C of five folds of the training clips), ``ridge`` (leave-one-out), ``dense``
(one Keras layer on the features as they are, SGD with momentum, as papers train it).
"""

from __future__ import annotations

import argparse
import collections
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import ms2l_tf
from ms2l_tf.api.loaded import LoadedRun, load_run
from ms2l_tf.data.splits import Split
from ms2l_tf.evaluation.features import frame_features, pool
from ms2l_tf.evaluation.probes.linear import LinearProbe
from ms2l_tf.evaluation.probes.ridge import RidgeProbe
from ms2l_tf.evaluation.probes.sgd import SGDLinearProbe
from ms2l_tf.networks.base import Network
from ms2l_tf.runs.build import build_learner
from ms2l_tf.runs.record import recorded_shape
from tools.markdown import markdown_table

Pooling = Callable[[np.ndarray], np.ndarray]
Readings = dict[tuple[str, str], float]


def states(frames: np.ndarray) -> np.ndarray:
    """The last state of either direction of a bidirectional network: [N, T, D] to [N, D]."""
    half = frames.shape[-1] // 2
    return np.concatenate([frames[:, -1, :half], frames[:, 0, half:]], axis=-1)


def named(how: str) -> Pooling:
    """A pooling of the package, of arrays."""
    return lambda frames: np.asarray(pool(frames, how))


POOLINGS: Mapping[str, Pooling] = {
    **{how: named(how) for how in ("mean", "max", "last")},
    "states": states,
    "segments": named("segments"),
    "frames": lambda frames: frames.reshape(len(frames), -1),
}
PROBES: Mapping[str, Callable[[], LinearProbe | RidgeProbe | SGDLinearProbe]] = {
    "logistic": lambda: LinearProbe(c=(0.01, 0.1, 1.0, 10.0), folds=5),
    "ridge": RidgeProbe,
    "dense": lambda: SGDLinearProbe(standardise=False),
}


def readings(
    network: Network, run: LoadedRun, dataset: ms2l_tf.ClipDataset, split: Split
) -> Readings:
    """Per cent of the test clips, by pooling and probe."""
    store, _, normaliser = run.read(dataset, split.test)
    train, test = (
        frame_features(network, store, clips, normaliser) for clips in (split.train, split.test)
    )
    labels = dataset.labels
    found: Readings = {}
    for (how, pooling), (name, make) in itertools.product(POOLINGS.items(), PROBES.items()):
        probe = make().fit(pooling(train), labels[split.train])
        right = probe.predict(pooling(test)) == labels[split.test]
        found[how, name] = 100 * float(right.mean())
    return found


def spread(values: list[float]) -> str:
    """Mean, and the deviation where there are several."""
    mean = f"{np.mean(values):.1f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.1f}"


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("runs", type=Path, nargs="+")
    asked = parser.parse_args()
    dataset = ms2l_tf.ClipDataset.open(asked.data)
    split = dataset.split(asked.split)
    trained, untrained = collections.defaultdict(list), collections.defaultdict(list)
    for folder in asked.runs:
        run = load_run(folder)
        for key, value in readings(run.network, run, dataset, split).items():
            trained[key].append(value)
        network = build_learner(run.config, recorded_shape(run.folder)).reader
        for key, value in readings(network, run, dataset, split).items():
            untrained[key].append(value)
    rows = [
        [
            how,
            *(f"{spread(trained[how, name])} ({spread(untrained[how, name])})" for name in PROBES),
        ]
        for how in POOLINGS
    ]
    print(markdown_table(["pooled", *PROBES], rows))


if __name__ == "__main__":
    main()
