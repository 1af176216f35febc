"""What encoders of finished runs cost: size of the file, time a clip, alone and in batches.

    python -m tools.encoder_costs --data=data/nw_ucla runs/kernels_0 runs/wide_0

Clips go the whole way from recorded poses: normaliser, channels, network. The median of several
rounds after a warm-up, on the CPU, with as many threads as TensorFlow is given.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ms2l_tf
from tools.markdown import markdown_table

ROUNDS = 5
ALONE = 50  # clips that are encoded one by one


def seconds(work: Callable[[], object]) -> float:
    """Median time of some rounds after one that does not count."""
    work()
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def costs(run: Path, dataset: ms2l_tf.ClipDataset, clips: np.ndarray) -> list[str]:
    """A row: run, method, D, MB, ms of a clip alone, clips a second in batches of 64."""
    encoder = ms2l_tf.load_encoder(run)
    single = ms2l_tf.load_encoder(run, batch=1)
    model = encoder.loaded().config.model
    megabytes = (run / "model.weights.h5").stat().st_size / 1e6
    alone = seconds(lambda: single.transform(dataset, clips[:ALONE])) / ALONE
    together = len(clips) / seconds(lambda: encoder.transform(dataset, clips))
    made = f"{model.method} on {model.network}"
    numbers = [f"{megabytes:.1f}", f"{1e3 * alone:.1f}", f"{together:,.0f}"]
    return [run.name, made, str(encoder.feature_dim), *numbers]


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("runs", type=Path, nargs="+")
    asked = parser.parse_args()
    dataset = ms2l_tf.ClipDataset.open(asked.data)
    clips = np.arange(len(dataset))[:640]
    head = ["run", "method", "D", "MB", "ms a clip, alone", "clips a second, batches of 64"]
    print(markdown_table(head, [costs(run, dataset, clips) for run in asked.runs]))


if __name__ == "__main__":
    main()
