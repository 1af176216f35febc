"""Some test clips, and the training clips nearest to them by the features of each run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ms2l_tf.evaluation.probes.neighbours import CosineNeighbours
from ms2l_tf.evaluation.rows import Features, held, take
from ms2l_tf.evaluation.run_report.features import RunFeatures
from ms2l_tf.evaluation.run_report.pictures import Pictures
from ms2l_tf.evaluation.showcase.examples import EXAMPLES, NEIGHBOURS
from ms2l_tf.pages.elements import Html, element, joined, note

Nearest = tuple[str, str]  # name of a clip and of its class


def nearest_section(features: Mapping[str, RunFeatures], pictures: Pictures) -> list[Html]:
    """Rows of tiles: a test clip, and of each run the training clips nearest to it by cosine.

    A run that is alone has raw coordinates beside it.
    """
    first = next(iter(features))
    queries = _queries(features[first])
    dataset = features[first].data.dataset.fingerprint
    found = {}
    for run, one in features.items():
        sides = one.train.features, one.test.features
        same = one.data.dataset.fingerprint == dataset  # another has clips of the same names
        found[f"nearest by {run}"] = run, _nearest(one, sides, queries) if same else {}
    if len(features) == 1:
        found["nearest by raw coordinates"] = first, _by_raw(features[first], queries)
    rows = []
    for number, (clip, name) in enumerate(queries.items(), start=1):
        groups = {"test clip": [pictures.tile(first, clip, name)]}
        for words, (run, nearest) in found.items():
            groups[words] = [_neighbour(run, one, name, pictures) for one in nearest.get(clip, [])]
        rows.append(joined((element("h3", f"{number}  {name}"), _row(groups))))
    return [_about(queries, {words: nearest for words, (_, nearest) in found.items()}), *rows]


def _about(queries: Mapping[str, str], found: Mapping[str, Mapping[str, list[Nearest]]]) -> Html:
    counts = []
    for words, nearest in found.items():
        named = [(queries[clip], name) for clip, near in nearest.items() for _, name in near]
        right = sum(wanted == name for wanted, name in named)
        counts.append(f"{right} of {len(named)} {words}")
    return note(
        "One test clip of each of a few classes, drawn blindly, and the training clips nearest to "
        f"it. Of the same class: {'; '.join(counts)}."
    )


def _row(groups: Mapping[str, list[Html]]) -> Html:
    """The groups beside each other."""
    boxes = []
    for words, tiles in groups.items():
        shown = element("div", *tiles, class_="tiles")
        none = note("It is not among the clips of this run.")
        boxes.append(element("div", element("h4", words), shown if tiles else none))
    kind = "neighbours" if len(groups) == 3 else "neighbours many"
    return element("div", *boxes, class_=kind)


def _neighbour(run: str, near: Nearest, wanted: str, pictures: Pictures) -> Html:
    clip, name = near
    if not name:
        return pictures.tile(run, clip, "unlabelled")
    sign, mark = ("✓", "same") if name == wanted else ("✗", "other")
    return pictures.tile(run, clip, f"{sign} {name}", mark)


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


def _by_raw(features: RunFeatures, queries: Mapping[str, str]) -> dict[str, list[Nearest]]:
    found = _nearest(features, features.raw.sides, queries)
    for side in features.raw.sides:
        side.release()
    return found


def _nearest(
    features: RunFeatures, sides: tuple[Features, Features], queries: Iterable[str]
) -> dict[str, list[Nearest]]:
    """By test clip, those of the run's training clips that lie nearest, and their classes.

    Args:
        features: what is known of the clips.
        sides: by what they lie near each other: features of the training and of the test clips.
        queries: names of test clips; those that the run lacks are left out.
    """
    place = {name: row for row, name in enumerate(np.asarray(features.test.names).tolist())}
    known = [clip for clip in queries if clip in place]
    if not known or not len(features.train):
        return {}
    asked = held(take(sides[1], np.array([place[clip] for clip in known])))
    count = min(NEIGHBOURS, len(features.train))
    rows = CosineNeighbours(count).fit(sides[0]).kneighbors(asked)[1]
    names, labels = np.asarray(features.train.names), features.train.labels
    label_names = features.data.dataset.label_names
    told = [label_names[label] if label >= 0 else "" for label in labels]
    return {
        clip: [(str(names[row]), told[row]) for row in near]
        for clip, near in zip(known, rows, strict=True)
    }
