"""Normalised gradients have one length, whatever they were."""

import pytest
import torch

from gradlab.training.clipping import Normalised
from tests.training.clipping.cases import HUGE, NORMS, grads, parameters, slow_norm


@pytest.mark.parametrize("length", [1.0, 1e-3, 250.0])
def test_one_length_and_the_same_direction(length: float) -> None:
    for seed, norm in enumerate(NORMS[1:] + HUGE + [1e-37]):
        given = parameters(norm, seed)
        before = grads(given)
        Normalised(length)(given)
        for raw, after in zip(before, grads(given), strict=True):
            expected = raw.double() / slow_norm(before) * length
            torch.testing.assert_close(after.double(), expected, rtol=1e-6, atol=0.0)


def test_nothing_has_no_direction() -> None:
    given = parameters(0.0)
    assert not Normalised()(given).fired
    assert slow_norm(grads(given)) == 0.0
