"""Clipping parameter by parameter against torch's norm clipping of each."""

import pytest
import torch

from gradlab.training.clipping import PerParameter
from tests.training.clipping.cases import NORMS, grads, parameters


@pytest.mark.parametrize("threshold", [1e-3, 0.25, 40.0])
def test_it_is_torchs_norm_clipping_of_each(threshold: float) -> None:
    for seed, norm in enumerate(NORMS):
        ours, theirs = parameters(norm, seed), parameters(norm, seed)
        PerParameter(threshold)(ours)
        for parameter in theirs:
            torch.nn.utils.clip_grad_norm_(parameter, threshold)
        torch.testing.assert_close(grads(ours), grads(theirs), rtol=1e-6, atol=0.0)


def test_short_gradients_are_untouched_beside_long_ones() -> None:
    given = parameters(3.0)
    given[1].grad = torch.full((5,), 1e-3)
    report = PerParameter(0.5)(given)
    assert report.fired and torch.equal(given[1].grad, torch.full((5,), 1e-3))
    assert report.cosine < 1
