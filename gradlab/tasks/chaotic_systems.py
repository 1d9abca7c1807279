"""Two chaotic systems and their integration: Lorenz's three equations, and Mackey and Glass's with a delay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

System = Literal["lorenz", "mackey_glass"]
Array = NDArray[np.float64]

INTERVAL: dict[System, float] = {"lorenz": 0.05, "mackey_glass": 1.0}
"""Time between two samples."""
_SUBSTEPS: dict[System, int] = {"lorenz": 5, "mackey_glass": 10}
_WASHOUT: dict[System, int] = {"lorenz": 400, "mackey_glass": 500}
"""Samples that are thrown away at the start, so that what is kept lies on the attractor."""

DELAY = 17.0
"""τ of Mackey and Glass: from 16.8 on the motion is chaotic."""


def trajectories(system: System, samples: int, starts: Array) -> Array:
    """Samples of one observed variable (Lorenz: x), `sample start`, from the attractor on.

    Args:
        system: which equations.
        samples: how many per trajectory, `INTERVAL` apart.
        starts: numbers in [0, 1) that choose the initial states, `start 3`.
    """
    substeps = _SUBSTEPS[system]
    step = INTERVAL[system] / substeps
    march = _lorenz if system == "lorenz" else _mackey_glass
    return march(starts, step, substeps, _WASHOUT[system] + samples)[_WASHOUT[system] :]


def lorenz(state: Array) -> Array:
    """ẋ = 10 (y − x), ẏ = x (28 − z) − y, ż = x y − 8/3 z, of `3 start` (Lorenz 1963, eqs. 25–27)."""
    x, y, z = state
    return np.stack((10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z))


def mackey_glass(now: Array, delayed: Array) -> Array:
    """ẋ = 0.2 x_τ/(1 + x_τ¹⁰) − 0.1 x (Mackey & Glass 1977, eq. 4b)."""
    return 0.2 * delayed / (1 + delayed**10) - 0.1 * now


def runge_kutta(derivative: Callable[[Array], Array], state: Array, step: float) -> Array:
    """One step of the classical fourth-order Runge–Kutta method."""
    first = derivative(state)
    second = derivative(state + step / 2 * first)
    third = derivative(state + step / 2 * second)
    return state + step / 6 * (first + 2 * second + 2 * third + derivative(state + step * third))


def _lorenz(starts: Array, step: float, substeps: int, samples: int) -> Array:
    state = np.array([[-15.0], [-15.0], [10.0]]) + np.array([[30.0], [30.0], [30.0]]) * starts.T
    observed = np.empty((samples, state.shape[1]))
    for sample in range(samples):
        for _ in range(substeps):
            state = runge_kutta(lorenz, state, step)
        observed[sample] = state[0]
    return observed


def _mackey_glass(starts: Array, step: float, substeps: int, samples: int) -> Array:
    """Runge–Kutta with the delayed value taken from the past, between two grid points by a cubic."""
    lag = round(DELAY / step)
    history = lag + 2
    x = np.empty((history + samples * substeps, len(starts)))
    # A past that differs between trajectories: a level, and a slow wave upon it.
    times = np.arange(1 - history, 1)[:, None] * step
    x[:history] = 0.6 + 0.6 * starts[:, 0] + 0.2 * np.sin(times * (0.2 + starts[:, 1]) + 6.28 * starts[:, 2])
    for n in range(history - 1, len(x) - 1):
        early, late = x[n - lag], x[n - lag + 1]
        between = (9 * (early + late) - x[n - lag - 1] - x[n - lag + 2]) / 16
        first = mackey_glass(x[n], early)
        second = mackey_glass(x[n] + step / 2 * first, between)
        third = mackey_glass(x[n] + step / 2 * second, between)
        fourth = mackey_glass(x[n] + step * third, late)
        x[n + 1] = x[n] + step / 6 * (first + 2 * second + 2 * third + fourth)
    return x[history + substeps - 1 :: substeps]
