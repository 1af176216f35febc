"""A picture of a dataset: for every class one clip, as a few poses from start to end."""

from __future__ import annotations

import pathlib

import matplotlib.figure
import numpy as np

from ms2l_tf.data.clip_dataset import ClipDataset
from ms2l_tf.data.pose_store import PoseStore
from ms2l_tf.files import replacing
from ms2l_tf.skeletons.drawing import PART_COLOURS, draw_row

NUM_POSES = 6
MAX_ROWS = 64
_ROW_INCHES = 1.6
_COLUMN_INCHES = 1.25
_FILL = 0.8  # how much of its field a pose may take
_LABEL_INCHES = 2.4
_LEGEND_INCHES = 0.5


def save_contact_sheet(dataset: ClipDataset, layout: str, path: pathlib.Path) -> None:
    """Draws the contact sheet of one layout, as the camera (the viewer) sees the poses.

    A row shows the clip of median length of its class; at most `MAX_ROWS` classes. Poses are
    centred on the body and all of a row have one scale.

    Raises:
        InputError: the file cannot be written.
    """
    store = dataset.poses(layout)
    rows = _choose_clips(dataset, store)[:MAX_ROWS]
    height = _ROW_INCHES * len(rows) + _LEGEND_INCHES
    width = _LABEL_INCHES + _COLUMN_INCHES * NUM_POSES
    figure = matplotlib.figure.Figure(figsize=(width, height), dpi=110, facecolor="white")
    for row, (label, clip) in enumerate(rows):
        bottom = (height - _LEGEND_INCHES - _ROW_INCHES * (row + 1)) / height
        _draw_row(figure, store, clip, bottom, _ROW_INCHES / height)
        entry = dataset.clips[clip]
        text = f"{entry.name}\n{store.lengths[clip]} frames"
        middle = bottom + _ROW_INCHES / height / 2
        left = 0.1 / width
        figure.text(left, middle, label, fontsize=10, va="bottom", weight="bold")
        figure.text(left, middle, text, fontsize=7, va="top", color="#606060")
    _draw_legend(figure, f"{dataset.name}, {layout}", _LEGEND_INCHES / height)
    with replacing(path) as temporary:
        figure.savefig(temporary)


def _choose_clips(dataset: ClipDataset, store: PoseStore) -> list[tuple[str, int]]:
    """Class name and clip of median length, for each class that has poses in this layout."""
    chosen = []
    for label in np.unique(dataset.labels):
        members = np.flatnonzero((dataset.labels == label) & (store.lengths > 0))
        if len(members):
            order = members[np.argsort(store.lengths[members], kind="stable")]
            name = "unlabelled" if label < 0 else dataset.label_names[label]
            chosen.append((name, int(order[len(order) // 2])))
    return chosen


def _draw_row(
    figure: matplotlib.figure.Figure, store: PoseStore, clip: int, bottom: float, height: float
) -> None:
    width = figure.get_figwidth()
    fields = draw_row(
        figure,
        store.poses(clip).coords,
        store.layout,
        NUM_POSES,
        plane=store.picture_plane,
        place=(_LABEL_INCHES / width, bottom, _COLUMN_INCHES / width, height),
        filled=_FILL,
    )
    for moment, axes, half in fields:
        axes.text(0, -half, str(moment), fontsize=6, ha="center", va="bottom", color="#909090")


def _draw_legend(figure: matplotlib.figure.Figure, title: str, height: float) -> None:
    centre, width = 1 - height / 2, figure.get_figwidth()
    figure.text(0.1 / width, centre, title, fontsize=11, va="center", weight="bold")
    left = (_LABEL_INCHES + 0.6) / width
    for part, colour in PART_COLOURS.items():
        figure.text(left, centre, part.replace("_", " "), fontsize=8, va="center", color=colour)
        left += _COLUMN_INCHES / width
