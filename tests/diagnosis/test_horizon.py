"""Horizons, rates and growth of profiles whose answers are known, against a plain loop."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.diagnosis.horizon import SHARE, bound_per_step, flows, lag_horizon, passes
from gradlab.reports import reach
from tests.diagnosis.synthetic import LENGTH, PLACE, timesteps


def slow(profile: np.ndarray) -> tuple[float, float, float, float, float]:
    """Horizon, lag lost in rounding, rate, growth and tilt of one profile by lag, one number after the other."""
    gradients = profile.tolist()
    largest, count = float(max(gradients)), len(gradients)
    if largest == 0:
        return 0.0, 0.0, -math.inf, math.nan, math.nan
    horizon = lost = last = 0
    for lag, gradient in enumerate(gradients):
        horizon = lag if gradient >= SHARE * largest else horizon
        lost = lag if gradient >= 2.0**-24 * largest else lost
        last = lag if 1e-30 < gradient < math.inf else last
    first, quarter = gradients[0], count // 4
    rate = math.log(gradients[last] / first) / last if last and 1e-30 < first < math.inf else math.nan
    growth = math.inf if largest == math.inf else largest / first if first > 0 else math.nan
    tilt = math.nan
    if count >= 8:
        near, far = max(gradients[:quarter]), max(gradients[count - quarter :])
        tilt = math.inf if far == math.inf else far / near if near > 0 else math.nan
    return float(horizon), float(lost), rate, growth, tilt


def rows_of(gradients: np.ndarray, **place: int) -> pd.DataFrame:
    """A pass whose gradients by lag are these."""
    t = np.arange(len(gradients))[::-1]
    return pd.DataFrame({**PLACE, "step": 0, "t": t, "grad_h": gradients, "grad_c": np.nan} | place)


def measured(gradients: np.ndarray) -> tuple[float, ...]:
    """The same five numbers by way of `passes`."""
    [row] = passes(rows_of(gradients))[["horizon", "lost", "rate", "growth", "tilt"]].to_numpy().tolist()
    return tuple(row)


@pytest.mark.parametrize("factor", [0.01, 0.3, 0.5, 0.9, 1.0, 1.2, 5.0])
@pytest.mark.parametrize("length", [2, 7, 8, 40, 200])
def test_of_a_geometric_change(factor: float, length: int) -> None:
    gradients = 3.0 * factor ** np.arange(length)
    fast = measured(gradients)
    assert fast == pytest.approx(slow(gradients), rel=1e-9, nan_ok=True)
    assert fast[2] == pytest.approx(math.log(factor), abs=1e-9) and fast[3] == pytest.approx(
        max(1, factor ** (length - 1))
    )


SOME = st.sampled_from([0.0, 1e-35, 1e-9, 0.01, 0.5, 1.0, 7.0, 1e12, math.inf])


@settings(deadline=None)
@given(st.lists(SOME | st.floats(0, 10), min_size=1, max_size=30), st.integers(0, 5))
def test_of_any_gradients_in_any_company(gradients: list[float], others: int) -> None:
    own = np.array(gradients)
    company = [rows_of(np.linspace(1, 3, 4 + call), call=call + 1) for call in range(others)]
    found = passes(pd.concat([*company, rows_of(own, call=0)]))
    assert len(found) == others + 1
    row = found[found["call"] == 0][["horizon", "lost", "rate", "growth", "tilt"]].to_numpy()[0]
    assert tuple(row) == pytest.approx(slow(own), rel=1e-9, nan_ok=True)
    assert found.loc[found["call"] == 0, "length"].item() == len(own)


def test_a_gradient_that_is_not_a_number_counts_as_infinite() -> None:
    broken = measured(np.array([1.0] * 8 + [math.nan] * 2))
    assert broken[0] == 9 and broken[3] == broken[4] == math.inf


def test_backward_directions_are_read_from_their_own_end() -> None:
    rows = timesteps(0.5)
    mirrored = rows.assign(direction=1, t=LENGTH - 1 - rows["t"])
    [forward], [backward] = flows(passes(rows)), flows(passes(mirrored))
    assert forward.horizon == backward.horizon == 6 and backward.name == "layer 0, backward direction"


def test_the_cell_state_is_a_way_back_too() -> None:
    t = np.arange(LENGTH)
    [flow] = flows(passes(timesteps(0.3, grad_c=0.9 ** (LENGTH - 1 - t))))
    assert flow.horizon == LENGTH - 1 and flow.rate == pytest.approx(math.log(0.9))


def test_layers_stand_from_the_input_upwards_and_medians_are_over_passes() -> None:
    factors = {1: (0.5, 0.5, 0.9), 0: (0.9, 0.9, 0.1)}
    parts = [
        timesteps(factor, layer=layer, call=call) for layer in factors for call, factor in enumerate(factors[layer])
    ]
    low, high = flows(passes(pd.concat(parts)))
    assert (low.layer, low.horizon, high.layer, high.horizon) == (0, 19, 1, 6)


def test_products_of_jacobians_and_their_bound() -> None:
    lags = pd.DataFrame([{**PLACE, "step": 0, "lag": lag, "log_sigma_max": -0.5 * lag} for lag in range(1, 30)])
    assert lag_horizon(lags) == math.floor(math.log(SHARE) / -0.5)
    assert bound_per_step(timesteps(sigma_max=0.5)) == pytest.approx(math.log(0.5))
    assert math.isnan(bound_per_step(timesteps(sigma_max=math.nan)))


@pytest.mark.parametrize("factor", [0.2, 0.8, 1.0, 1.3])
def test_the_horizon_is_the_reach_of_reports(factor: float) -> None:
    rows = timesteps(factor)
    assert passes(rows)["horizon"].tolist() == reach(rows)["reach"].tolist()
