"""Clipping by value against torch's."""

import pytest
import torch

from gradlab.training.clipping import Value
from tests.training.clipping.cases import HUGE, NORMS, grads, parameters


@pytest.mark.parametrize("threshold", [1e-3, 0.25, 5.0])
def test_it_is_torchs_clip_grad_value(threshold: float) -> None:
    for seed, norm in enumerate(NORMS + HUGE):
        ours, theirs = parameters(norm, seed), parameters(norm, seed)
        report = Value(threshold)(ours)
        torch.nn.utils.clip_grad_value_(theirs, threshold)
        assert all(torch.equal(one, two) for one, two in zip(grads(ours), grads(theirs), strict=True))
        assert report.fired == (max(float(grad.abs().max()) for grad in grads(parameters(norm, seed))) > threshold)
        assert 0 < report.cosine <= 1


def test_a_known_turn() -> None:
    parameter = torch.zeros(2, requires_grad=True)
    parameter.grad = torch.tensor([3.0, 4.0])
    report = Value(3.0)([parameter])
    assert (report.norm_before, report.fired) == (5.0, True)
    assert report.norm_after == pytest.approx(18**0.5)
    assert report.cosine == pytest.approx(21 / (5 * 18**0.5))
