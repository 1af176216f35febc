"""Windows tile a recording; smoothing and merging equal slow loops over frames."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.errors import InputError
from ms2l_tf.prediction.segments import segments, smoothed
from ms2l_tf.prediction.windows import Window, WindowSize, spans

LABELS = ("a", "b", "c")
SIZES = st.tuples(st.integers(1, 90), st.integers(1, 20), st.integers(1, 20))


def made(frames: int, length: int, stride: int, seed: int = 0) -> list[Window]:
    """Windows of random probabilities; every fifth sees nobody."""
    random = np.random.default_rng(seed)
    return [
        Window(*span, None if number % 5 == 3 else random.dirichlet(np.ones(3)), random.random())
        for number, span in enumerate(spans(frames, length, min(stride, length)))
    ]


def by_frames(windows: list[Window], frames: int, how: str) -> list[np.ndarray | None]:
    """The slow twin: each frame asks all windows; probabilities, then familiarity."""
    said: list[np.ndarray | None] = []
    for frame in range(frames):
        covering = [
            np.append(window.probabilities, window.familiarity)
            for window in windows
            if window.start <= frame < window.end and window.probabilities is not None
        ]
        if not covering:
            said.append(None)
            continue
        middle = (np.mean if how == "mean" else np.median)(covering, axis=0)
        if not middle[:-1].sum():
            middle[:-1] = np.mean(covering, axis=0)[:-1]
        middle[:-1] /= middle[:-1].sum()
        said.append(middle)
    return said


@given(SIZES)
def test_windows_tile(size: tuple[int, int, int]) -> None:
    frames, length, stride = size
    found = list(spans(frames, length, min(stride, length)))
    assert found[0][0] == 0
    assert found[-1][1] == frames
    assert len(set(found)) == len(found)
    for (start, end), (following, later) in itertools.pairwise(found):
        assert start < following <= end < later, "none lies between two windows"
    assert {end - start for start, end in found} == {min(length, frames)}


@settings(deadline=None, max_examples=60)
@given(SIZES, st.sampled_from(["mean", "median"]), st.integers(0, 3))
def test_smoothing_is_that_of_frames(size: tuple[int, int, int], how: str, seed: int) -> None:
    frames = size[0]
    windows = made(*size, seed)
    expected = by_frames(windows, frames, how)
    place = 0
    for start, end, said, familiarity in smoothed(windows, how):
        assert start == place < end
        for frame in range(start, end):
            wanted = expected[frame]
            if wanted is None or said is None:
                assert wanted is None
                assert said is None
            else:
                np.testing.assert_allclose([*said, familiarity], wanted, atol=1e-12)
        place = end
    assert place == frames


@settings(deadline=None, max_examples=60)
@given(SIZES, st.sampled_from([0.0, 0.5]))
def test_merging_is_that_of_frames(size: tuple[int, int, int], threshold: float) -> None:
    windows, frames = made(*size), size[0]
    labels, scores, shares = [], [], []
    for said in by_frames(windows, frames, "mean"):
        share = 0.0 if said is None else said[-1]
        named = None if said is None else LABELS[said[:-1].argmax()]
        labels.append(named if said is None or share >= threshold else "unknown")
        scores.append(0.0 if said is None else said[:-1].max())
        shares.append(share)
    expected, start = [], 0
    for label, group in itertools.groupby(labels):
        end = start + len(list(group))
        means = (pytest.approx(np.mean(values[start:end])) for values in (scores, shares))
        expected.append((start, end, label, *means))
        start = end
    assert list(segments(smoothed(windows), LABELS, threshold)) == expected


@pytest.mark.parametrize(
    ("text", "frames"),
    [("60:15", (60, 15)), ("9", (9, 4)), ("1", (1, 1)), ("2s:0.5s", (50, 12)), ("1s", (25, 12))],
)
def test_sizes(text: str, frames: tuple[int, int]) -> None:
    assert WindowSize.parse(text).frames(25.0) == frames


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "use LENGTH[:STRIDE]"),
        ("60:15s", "use LENGTH[:STRIDE]"),
        ("2s:10", "use LENGTH[:STRIDE]"),
        ("-3", "use LENGTH[:STRIDE]"),
        ("1.5", "frames are whole numbers"),
        ("10:0", "a stride is above 0"),
        ("10:11", "no longer than its window"),
        ("1,5s", "use LENGTH[:STRIDE]"),
    ],
)
def test_sizes_that_are_none(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        WindowSize.parse(text)
    assert str(error.value).startswith(f"--windows={text}: ")
    assert said in str(error.value)
