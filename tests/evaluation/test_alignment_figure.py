"""The figure of several layouts is written, and the choices behind it are right."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from ms2l_tf.errors import InputError
from ms2l_tf.evaluation.figures import alignment as module
from ms2l_tf.evaluation.figures.alignment import CLASS_COLOURS, alignment_figure, class_colours
from ms2l_tf.evaluation.figures.style import GREY
from tests.helpers import random_poses

LABELS = np.arange(40) % 14 - 1
NAMES = [f"class {n}" for n in range(13)]


def features(*layouts: str, clips: int = 40) -> dict[str, np.ndarray]:
    return {name: random_poses(clips, 60, seed=n) for n, name in enumerate(layouts)}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that would have been written."""
    figures: list[Figure] = []
    monkeypatch.setattr(module, "write", lambda figure, path: figures.append(figure))
    return figures


def marks(figure: Figure) -> int:
    """Number of points."""
    found = [item for item in figure.axes[0].collections if isinstance(item, PathCollection)]
    return sum(len(np.asarray(item.get_offsets())) for item in found)


def test_the_file_is_written(tmp_path: pathlib.Path) -> None:
    alignment_figure(tmp_path / "a.png", features("h36m_17", "smpl_24"), LABELS, NAMES, title="A")
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 5000


def test_every_version_of_a_clip_is_drawn_and_joined(drawn: list[Figure]) -> None:
    alignment_figure("a.png", features("a", "b", "c"), LABELS, NAMES, title="Of a run")
    (figure,) = drawn
    axes = figure.axes[0]
    assert axes.get_title() == "Of a run: t-SNE of 40 clips in 3 layouts"
    assert marks(figure) == 3 * 40
    (lines,) = [item for item in axes.collections if isinstance(item, LineCollection)]
    assert [len(line) for line in lines.get_segments()] == [3] * 40
    actions, layouts = (
        [text.get_text() for text in legend.get_texts()] for legend in figure.legends
    )
    assert len(actions) == 12 + 1
    assert actions[-1] == "other"
    assert layouts == ["a", "b", "c"]


def test_the_layouts_share_one_map(drawn: list[Figure], monkeypatch: pytest.MonkeyPatch) -> None:
    """Row n of every layout is embedded at once, and ends up at the end of line n."""
    seen: list[np.ndarray] = []

    def project(rows: np.ndarray, *_: Any) -> tuple[np.ndarray, str]:
        seen.append(rows)
        return rows[:, :2], "tsne"

    monkeypatch.setattr(module.embedding, "project", project)
    given = features("a", "b")
    alignment_figure("a.png", given, LABELS, NAMES)
    np.testing.assert_array_equal(seen[0], np.concatenate([given["a"], given["b"]]))
    lines = next(item for item in drawn[0].axes[0].collections if isinstance(item, LineCollection))
    for row, (start, end) in enumerate(lines.get_segments()):
        np.testing.assert_array_equal(start, given["a"][row, :2])
        np.testing.assert_array_equal(end, given["b"][row, :2])


def test_many_clips_are_thinned_evenly(drawn: list[Figure]) -> None:
    alignment_figure("a.png", features("a", "b"), LABELS, NAMES, clips=10)
    assert marks(drawn[0]) == 20
    assert drawn[0].axes[0].get_title() == "t-SNE of 10 of 40 clips in 2 layouts"
    rows = module._evenly(5000, 500)
    np.testing.assert_array_equal(rows, np.arange(0, 5000, 10))
    np.testing.assert_array_equal(module._evenly(7, 500), np.arange(7))


def test_more_layouts_than_markers(drawn: list[Figure]) -> None:
    alignment_figure("a.png", features(*"abcdefghij"), LABELS, NAMES)
    assert drawn[0].axes[0].get_title() == "t-SNE of 40 clips in 8 of 10 layouts"


def test_frequent_classes_have_colours() -> None:
    assert GREY not in CLASS_COLOURS
    assert len(set(CLASS_COLOURS)) == 12
    labels = np.repeat(np.arange(-1, 14), [9, *range(1, 15)])
    colours = class_colours(labels)
    assert list(colours) == list(range(2, 14)), "neither rare nor unlabelled ones"
    assert list(colours.values()) == list(CLASS_COLOURS)
    assert list(class_colours(np.array([3, 1, 3, -1]))) == [1, 3]


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        ({}, LABELS, "a.png: there are no features"),
        (features("a", clips=4), LABELS[:4], "a.png: 4 clips are too few"),
        (
            {**features("a"), "b": random_poses(30, 60)},
            LABELS,
            "a.png: b has features of 30 clips and 60 dimensions, a of 40 clips and 60",
        ),
        (features("a"), LABELS[:30], "labels of a.png: expected 40 labels"),
        ({"a": np.full((40, 6), np.nan)}, LABELS, "features of a: NaN or infinite"),
    ],
)
def test_bad_input(given: dict[str, np.ndarray], labels: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        alignment_figure("a.png", given, labels, NAMES)
