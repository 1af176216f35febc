"""The map of the features as SVG: classes named where they lie, examples numbered."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from ms2l_tf.evaluation.arrays import ClipFeatures
from ms2l_tf.evaluation.figures.embedding import project
from ms2l_tf.evaluation.figures.style import COLOURS, GREY

WIDTH, HEIGHT = 1180, 640
_MARGIN = 40
_MOST_CLIPS = 2000
# Unit shapes; together with the colours they tell 32 classes apart.
_SHAPES = (
    "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0 -1 0Z",
    "M-.9 -.9H.9V.9H-.9Z",
    "M0 -1.2L1.1 .8H-1.1Z",
    "M0 -1.3L1.1 0L0 1.3L-1.1 0Z",
)


def feature_map(
    clips: ClipFeatures, label_names: Sequence[str], examples: Sequence[int], *, seed: int = 0
) -> str:
    """An SVG image of the clips in the plane; the name of a clip shows under the pointer.

    Args:
        clips: features of the test clips.
        label_names: names of the K classes.
        examples: rows of `clips` that are numbered, from 1 on.
        seed: of the map, and of the sample that is drawn of very many clips.

    Raises:
        InputError: there is no map of these features.
    """
    rows = _sampled(len(clips), examples, seed)
    plane, _ = project(clips.features[rows], "auto", seed)
    low, span = plane.min(axis=0), np.maximum(np.ptp(plane, axis=0), 1e-9)
    inner = np.array([WIDTH, HEIGHT]) - 2 * _MARGIN
    points = (plane - low) / span * inner + _MARGIN
    labels = clips.labels[rows]
    names = np.asarray(clips.names)[rows]
    marks = [
        _mark(point, int(label), f"{_named(label, label_names)}, {name}")
        for point, label, name in zip(points, labels, names, strict=True)
    ]
    titles = [
        _title(np.median(points[labels == label], axis=0), int(label), label_names)
        for label in np.unique(labels[labels >= 0])
    ]
    place = {int(row): point for row, point in zip(rows, points, strict=True)}
    rings = [_ring(place[row], number) for number, row in enumerate(examples, start=1)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="sans-serif">{"".join((*marks, *rings, *titles))}</svg>'
    )


def _sampled(count: int, examples: Sequence[int], seed: int) -> np.ndarray:
    """Rows to draw, the examples among them."""
    if count <= _MOST_CLIPS:
        return np.arange(count)
    drawn = np.random.default_rng(seed).choice(count, _MOST_CLIPS, replace=False)
    return np.union1d(drawn, np.asarray(examples, drawn.dtype))


def _named(label: int, label_names: Sequence[str]) -> str:
    return label_names[label] if label >= 0 else "unlabelled"


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)] if label >= 0 else GREY


def _mark(point: np.ndarray, label: int, name: str) -> str:
    shape = _SHAPES[label // len(COLOURS) % len(_SHAPES)]
    return (
        f'<path transform="translate({point[0]:.1f} {point[1]:.1f}) scale(5)" d="{shape}" '
        f'fill="{_colour(label)}" fill-opacity="0.75"><title>{html.escape(name)}</title></path>'
    )


def _title(point: np.ndarray, label: int, label_names: Sequence[str]) -> str:
    """The class name on a white edge, so that it can be read over its points."""
    place = f'x="{point[0]:.0f}" y="{point[1]:.0f}" text-anchor="middle"'
    style = f'font-size="15" font-weight="bold" fill="{_colour(label)}"'
    edge = 'stroke="white" stroke-width="5" paint-order="stroke" stroke-linejoin="round"'
    return f"<text {place} {style} {edge}>{html.escape(label_names[label])}</text>"


def _ring(point: np.ndarray, number: int) -> str:
    x, y = point
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="none" stroke="#222" stroke-width="2"/>'
        f'<text x="{x + 14:.1f}" y="{y - 8:.1f}" font-size="15" font-weight="bold" '
        'fill="#222" stroke="white" stroke-width="4" paint-order="stroke">'
        f"{number}</text>"
    )
