"""How well scores tell actions that a model has never seen: held-out classes of training clips.

    python -m tools.unknown_actions --data=data/nw_ucla --split=cross_view_2_no_copies

Only the training clips of the split are read. For each seed three classes are held out, and so are
two subjects: the encoder is fitted on clips of the other classes and subjects, a head on these
clips, and the clips of the two subjects are scored. AUROC: how often a clip of a known class has a
higher score than one of a class held out. Caught: of clips of classes held out, those whose score
lies under the one that 95 % of the clips of known classes reach.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.special import logsumexp  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score

from ms2l_tf import load_model
from ms2l_tf.data import ClipDataset
from ms2l_tf.export.export import ExportChoices, export_run
from ms2l_tf.methods.registry import run_config
from ms2l_tf.training.train import train
from tools.markdown import markdown_table

CLASSES, SUBJECTS = 3, 2  # held out
KEPT = 0.95
HEADS = ("ridge", "linear", "knn")
SPLIT = "unknown_actions"


def main() -> None:
    """Prints a Markdown table of means over the seeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    found: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            for head, score, *numbers in one_seed(asked, seed, Path(folder)):
                found.setdefault((head, score), []).append(tuple(numbers))
    rows = []
    for (head, score), readings in found.items():
        mean, spread = np.mean(readings, axis=0), np.std(readings, axis=0)
        cells = [
            f"{m:.{digits}f} ± {s:.{digits}f}"
            for m, s, digits in zip(mean, spread, (1, 1, 3), strict=True)
        ]
        rows.append([head, score, *cells])
    print(markdown_table(["head", "score", "AUROC", "caught", "threshold"], rows))


def one_seed(
    asked: argparse.Namespace, seed: int, folder: Path
) -> Iterator[tuple[str, str, float, float, float]]:
    """(head, score, AUROC and caught in per cent, threshold) of one draw."""
    dataset, unknown = development_split(asked, seed, folder / "data")
    config = run_config(
        {"method": "kernels", "data": str(dataset.path), "split": SPLIT, "seed": seed}
    )
    run = train(config, str(folder / "run"), strategy="one")
    split = dataset.split(SPLIT)
    for head in HEADS:
        out = folder / head
        export_run(run.path, out, ExportChoices(head=head))
        model = load_model(out)
        made = model.classify(dataset, split.test)
        temperature = float(model.manifest.values["output"]["head"]["temperature"])
        novel = np.isin(dataset.labels[split.test], unknown)
        familiar = model.familiarity(made.features)
        assert familiar is not None, "exported with its clips"
        scores = all_scores(made.probabilities, made.scores / temperature, familiar)
        for name, values in scores.items():
            least = np.quantile(values[~novel], 1 - KEPT)
            auroc = 100 * float(roc_auc_score(~novel, values))
            yield head, name, auroc, 100 * float((values[novel] < least).mean()), float(least)


def development_split(
    asked: argparse.Namespace, seed: int, folder: Path
) -> tuple[ClipDataset, np.ndarray]:
    """A copy of the dataset with a split of its own, and the labels held out."""
    shutil.copytree(asked.data, folder)
    dataset = ClipDataset.open(folder)
    random = np.random.default_rng(seed)
    training = dataset.split(asked.split).train
    unknown = random.choice(np.unique(dataset.labels[training]), CLASSES, replace=False)
    subjects = random.choice(np.unique(dataset.subjects[training]), SUBJECTS, replace=False)
    apart = np.isin(dataset.subjects[training], subjects)
    fitted = training[~apart & ~np.isin(dataset.labels[training], unknown)]
    sides = {
        "train": dataset.names[fitted].tolist(),
        "test": dataset.names[training[apart]].tolist(),
    }
    dataset.split_file(SPLIT).write_text(json.dumps(sides))
    return ClipDataset.open(folder), unknown


def all_scores(
    probabilities: np.ndarray, logits: np.ndarray, familiar: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores [N] by name, high where a clip looks like a known class.

    Args:
        probabilities: calibrated, [N, K].
        logits: what they come of, [N, K].
        familiar: cosines with the nearest training clip [N].
    """
    ordered = np.sort(probabilities, axis=1)
    return {
        "largest probability": ordered[:, -1],
        "lead over the second": ordered[:, -1] - ordered[:, -2],
        "energy": logsumexp(logits, axis=1),
        "largest score": logits.max(axis=1),
        "familiarity": familiar,
    }


if __name__ == "__main__":
    main()
