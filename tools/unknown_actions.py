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
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            for head, score, auroc, caught in one_seed(asked, seed, Path(folder)):
                found.setdefault((head, score), []).append((auroc, caught))
    rows = []
    for (head, score), numbers in found.items():
        mean, spread = np.mean(numbers, axis=0), np.std(numbers, axis=0)
        cells = [f"{m:.1f} ± {s:.1f}" for m, s in zip(mean, spread, strict=True)]
        rows.append([head, score, *cells])
    print(markdown_table(["head", "score", "AUROC", "caught at 95 % kept"], rows))


def one_seed(
    asked: argparse.Namespace, seed: int, folder: Path
) -> Iterator[tuple[str, str, float, float]]:
    """(head, score, AUROC and caught in per cent) of one choice of classes and subjects."""
    dataset, unknown = development_split(asked, seed, folder / "data")
    config = run_config(
        {"method": "kernels", "data": str(dataset.path), "split": SPLIT, "seed": seed}
    )
    run = train(config, str(folder / "run"), strategy="none")
    split = dataset.split(SPLIT)
    for head in HEADS:
        out = folder / head
        export_run(run.path, out, ExportChoices(head=head))
        model = load_model(out)
        made = model.classify(dataset, split.test)
        temperature = float(model.manifest.values["output"]["head"]["temperature"])
        known = model.embed(dataset, split.train)
        novel = np.isin(dataset.labels[split.test], unknown)
        familiar = model.familiarity(made.features)
        assert familiar is not None
        scores = all_scores(made.probabilities, made.scores / temperature, made.features, known)
        scores["familiarity"] = familiar
        print(
            f"seed {seed}, {head}: --threshold={1 - KEPT:.2f} refuses "
            f"{100 * (familiar[~novel] < 1 - KEPT).mean():.1f} % of known, "
            f"{100 * (familiar[novel] < 1 - KEPT).mean():.1f} % of unknown actions"
        )
        for name, values in scores.items():
            least = np.quantile(values[~novel], 1 - KEPT)
            auroc = 100 * float(roc_auc_score(~novel, values))
            yield head, name, auroc, 100 * float((values[novel] < least).mean())


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
    probabilities: np.ndarray, logits: np.ndarray, features: np.ndarray, known: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores [N] by name, high where a clip looks like a known class.

    Args:
        probabilities: calibrated, [N, K].
        logits: what they come of, [N, K].
        features: [N, D].
        known: features of the clips that the head was fitted on.
    """
    ordered = np.sort(probabilities, axis=1)
    directions, references = (
        each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12)
        for each in (features, known)
    )
    return {
        "largest probability": ordered[:, -1],
        "lead over the second": ordered[:, -1] - ordered[:, -2],
        "energy": logsumexp(logits, axis=1),
        "largest score": logits.max(axis=1),
        "nearest training clip": (directions @ references.T).max(axis=1),
    }


if __name__ == "__main__":
    main()
