"""Horizons, rates and growth of profiles whose answers are known, against a plain loop."""

import math

import numpy as np
import pytest

from gradlab.diagnosis.horizon import SHARE, bound_per_step, flows, lag_horizon, measured
from tests.diagnosis.synthetic import LENGTH, PLACE, timesteps


def brute_horizon(gradients: np.ndarray, share: float) -> float:
    """The largest lag whose gradient is at least that share of the largest, by looking at each."""
    found = 0
    for lag, gradient in enumerate(gradients):
        if gradient >= share * max(gradients):
            found = lag
    return float(found)


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.9, 1.0, 1.2])
@pytest.mark.parametrize("length", [8, 40, 200])
def test_of_a_geometric_decay(factor: float, length: int) -> None:
    gradients = 3.0 * factor ** np.arange(length)
    horizon, lost, rate, growth, tilt = measured(gradients)
    assert horizon == brute_horizon(gradients, SHARE) and lost == brute_horizon(gradients, 2.0**-24)
    held = gradients > 1e-30
    assert rate == pytest.approx(math.log(factor), abs=1e-12) and held.any()
    assert growth == pytest.approx(max(1.0, factor ** (length - 1)))
    quarter = length // 4
    far = factor ** (length - quarter) if factor <= 1 else factor ** (length - 1)
    near = 1.0 if factor <= 1 else factor ** (quarter - 1)
    assert tilt == pytest.approx(far / near, rel=1e-9)


def test_of_gradients_that_are_not_there_or_broken() -> None:
    horizon, lost, rate, _, _ = measured(np.zeros(10))
    assert (horizon, lost, rate) == (0, 0, -math.inf)
    horizon, _, _, growth, tilt = measured(np.array([1.0] * 8 + [math.inf] * 2))
    assert horizon == 9 and growth == math.inf == tilt
    assert math.isnan(measured(np.array([1.0, 5.0, 200.0]))[4]), "three steps say nothing about growth"


def test_backward_directions_are_read_from_their_own_end() -> None:
    rows = timesteps(0.5)
    mirrored = rows.assign(direction=1, t=LENGTH - 1 - rows["t"])
    [forward], [backward] = flows(rows), flows(mirrored)
    assert forward.horizon == backward.horizon == 6 and backward.name == "layer 0, backward direction"


def test_the_cell_state_is_a_way_back_too() -> None:
    t = np.arange(LENGTH)
    [flow] = flows(timesteps(0.3, grad_c=0.9 ** (LENGTH - 1 - t)))
    assert flow.horizon == LENGTH - 1 and flow.rate == pytest.approx(math.log(0.9))


def test_products_of_jacobians_and_their_bound() -> None:
    import pandas as pd

    lags = pd.DataFrame([{**PLACE, "step": 0, "lag": lag, "log_sigma_max": -0.5 * lag} for lag in range(1, 30)])
    assert lag_horizon(lags) == math.floor(math.log(SHARE) / -0.5)
    assert bound_per_step(timesteps(sigma_max=0.5)) == pytest.approx(math.log(0.5))
    assert math.isnan(bound_per_step(timesteps(sigma_max=math.nan)))
