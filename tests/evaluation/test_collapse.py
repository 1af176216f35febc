"""Collapse statistics against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.evaluation.arrays import FloatArray
from ms2l_tf.evaluation.collapse import (
    effective_rank,
    embedding_std,
    isotropic_std,
)


def both_signs(dims: int) -> FloatArray:
    """The 2 D unit vectors +e_i and -e_i: evenly spread, mean zero."""
    return np.concatenate([np.eye(dims), -np.eye(dims)])


@pytest.mark.parametrize("dims", [1, 2, 7, 64])
def test_evenly_spread_embeddings(dims: int) -> None:
    """D equal singular values: entropy log D. Every dimension has mean square 1/D."""
    embeddings = 3.0 * both_signs(dims)
    assert effective_rank(embeddings) == pytest.approx(dims)
    assert embedding_std(embeddings) == pytest.approx(isotropic_std(dims))


def test_embeddings_on_a_line_have_rank_one() -> None:
    line = np.outer(np.linspace(-1, 2, 20), np.arange(1.0, 6.0))
    assert effective_rank(line) == pytest.approx(1.0)
    assert effective_rank(line + 100.0) == pytest.approx(1.0)


def test_two_singular_values() -> None:
    """s = (3, 1), p = (3/4, 1/4): exp(entropy) = 4 / 3^(3/4)."""
    embeddings = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert effective_rank(embeddings) == pytest.approx(4.0 / 3.0**0.75)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e6])
def test_identical_embeddings_are_collapsed(value: float) -> None:
    same = np.full((10, 4), value) * np.array([1.0, -0.3, 0.7, 0.1])
    assert embedding_std(same) == pytest.approx(0.0, abs=1e-12)
    assert effective_rank(same) == 0.0


def test_without_centring_an_offset_counts() -> None:
    same = np.ones((10, 4))
    assert effective_rank(same, centre=False) == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_rank_is_bounded_and_ignores_scale_rotation_and_shift(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(12, 5))
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    rank = effective_rank(embeddings)
    assert 1.0 <= rank <= 5.0 + 1e-9
    assert effective_rank(scale * embeddings @ rotation + 1.0) == pytest.approx(rank)


def test_std_ignores_the_length_of_embeddings() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(30, 8))
    lengths = rng.uniform(0.1, 10, size=(30, 1))
    assert embedding_std(embeddings * lengths) == pytest.approx(embedding_std(embeddings))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (3, 0)])
def test_empty_or_flat_embeddings_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="non-empty array"):
        effective_rank(np.zeros(shape))
    with pytest.raises(ValueError, match="non-empty array"):
        embedding_std(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_diverged_model_gives_nan_instead_of_a_crash(value: float) -> None:
    embeddings = both_signs(3)
    embeddings[0, 0] = value
    assert np.isnan(effective_rank(embeddings))
    assert np.isnan(embedding_std(embeddings))
