"""Instance discrimination in closed form, and what is measured before it, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg  # type: ignore[import-untyped]
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ms2l_tf.methods.kernels import instances
from ms2l_tf.methods.kernels.instances import (
    Scatter,
    deviations,
    discriminant,
    principal_basis,
)
from ms2l_tf.methods.kernels.measuring import measure_channels, measure_thresholds
from ms2l_tf.networks.kernels import DILATIONS, KernelBank
from tests.helpers import assert_close, random_poses


def components(numbers: np.ndarray) -> np.ndarray:
    basis = principal_basis(numbers)
    return (numbers - basis.mean) @ basis.directions


def some_numbers(clips: int, size: int, seed: int = 0) -> np.ndarray:
    """Of very different scales and places."""
    random = np.random.default_rng(seed)
    return (
        random.normal(size=(clips, size)) * np.geomspace(0.01, 30, size) + np.arange(size)
    ).astype(np.float32)


@pytest.mark.parametrize(("clips", "size"), [(6, 40), (40, 6), (12, 12), (2, 5)])
def test_the_basis_against_a_singular_value_decomposition(clips: int, size: int) -> None:
    numbers = some_numbers(clips, size)
    standard = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    left, values, _ = np.linalg.svd(standard, full_matrices=False)
    rank = min(clips - 1, size)
    expected = (left * values)[:, :rank]
    actual = components(numbers)
    assert actual.shape == (clips, rank)
    signs = np.sign(np.sum(actual * expected, axis=0))
    assert_close(actual, expected * signs, 2e-3)


def test_the_basis_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = some_numbers(12, 30)
    all_of_them = components(numbers)
    monkeypatch.setattr(instances, "DIRECTIONS", 4)
    assert_close(components(numbers), all_of_them[:, :4])


def test_constant_numbers_and_clips_have_no_direction() -> None:
    numbers = some_numbers(8, 10)
    numbers[:, 3:] = 7.0
    basis = principal_basis(numbers)
    assert basis.directions.shape == (10, 3)
    assert not basis.directions[3:].any()
    assert (deviations(numbers)[3:] == 1).all()
    same = principal_basis(np.repeat(numbers[:1], 5, axis=0))
    assert same.directions.shape == (10, 0)


def test_copies_of_clips_add_no_direction_that_counts() -> None:
    numbers = some_numbers(5, 30)
    twice = components(np.repeat(numbers, 2, axis=0))
    assert np.isfinite(twice).all()
    strong = twice.std(axis=0) > 1e-3 * twice.std(axis=0).max()
    assert strong.sum() == 4
    assert_close(twice[::2], twice[1::2], 1e-4)


def test_scatter_against_covariances_of_everything() -> None:
    views = np.random.default_rng(0).normal(size=(11, 3, 6)) + np.arange(6)
    scatter = Scatter(6)
    for first, last in ((0, 4), (4, 5), (5, 11)):
        scatter.add(views[first:last])
    means = views.mean(axis=1)
    apart = (views - means[:, None]).reshape(-1, 6)
    assert_close(scatter.between, np.cov(means.T, bias=True), 1e-10)
    assert_close(scatter.within, apart.T @ apart / len(apart), 1e-10)
    assert not Scatter(6).within.any()
    assert not Scatter(6).between.any()


def covariances(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    within, between = (random.normal(size=(size + 3, size)) for _ in range(2))
    return within.T @ within, between.T @ between


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 12),
    dims=st.integers(1, 15),
    shrinkage=st.floats(0.0, 3.0),
    seed=st.integers(0, 1000),
)
def test_the_map_whitens_what_is_within_and_tells_clips_apart_best(
    size: int, dims: int, shrinkage: float, seed: int
) -> None:
    within, between = covariances(size, seed)
    directions, ratios = discriminant(within, between, dims, shrinkage)
    found = min(dims, size)
    assert directions.shape == (size, found)
    shrunk = within + shrinkage * np.trace(within) / size * np.eye(size)
    np.testing.assert_allclose(directions.T @ shrunk @ directions, np.eye(found), atol=1e-2)
    projected = directions.T @ between @ directions
    np.testing.assert_allclose(projected, np.diag(ratios), atol=1e-2 * max(1.0, ratios[0]))
    direct = np.sort(scipy.linalg.eigvals(np.linalg.solve(shrunk, between)).real)[::-1]
    np.testing.assert_allclose(ratios, direct[:found], rtol=1e-4, atol=1e-8)
    assert (np.diff(ratios) <= 1e-9).all()


def test_views_without_variance_do_no_harm() -> None:
    _, between = covariances(4, 0)
    directions, ratios = discriminant(np.zeros((4, 4)), between, 3, 1.0)
    assert np.isfinite(directions).all()
    assert np.isfinite(ratios).all()
    empty, none = discriminant(np.zeros((0, 0)), np.zeros((0, 0)), 3, 1.0)
    assert (empty.shape, none.shape) == ((0, 0), (0,))


def bank_of(channels: int = 3, mixes: int = 5) -> KernelBank:
    bank = KernelBank(mixes=mixes)
    bank.build((None, None, channels))
    return bank


@pytest.mark.parametrize("batch", [1, 4, 30])
def test_channels_against_the_whole_array(batch: int) -> None:
    values = random_poses(30, 7, 3) * [1.0, 20.0, 0.05] + [3.0, -400.0, 0.0]
    values[..., 2] = 0.1  # does not move
    values = values.astype(np.float32)
    bank = bank_of()
    measure_channels(bank, (tf.constant(values[n : n + batch]) for n in range(0, 30, batch)))
    flat = values.reshape(-1, 3).astype(np.float64)
    assert_close(bank.mean, flat.mean(axis=0), 1e-6)
    assert_close(bank.scale, [*flat[:, :2].std(axis=0), 1.0], 1e-5)


def test_channels_of_nobody_stay_as_they_are() -> None:
    bank = bank_of()
    measure_channels(bank, [tf.zeros((0, 7, 3))])
    measure_thresholds(bank, np.zeros((0, 7, 3), np.float32), np.random.default_rng(0))
    assert not np.any(bank.mean)
    assert np.all(np.asarray(bank.scale) == 1)
    assert not np.any(bank.thresholds)


def test_thresholds_are_quantiles_of_a_kernels_own_responses() -> None:
    bank, values = bank_of(), random_poses(20, 10, 3)
    measure_thresholds(bank, values, np.random.default_rng(4))
    quantiles = np.random.default_rng(4).uniform(0.1, 0.9, bank.kernels)
    responses = np.concatenate([response.numpy() for response in bank.responses(values)], axis=-1)
    assert responses.shape == (20, 10, len(DILATIONS) * bank.mixes)
    flat = np.sort(responses.reshape(200, -1), axis=0)
    expected = [column[int(q * 199)] for column, q in zip(flat.T, quantiles, strict=True)]
    assert_close(bank.thresholds, expected)
    shares = np.asarray(bank(values))[:, : bank.kernels].mean(axis=0)
    np.testing.assert_allclose(shares, 1 - quantiles, atol=1 / 100)
