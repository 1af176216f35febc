"""scikit-learn's own checks of the transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_checks, get_tags

from ms2l_tf import MS2L, MSCLR, Kernels, Pointing, SkeletonEncoder

ESTIMATORS = [MS2L(), MSCLR(), Kernels(), Pointing(), SkeletonEncoder("no/run")]

# scikit-learn makes flat data [N, D] and skips, by the input tags, what it cannot feed. These
# checks need no data, or are done with an estimator that was never fitted.
WITHOUT_DATA = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_fit_score_takes_y,
]
EXPECTED_FAILURES = {
    ("MS2L", "check_fit_score_takes_y"): "fits on flat data, which are no clips",
    ("MSCLR", "check_fit_score_takes_y"): "fits on flat data, which are no clips",
    ("Kernels", "check_fit_score_takes_y"): "fits on flat data, which are no clips",
    ("Pointing", "check_fit_score_takes_y"): "fits on flat data, which are no clips",
    ("SkeletonEncoder", "check_fit_score_takes_y"): "reads a run, and there is none",
}


@estimator_checks.parametrize_with_checks(ESTIMATORS)
def test_checks_that_the_tags_allow(estimator: BaseEstimator, check: Callable[..., None]) -> None:
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("check", WITHOUT_DATA, ids=lambda one: one.__name__)
def test_checks_without_data(
    estimator: BaseEstimator, check: Any, request: pytest.FixtureRequest
) -> None:
    name = type(estimator).__name__
    if reason := EXPECTED_FAILURES.get((name, check.__name__)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    check(name, estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_tags(estimator: BaseEstimator) -> None:
    tags = get_tags(estimator)
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.two_d_array
    assert tags.input_tags.allow_nan
    assert tags.requires_fit is not isinstance(estimator, SkeletonEncoder)
    assert not tags.target_tags.required
