"""The clips that move in a page, of the datasets of all its runs, within a bound."""

from __future__ import annotations

from collections.abc import Mapping

from ms2l_tf.evaluation.run_report.features import RunFeatures
from ms2l_tf.evaluation.showcase.tiles import ClipTiles
from ms2l_tf.pages import MovingClips
from ms2l_tf.pages.elements import Html, element

MOST_LETTERS = 2_500_000  # of all clips of a page
_MOST_FRAMES = 60


class Pictures:
    """Tiles by run; runs of one dataset and layout share theirs.

    Args:
        features: of the runs, by their names; runs without their clips are left out.
    """

    def __init__(self, features: Mapping[str, RunFeatures]) -> None:
        self.moving = MovingClips(_MOST_FRAMES)
        shared: dict[tuple[str, str], ClipTiles] = {}
        self._tiles: dict[str, ClipTiles] = {}
        for run, of_run in features.items():
            store = of_run.data.parts[of_run.number].store
            key = of_run.data.dataset.fingerprint, store.layout.name
            if key not in shared:
                shared[key] = ClipTiles(self.moving, of_run.data.dataset, store, MOST_LETTERS)
            self._tiles[run] = shared[key]

    def number(self, run: str, clip: str) -> int | None:
        """Number of a clip in the page; None: it cannot be shown."""
        return self._tiles[run].number(clip) if run in self._tiles else None

    def tile(self, run: str, clip: str, words: object, mark: str | None = None) -> Html:
        """A clip that moves, or its words and its name."""
        if run in self._tiles:
            return self._tiles[run].tile(clip, words, mark)
        return element("div", element("p", words, f" ({clip})", class_=mark))
