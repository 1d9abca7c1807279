"""Adaptive clipping against the published rule, row by row."""

import pytest
import torch

from gradlab.training.clipping import AGC
from tests.training.clipping.cases import HUGE, NORMS, grads, parameters


def slow_agc(weight: torch.Tensor, grad: torch.Tensor, ratio: float, smallest: float) -> torch.Tensor:
    """One unit after the other, in float64."""
    weight, grad = weight.detach().double(), grad.double().clone()
    units = [()] if weight.ndim < 2 else [(row,) for row in range(len(weight))]
    for unit in units:
        largest = ratio * max(float(weight[unit].norm()), smallest)
        if float(grad[unit].norm()) > largest:
            grad[unit] *= largest / float(grad[unit].norm())
    return grad


@pytest.mark.parametrize(("ratio", "smallest"), [(0.01, 1e-3), (0.5, 0.1)])
def test_it_is_the_published_rule(ratio: float, smallest: float) -> None:
    fired = []
    for seed, norm in enumerate(NORMS + HUGE):
        given = parameters(norm, seed)
        expected = [slow_agc(each, each.grad, ratio, smallest) for each in given if each.grad is not None]
        fired.append(AGC(ratio, smallest)(given).fired)
        for ours, theirs in zip(grads(given), expected, strict=True):
            torch.testing.assert_close(ours.double(), theirs, rtol=1e-6, atol=0.0)
    assert any(fired) and not all(fired)


def test_weights_of_zero_can_move() -> None:
    parameter = torch.zeros(2, 3, requires_grad=True)
    parameter.grad = torch.ones(2, 3)
    AGC()([parameter])
    assert parameter.grad.norm(dim=1).tolist() == pytest.approx([1e-5, 1e-5])


@pytest.mark.parametrize("norm", [1e-200, 1e160, 1e300])
def test_float64_gradients_of_any_size(norm: float) -> None:
    given = parameters(norm, dtype=torch.float64)
    report = AGC(0.5)(given)
    assert report.norm_before == pytest.approx(norm, rel=1e-12)
    assert all(grad.isfinite().all() and grad.any() for grad in grads(given))
