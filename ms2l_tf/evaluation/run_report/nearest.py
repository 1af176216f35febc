"""Some test clips, and the training clips nearest to them by the features of each run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.probes.neighbours import CosineNeighbours
from ms2l_tf.evaluation.run_report.features import RunFeatures
from ms2l_tf.evaluation.run_report.pictures import Pictures
from ms2l_tf.evaluation.showcase.examples import EXAMPLES, NEIGHBOURS
from ms2l_tf.pages.elements import Html, element, joined, note

Nearest = tuple[str, str]  # name of a clip and of its class


def nearest_section(features: Mapping[str, RunFeatures], pictures: Pictures) -> list[Html]:
    """Rows of tiles: a test clip, and of each run the training clips nearest to it by cosine."""
    first = next(iter(features))
    queries = _queries(features[first])
    found = {run: _nearest(one, list(queries)) for run, one in features.items()}
    total = {run: sum(map(len, of_run.values())) for run, of_run in found.items()}
    right = {
        run: sum(
            name == queries[clip] for clip, near in of_run.items() for _, name in near
        )
        for run, of_run in found.items()
    }  # fmt: skip
    counted = "; ".join(f"{right[run]} of {total[run]} by {run}" for run in found)
    parts = [note(
        "One test clip of each of a few classes, drawn blindly, and the training clips nearest to "
        f"it. Neighbours of the same class: {counted}."
    )]  # fmt: skip
    for number, (clip, name) in enumerate(queries.items(), start=1):
        groups = {"test clip": [pictures.tile(first, clip, name)]}
        for run, of_run in found.items():
            groups[f"nearest by {run}"] = _tiles(run, of_run.get(clip, []), name, pictures)
        parts.append(joined((element("h3", f"{number}  {name}"), _row(groups))))
    return parts


def _row(groups: Mapping[str, list[Html]]) -> Html:
    """The groups beside each other."""
    kind = "neighbours" if len(groups) == 3 else "neighbours many"
    boxes = (
        element("div", element("h4", words), element("div", *tiles, class_="tiles"))
        if tiles
        else element("div", element("h4", words), note("It is not among the clips of this run."))
        for words, tiles in groups.items()
    )
    return element("div", *boxes, class_=kind)


def _tiles(run: str, near: list[Nearest], wanted: str, pictures: Pictures) -> list[Html]:
    return [
        pictures.tile(run, clip, f"{'✓' if name == wanted else '✗'} {name}",
                      "same" if name == wanted else "other")
        if name
        else pictures.tile(run, clip, "unlabelled")
        for clip, name in near
    ]  # fmt: skip


def _queries(features: RunFeatures) -> dict[str, str]:
    """Names of a test clip of each of a few classes, and of its class."""
    random = np.random.default_rng(0)
    labels, names = features.test.labels, np.asarray(features.test.names)
    classes = random.permutation(np.unique(labels[features.test.labelled]))[:EXAMPLES]
    label_names = features.data.dataset.label_names
    return {
        str(names[random.choice(np.flatnonzero(labels == label))]): label_names[label]
        for label in np.sort(classes)
    }


def _nearest(features: RunFeatures, queries: list[str]) -> dict[str, list[Nearest]]:
    """By test clip, those of the run's training clips that lie nearest, and their classes."""
    place = {name: row for row, name in enumerate(np.asarray(features.test.names).tolist())}
    known = [clip for clip in queries if clip in place]
    if not known or not len(features.train):
        return {}
    references: ClipFeatures = features.train
    count = min(NEIGHBOURS, len(references))
    rows = CosineNeighbours(count).fit(references.features).kneighbors(
        features.test.features[[place[clip] for clip in known]]
    )[1]  # fmt: skip
    label_names, names = features.data.dataset.label_names, np.asarray(references.names)
    labels = references.labels
    return {
        clip: [(str(names[row]), label_names[labels[row]] if labels[row] >= 0 else "")
               for row in near]
        for clip, near in zip(known, rows, strict=True)
    }  # fmt: skip
