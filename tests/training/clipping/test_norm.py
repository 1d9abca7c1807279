"""Norm clipping against torch's where torch is right, and against exact arithmetic where it is not."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.training.clipping import Norm
from tests.training.clipping.cases import HUGE, NORMS, grads, parameters, slow_norm

THRESHOLDS = [1e-3, 0.25, 1.0, 40.0]


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_torchs_clip_grad_norm(threshold: float, dtype: torch.dtype) -> None:
    clip = Norm(threshold)
    for seed, norm in enumerate(NORMS):
        ours, theirs = parameters(norm, seed, dtype), parameters(norm, seed, dtype)
        report = clip(ours)
        total = torch.nn.utils.clip_grad_norm_(theirs, threshold)
        rounding = 1e-6 if dtype == torch.float32 else 1e-14
        assert report.norm_before == pytest.approx(float(total), rel=rounding)
        torch.testing.assert_close(grads(ours), grads(theirs), rtol=rounding, atol=0.0)


@pytest.mark.parametrize("norm", HUGE)
def test_norms_that_overflow_float32_are_clipped_like_any_other(norm: float) -> None:
    given, theirs = parameters(norm), parameters(norm)
    torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    assert slow_norm(grads(theirs)) == 0.0, "torch has learned it: the warning in Norm's docstring can go"
    before = grads(given)
    report = Norm(1.0)(given)
    assert report.fired and report.norm_after == pytest.approx(1.0, rel=1e-6)
    for raw, clipped in zip(before, grads(given), strict=True):
        torch.testing.assert_close(clipped.double(), raw.double() / slow_norm(before), rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("norm", [1e-200, 1e-160, 1e160, 1e300])
def test_float64_gradients_of_any_size(norm: float) -> None:
    given = parameters(norm, dtype=torch.float64)
    report = Norm(1.0)(given)
    assert report.norm_before == pytest.approx(norm, rel=1e-12)
    assert slow_norm(grads(given)) == pytest.approx(min(norm, 1.0), rel=1e-6)


@settings(deadline=None)
@given(norm=st.floats(1e-30, 1e37), threshold=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
def test_never_above_the_threshold_and_always_in_the_same_direction(norm: float, threshold: float, seed: int) -> None:
    given = parameters(norm, seed)
    before = grads(given)
    report = Norm(threshold)(given)
    after = grads(given)
    assert slow_norm(after) <= threshold * (1 + 1e-6)
    if report.fired and report.norm_before > 1e-3:
        for raw, clipped in zip(before, after, strict=True):
            expected = raw.double() * report.coefficient
            torch.testing.assert_close(clipped.double(), expected, rtol=1e-6, atol=1e-44)
    elif not report.fired:
        assert all(torch.equal(raw, same) for raw, same in zip(before, after, strict=True))


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan])
def test_a_threshold_must_be_positive(threshold: float) -> None:
    with pytest.raises(ValueError, match="positive threshold"):
        Norm(threshold)
