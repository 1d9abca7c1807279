"""Chaotic systems: the order of the integration, what is known of the attractors, and the forecasts."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from gradlab.tasks import Chaos
from gradlab.tasks.chaos import EXAMPLES, _trajectories, persistence
from gradlab.tasks.chaotic_systems import DELAY, _mackey_glass, lorenz, runge_kutta, trajectories


def _lorenz_after(step: float) -> np.ndarray:
    """The state after half a unit of time."""
    state = np.array([[1.0], [2.0], [20.0]])
    for _ in range(round(0.5 / step)):
        state = runge_kutta(lorenz, state, step)
    return state[:, 0]


def test_lorenz_agrees_with_a_solver_of_high_order_and_converges_with_the_fourth_power() -> None:
    truth = solve_ivp(lambda t, s: lorenz(s[:, None])[:, 0], (0, 0.5), [1, 2, 20], "DOP853", rtol=1e-13, atol=1e-13)
    errors = [np.abs(_lorenz_after(step) - truth.y[:, -1]).max() for step in (0.005, 0.0025, 0.00125)]
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.2)


def test_mackey_glass_converges_with_the_fourth_power() -> None:
    # Up to τ only: there the solution has a kink, as every delay equation with a past of its own.
    ends = [_mackey_glass(np.array([[0.3, 0.4, 0.5]]), 1 / n, n, 15)[-1, 0] for n in (10, 20, 40, 80)]
    differences = np.abs(np.diff(ends))
    assert differences[0] < 1e-6
    assert differences[0] / differences[1] == pytest.approx(16, rel=0.2)
    assert differences[1] / differences[2] == pytest.approx(16, rel=0.2)


def test_mackey_glass_obeys_its_equation() -> None:
    """Differences of the fourth order along a trajectory give the right-hand side."""
    n = 20
    x = _mackey_glass(np.array([[0.3, 0.4, 0.5]]), 1 / n, 1, 200 * n)[50 * n :, 0]
    slope = (x[:-4] - 8 * x[1:-3] + 8 * x[3:-1] - x[4:]) * n / 12
    lag = round(DELAY * n)
    now, past = x[lag + 2 : -2], x[2 : -2 - lag]
    np.testing.assert_allclose(slope[lag:], 0.2 * past / (1 + past**10) - 0.1 * now, atol=2e-6)


def test_lorenz_statistics_obey_an_exact_identity() -> None:
    """On the attractor ⟨x²⟩ = ⟨xy⟩ = 8/3 ⟨z⟩, and ⟨z⟩ = 23.55: the variance of x is 62.8."""
    x = _trajectories("lorenz", 105, "train")
    assert x.mean() == pytest.approx(0, abs=0.15)
    assert x.var() == pytest.approx(62.8, abs=0.5)


@pytest.mark.parametrize("system", ["lorenz", "mackey_glass"])
def test_trajectories_differ_and_keep_to_the_attractor(system: str) -> None:
    x = trajectories(system, 50, np.random.default_rng(0).random((20, 3)))
    assert x.shape == (50, 20) and np.isfinite(x).all()
    assert np.abs(np.corrcoef(x.T) - np.eye(20)).max() < 0.9999
    low, high = (-21, 21) if system == "lorenz" else (0.2, 1.5)
    assert low < x.min() and x.max() < high


def test_targets_are_the_inputs_of_later() -> None:
    task = Chaos(steps=40, ahead=7)
    batch = task.batch(30, torch.Generator().manual_seed(0))
    assert torch.equal(batch.inputs[7:], batch.targets[:-7])


@pytest.mark.parametrize("system", ["lorenz", "mackey_glass"])
def test_the_line_is_the_best_one_and_better_than_the_mean(system: str) -> None:
    task = Chaos(system=system)
    batch = task.batch(EXAMPLES["test"], torch.Generator().manual_seed(0), "test")
    line = persistence(task)
    now, later = batch.inputs.flatten().double().numpy(), batch.targets.flatten().double().numpy()
    slope, intercept = np.polyfit(now, later, 1)
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept), abs=1e-9)
    assert task.chance.loss == pytest.approx(later.var() * (1 - np.corrcoef(now, later)[0, 1] ** 2), rel=1e-6)
    assert task.chance.loss < 0.95 * later.var() and later.var() == pytest.approx(1, abs=0.05)
