"""A clip and those that were found for it, as rows of poses."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.errors import InputError, one_line
from ms2l_tf.files import replacing
from ms2l_tf.skeletons.drawing import draw_row

_POSES = 8
_WIDTH, _HEIGHT, _WORDS = 1.0, 1.4, 2.6  # inches of a pose; across, of what is said of its clip
_MOST = 20  # clips of a figure


def draw_found(path: str | os.PathLike[str], clips: Sequence[tuple[str, PoseStore, int]]) -> None:
    """Draws one row a clip: words, and poses from its first to its last frame.

    Args:
        path: of the picture (.png, .pdf, .svg).
        clips: words, poses and the row of these; the first is the query.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    shown = clips[:_MOST]
    size = _WORDS + _WIDTH * _POSES, _HEIGHT * len(shown)
    figure = Figure(figsize=size, dpi=110, facecolor="white")
    for number, (words, store, row) in enumerate(shown):
        bottom = 1 - (number + 1) / len(shown)
        last = int(store.lengths[row]) - 1
        frames = np.linspace(0, last, min(_POSES, last + 1)).round().astype(np.int64)
        coords = store.coords[store.offsets[row] + frames]  # of a long clip no more than is drawn
        place = (_WORDS / size[0], bottom, _WIDTH / size[0], 1 / len(shown))
        plane = store.picture_plane
        draw_row(figure, coords, store.layout, _POSES, plane=plane, place=place, filled=0.85)
        weight = "bold" if number == 0 else "normal"
        middle = bottom + 0.5 / len(shown)
        figure.text(0.01, middle, words, va="center", fontsize=9, fontweight=weight)
    with replacing(path) as temporary:
        try:
            figure.savefig(temporary)
        except ValueError as error:  # an ending that matplotlib does not know
            raise InputError(f"{path}: cannot be drawn ({one_line(error)})") from None
