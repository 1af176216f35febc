"""The examples as SVG: each test clip, its neighbours by features, those by raw coordinates."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.layout_features import LayoutFeatures
from ms2l_tf.evaluation.showcase.examples import NEIGHBOURS, Example
from ms2l_tf.evaluation.showcase.moving import moving_clip

_TILE, _POSE, _LABEL = 148, 140, 24  # width of a tile, height of its drawing and of its label
_GAP, _APART = 10, 34  # between tiles, and between the groups of a row
_TOP, _ROW = 34, _POSE + _LABEL + 16
WIDTH = (2 * NEIGHBOURS + 1) * _TILE + 2 * (NEIGHBOURS - 1) * _GAP + 2 * _APART
SAME, OTHER, PLAIN = "#009E73", "#D55E00", "#BBBBBB"


def gallery(
    examples: Sequence[Example], layout: LayoutFeatures, dataset: ClipDataset, store: PoseStore
) -> str:
    """An SVG image, one row an example.

    Args:
        examples: of the layout.
        layout: its features.
        dataset: of the clips.
        store: their poses in the layout.
    """
    drawer = _Drawer(layout, dataset, store)
    rows = [drawer.row(example, number) for number, example in enumerate(examples, start=1)]
    height = _TOP + _ROW * len(rows)
    heads = [
        _text(x, 20, words, size=16, weight="bold")
        for x, words in zip(
            _group_starts(),
            ("test clip", "nearest by the learned features", "nearest by raw coordinates"),
            strict=True,
        )
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="sans-serif">{"".join((*heads, *rows))}</svg>'
    )


def _group_starts() -> tuple[int, int, int]:
    """Where the three groups of a row begin."""
    first = _TILE + _APART
    return 0, first, first + NEIGHBOURS * _TILE + (NEIGHBOURS - 1) * _GAP + _APART


class _Drawer:
    """Draws clips by their row among the training or the test clips."""

    def __init__(self, layout: LayoutFeatures, dataset: ClipDataset, store: PoseStore) -> None:
        self._layout, self._dataset, self._store = layout, dataset, store
        self._clip_numbers = {name: number for number, name in enumerate(dataset.names.tolist())}

    def row(self, example: Example, number: int) -> str:
        """The tiles of one example."""
        top = _TOP + _ROW * (number - 1)
        label = int(self._layout.test.labels[example.query])
        starts = _group_starts()
        query = f"{number}  {self._dataset.label_names[label]}"
        tiles = [self._tile(self._layout.test, example.query, (starts[0], top), query, PLAIN)]
        for start, rows in zip(starts[1:], (example.learned, example.raw), strict=True):
            tiles += [
                self._neighbour(int(row), label, (start + place * (_TILE + _GAP), top))
                for place, row in enumerate(rows)
            ]
        return "".join(tiles)

    def _neighbour(self, row: int, wanted: int, corner: tuple[int, int]) -> str:
        label = int(self._layout.train.labels[row])
        if label < 0:
            return self._tile(self._layout.train, row, corner, "unlabelled", PLAIN)
        sign, colour = ("✓", SAME) if label == wanted else ("✗", OTHER)
        words = f"{sign} {self._dataset.label_names[label]}"
        return self._tile(self._layout.train, row, corner, words, colour)

    def _tile(
        self, clips: ClipFeatures, row: int, corner: tuple[int, int], words: str, colour: str
    ) -> str:
        name = str(np.asarray(clips.names)[row])
        drawing = moving_clip(self._store, self._clip_numbers[name], _TILE, _POSE)
        return (
            f'<g transform="translate({corner[0]} {corner[1]})"><title>{html.escape(name)}</title>'
            f'<rect x="1" y="1" width="{_TILE - 2}" height="{_POSE + _LABEL}" rx="8" '
            f'fill="#FCFCFC" stroke="{colour}" stroke-width="2"/>'
            f'<g fill="none" stroke-width="4" stroke-linecap="round">{drawing}</g>'
            f"{_text(8, _POSE + 17, words, size=13, colour='#222' if colour == PLAIN else colour)}"
            "</g>"
        )


def _text(
    x: int, y: int, words: str, *, size: int, weight: str = "normal", colour: str = "#222"
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {style}>{html.escape(words)}</text>'
