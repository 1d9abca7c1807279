"""Shares in the weight gradient: with a known gradient, with one that is not theirs, and at the edge of floats."""

import numpy as np
import pytest
import torch

from gradlab.recording.timesteps.shares import contribution

T, B, ROWS, COLUMNS = 40, 3, 12, 5


@pytest.fixture
def factors():
    torch.manual_seed(0)
    return torch.randn(T, B, ROWS, dtype=torch.float64), torch.randn(T, B, COLUMNS, dtype=torch.float64)


def obvious(left, right):
    """Every step's own gradient, formed."""
    of_steps = torch.einsum("tbr,tbc->trc", left, right)
    total = of_steps.sum(0)
    return of_steps.flatten(1).norm(dim=1).numpy(), ((of_steps * total).sum((1, 2)) / total.square().sum()).numpy()


def test_against_the_steps_gradients_themselves(factors):
    for found, expected in zip(contribution(*factors), obvious(*factors), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_known_gradient_saves_its_product_and_changes_nothing(factors):
    total = torch.einsum("tbr,tbc->rc", *factors)
    np.testing.assert_allclose(contribution(*factors, total)[1], obvious(*factors)[1], rtol=1e-10)


@pytest.mark.parametrize("strange", [lambda g: 0.5 * g, lambda g: g + 0.01, torch.zeros_like, lambda g: g * torch.nan])
def test_a_gradient_of_something_else_is_not_believed(factors, strange):
    total = strange(torch.einsum("tbr,tbc->rc", *factors))
    np.testing.assert_allclose(contribution(*factors, total)[1], obvious(*factors)[1], rtol=1e-10)


@pytest.mark.parametrize("size", [1e-30, 1e25])
def test_squares_that_float32_does_not_hold(factors, size):
    left, right = (factor.float() for factor in factors)
    norm, share = contribution(left * size, right)
    expected_norm, expected_share = obvious(*factors)
    np.testing.assert_allclose(norm, size * expected_norm, rtol=1e-4)
    np.testing.assert_allclose(share, expected_share, atol=1e-5)
