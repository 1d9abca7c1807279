"""Cosines and norms of whole gradients."""

import math

import pytest
import torch

from gradlab.training.clipping.measure import cosine, total_norm


def test_known_cosines() -> None:
    one, two = (
        [torch.tensor([1.0, 0.0]), torch.tensor([0.0])],
        [torch.tensor([1.0, 1.0]), torch.tensor([1.0])],
    )
    assert cosine(one, one) == 1.0
    assert cosine(one, two) == pytest.approx(1 / math.sqrt(3), rel=1e-7)
    assert cosine(one, [-part for part in one]) == -1.0
    zero = [torch.zeros(2), torch.zeros(1)]
    assert cosine(zero, zero) == 1.0 and cosine(one, zero) == 0.0
    assert math.isnan(cosine(one, [part * math.inf for part in two]))


def test_cosine_of_huge_and_tiny_gradients() -> None:
    one, two = torch.tensor([3e37, 0.0]), torch.tensor([1e-38, 1e-38])
    assert cosine([one], [two]) == pytest.approx(math.sqrt(0.5), rel=1e-6)


def test_infinity_and_nan_together_are_nan() -> None:
    assert math.isnan(total_norm([torch.tensor([math.inf]), torch.tensor([math.nan])]))
    assert total_norm([torch.tensor([-math.inf]), torch.tensor([1.0])]) == math.inf
    assert total_norm([]) == 0.0
