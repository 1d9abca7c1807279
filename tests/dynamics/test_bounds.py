"""Bounds that may never fail, over nets that hypothesis chooses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.dynamics import (
    explosion_is_possible,
    log_bound_from_steps,
    log_gradient_bound,
    log_singular_values_by_lag,
    singular_values,
    vanishing_is_certain,
)
from gradlab.dynamics.bounds import max_slope
from tests.dynamics.nets import gaussian

SLOPES = {
    "tanh": lambda x: 1 - torch.tanh(x) ** 2,
    "sigmoid": lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x)),
    "relu": lambda x: (x > 0).double(),
    "erf": lambda x: 2 / math.sqrt(math.pi) * torch.exp(-(x**2)),
    "linear": torch.ones_like,
}
VALUES = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "erf": torch.erf,
    "linear": lambda x: x,
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    states=st.integers(1, 8),
    steps=st.integers(1, 40),
    scale=st.floats(0.01, 5),
    activation=st.sampled_from(sorted(SLOPES)),
)
def test_pascanus_bound_holds_for_every_net(seed: int, states: int, steps: int, scale: float, activation: str) -> None:
    weight = gaussian(states, states, seed=seed, scale=scale)
    state, jacobians = gaussian(states, seed=seed + 1), []
    for x in gaussian(steps, states, seed=seed + 2):
        before = weight @ state + x
        jacobians.append(SLOPES[activation](before)[:, None] * weight)
        state = VALUES[activation](before).clamp(-1e6, 1e6)
    largest = log_singular_values_by_lag(torch.stack(jacobians))[:, 0].numpy()
    sigma = singular_values(torch.stack(jacobians))[:, 0].numpy()
    lags = np.arange(1, steps + 1)
    bound = log_gradient_bound(float(singular_values(weight)[0]), lags, activation)
    rounding = 1e-11 * lags * (1 + np.abs(bound))
    assert (largest <= bound + rounding).all()
    assert (largest <= log_bound_from_steps(sigma) + rounding).all(), "the steps' own norms bound it more tightly"
    assert (log_bound_from_steps(sigma) <= bound + rounding).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), states=st.integers(2, 8))
def test_below_one_gradients_vanish(seed: int, states: int) -> None:
    weight = gaussian(states, states, seed=seed)
    weight = 0.9 * weight / torch.linalg.matrix_norm(weight, 2)
    assert vanishing_is_certain(0.9) and not explosion_is_possible(0.9)
    slopes = torch.rand(300, states, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    largest = log_singular_values_by_lag(slopes[..., None] * weight, [300])[0, 0]
    assert float(largest) <= 300 * math.log(0.9) + 1e-9


def test_above_one_gradients_need_not_explode() -> None:
    weight = torch.tensor([[0.9, 5.0], [0.0, 0.9]], dtype=torch.float64)
    norm = float(singular_values(weight)[0])
    assert norm == pytest.approx(5.157, abs=5e-4)
    assert explosion_is_possible(norm, "linear") and not vanishing_is_certain(norm, "linear")
    assert float(torch.linalg.matrix_norm(torch.linalg.matrix_power(weight, 200), 2)) < 1e-6


def test_slopes_and_broadcasting() -> None:
    assert (max_slope("tanh"), max_slope("sigmoid")) == (1, 0.25)
    found = log_gradient_bound([[0.5], [2.0]], [1, 10], "sigmoid")
    np.testing.assert_allclose(found, [[math.log(0.125), 10 * math.log(0.125)], [math.log(0.5), 10 * math.log(0.5)]])
    with pytest.raises(ValueError, match="expected one of the activations tanh"):
        log_gradient_bound(1.0, [1], "swish")
    assert log_bound_from_steps([2.0, 0.0, 3.0]).tolist() == [math.log(3), -math.inf, -math.inf]
