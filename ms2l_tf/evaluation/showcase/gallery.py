"""The examples: each test clip, its neighbours by features, those by raw coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.layout_features import LayoutFeatures
from ms2l_tf.evaluation.showcase.examples import Example
from ms2l_tf.evaluation.showcase.tiles import ClipTiles
from ms2l_tf.pages import MovingClips
from ms2l_tf.pages.elements import Html, element, joined
from ms2l_tf.pages.viewer import PLAY_ALL, legend

_MOST_FRAMES = 60


def gallery(
    examples: Sequence[Example], layout: LayoutFeatures, dataset: ClipDataset, store: PoseStore
) -> tuple[Html, MovingClips]:
    """One row of tiles an example, and the clips that move in them.

    Args:
        examples: of the layout.
        layout: its features.
        dataset: of the clips.
        store: their poses in the layout.
    """
    drawer = _Drawer(layout, dataset, store)
    rows = [drawer.row(example, number) for number, example in enumerate(examples, start=1)]
    return joined((PLAY_ALL, legend(), *rows)), drawer.moving


class _Drawer:
    """Draws clips by their row among the training or the test clips."""

    def __init__(self, layout: LayoutFeatures, dataset: ClipDataset, store: PoseStore) -> None:
        self.moving = MovingClips(_MOST_FRAMES)
        self._layout, self._dataset = layout, dataset
        self._tiles = ClipTiles(self.moving, dataset, store)

    def row(self, example: Example, number: int) -> Html:
        """The tiles of one example."""
        wanted = int(self._layout.test.labels[example.query])
        name = self._dataset.label_names[wanted]
        groups = {
            "test clip": [self._tile(self._layout.test, example.query, name)],
            "nearest by the learned features": self._neighbours(example.learned, wanted),
            "nearest by raw coordinates": self._neighbours(example.raw, wanted),
        }
        parts = [
            element("div", element("h4", words), element("div", *tiles, class_="tiles"))
            for words, tiles in groups.items()
        ]
        return joined(
            (element("h3", f"{number}  {name}"), element("div", *parts, class_="neighbours"))
        )

    def _neighbours(self, rows: np.ndarray, wanted: int) -> list[Html]:
        return [self._neighbour(int(row), wanted) for row in rows]

    def _neighbour(self, row: int, wanted: int) -> Html:
        label = int(self._layout.train.labels[row])
        if label < 0:
            return self._tile(self._layout.train, row, "unlabelled")
        sign, mark = ("✓", "same") if label == wanted else ("✗", "other")
        words = f"{sign} {self._dataset.label_names[label]}"
        return self._tile(self._layout.train, row, words, mark)

    def _tile(self, clips: ClipFeatures, row: int, words: str, mark: str | None = None) -> Html:
        return self._tiles.tile(str(np.asarray(clips.names)[row]), words, mark)
