"""Methods and networks side by side on one dataset, beside the floors.

    python examples/compare_methods.py [DATASET]

Without an argument: data/synthetic_demo, which `make demo` leaves. A comparison worth telling has
more epochs, several seeds, and settings ranked on validation clips (``--train_on=fit``).
"""

import sys
from collections.abc import Mapping
from typing import Any

import ms2l_tf

NAMES = ("MS2L, GRU", "MS2L, ST-GCN", "MS-CLR, ST-GCN", "MS-CLR, GRU")
PROBE = "linear/top1"


def estimators(epochs: int, smaller: Mapping[str, Any]) -> list[Any]:
    """Not trained yet, in the order of `NAMES`; `smaller`: settings of the ST-GCN."""
    of_all: dict[str, Any] = {"epochs": epochs, "frames": 40, "batch": 32, "pooling": "mean"}
    tasks, graph = {"observed": 10}, {"network": "stgcn", **smaller}
    return [
        ms2l_tf.MS2L(**of_all, settings=tasks),
        ms2l_tf.MS2L(**of_all, settings={**tasks, **graph}),
        ms2l_tf.MSCLR(**of_all, settings=graph),
        ms2l_tf.MSCLR(**of_all, settings={"network": "gru"}),
    ]


def main(
    folder: str, *, epochs: int = 5, smaller: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Returns the linear probe of each, percent."""
    smaller = {"width": 4, "blocks": 4} if smaller is None else smaller
    dataset = ms2l_tf.ClipDataset.open(folder)
    accuracies = {}
    print(f"{'':16}{'trained':>10}{'untrained':>12}{'raw':>8}")
    for name, estimator in zip(NAMES, estimators(epochs, smaller), strict=True):
        run = estimator.fit(dataset).run_  # a temporary folder: give workdir= to keep it
        metrics = ms2l_tf.evaluate(run, probes=["linear"], figures=False).metrics
        trained, untrained, raw = (
            metrics[f"{floor}{PROBE}"] for floor in ("", "floor/random/", "floor/raw/")
        )
        print(f"{name:16}{trained:10.1f}{untrained:12.1f}{raw:8.1f}", flush=True)
        accuracies[name] = trained
    return accuracies


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "data/synthetic_demo")
