"""The map of a run's features that one can point at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.figures.embedding import FEWEST, project
from ms2l_tf.evaluation.run_report.classes import Guesses
from ms2l_tf.evaluation.run_report.features import RunFeatures
from ms2l_tf.evaluation.run_report.pictures import Pictures
from ms2l_tf.pages.elements import Html, element, note
from ms2l_tf.pages.scatter import Point, scatter

_MOST_POINTS = 4000  # of all maps of a page
_MOST_OF_ONE = 1000
_MOVING = 200  # clips of all maps that move when they are pointed at
_UNLABELLED = "unlabelled"


def map_section(
    features: Mapping[str, RunFeatures], guesses: Sequence[Guesses], pictures: Pictures
) -> list[Html]:
    """A map a run, of its test clips."""
    by_run = {one.run: one for one in guesses}
    parts = [
        note(
            "Clips that the features hold for alike lie near each other. No label was used to "
            "place them: colours and names were added afterwards. An outline is a clip that is "
            "taken for another class."
        )
    ]
    most = min(_MOST_OF_ONE, _MOST_POINTS // len(features))
    for number, (run, of_run) in enumerate(features.items()):
        parts += [element("h3", run)] if len(features) > 1 else []
        drawer = _Map(run, of_run, by_run.get(run), pictures, _MOVING // len(features))
        parts.append(drawer.drawn(number, most))
    return parts


class _Map:
    """Makes one run's map."""

    def __init__(
        self,
        run: str,
        features: RunFeatures,
        guesses: Guesses | None,
        pictures: Pictures,
        moving: int,
    ) -> None:
        self._run, self._clips = run, features.test
        self._label_names = features.data.dataset.label_names
        self._guesses = guesses
        self._pictures, self._moving = pictures, moving

    def drawn(self, number: int, most: int) -> Html:
        """The map, or a line on why there is none."""
        clips = self._clips
        rows = evenly(len(clips), most)
        if len(rows) < FEWEST:
            return note(f"{len(rows)} clips are too few for a map.")
        try:
            plane, method = project(clips.features[rows], "auto", 0)
        except InputError as error:  # of a collapsed network, say
            return note(f"There is no map: {error}.", alarm=True)
        names, labels = np.asarray(clips.names)[rows].tolist(), clips.labels[rows].tolist()
        moving = set(evenly(len(rows), self._moving).tolist())
        points = [
            self._point(plane[i], names[i], labels[i], shown=i in moving) for i in range(len(rows))
        ]
        groups = {g: self._named(g) for g in sorted({p.group for p in points}, key=self._place)}
        title = {"tsne": "t-SNE", "umap": "UMAP"}[method]
        return scatter(f"Map of the test clips of {self._run} by {title}", points, groups, number)

    def _point(self, place: np.ndarray, name: str, label: int, *, shown: bool) -> Point:
        words, wrong = f"{name}: {self._named(label)}", False
        if self._guesses is not None and name in self._guesses.pairs:
            guess = self._guesses.pairs[name][1]
            wrong = not self._guesses.right(name)
            words += f", taken for {guess}" if wrong else ""
        clip = self._pictures.number(self._run, name) if shown else None
        return Point(float(place[0]), float(place[1]), words, label, wrong, clip)

    def _named(self, label: int) -> str:
        return self._label_names[label] if label >= 0 else _UNLABELLED

    @staticmethod
    def _place(group: int) -> tuple[bool, int]:
        return group < 0, group


def evenly(total: int, most: int) -> np.ndarray:
    """At most so many rows, evenly spaced; datasets are often sorted by action."""
    return np.linspace(0, total, min(most, total), endpoint=False).astype(np.int64)


def sample_note(features: Mapping[str, RunFeatures]) -> list[Html]:
    """A line where the map and the neighbours are those of a sample."""
    sampled = [run for run, one in features.items() if one.sampled]
    if not sampled:
        return []
    clips: ClipFeatures = features[sampled[0]].train
    return [note(
        f"Of very many clips, {len(clips):,} training clips and "
        f"{len(features[sampled[0]].test):,} test clips were drawn for maps and neighbours."
    )]  # fmt: skip
