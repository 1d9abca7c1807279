"""What the weights alone promise about gradients: upper bounds, before any data is seen."""

from __future__ import annotations

import math

import numpy as np

from gradlab.dynamics.arrays import Numbers

MAX_SLOPE = {"tanh": 1.0, "sigmoid": 0.25, "relu": 1.0, "linear": 1.0, "erf": 2 / math.sqrt(math.pi)}
"""γ, the largest slope of each activation: Pascanu, Mikolov & Bengio 2013, section 2.1."""


def max_slope(activation: str) -> float:
    """The largest slope γ of an activation; ValueError for an unknown one."""
    if activation not in MAX_SLOPE:
        raise ValueError(f"expected one of the activations {', '.join(MAX_SLOPE)}, got {activation!r}")
    return MAX_SLOPE[activation]


def log_gradient_bound(spectral_norm: Numbers, lags: Numbers, activation: str = "tanh") -> np.ndarray:
    """Upper bound lag · ln(γ σ_max(W)) on ln σ_max(∂h_T/∂h_{T−lag}) of a plain RNN, in nats; broadcast.

    It holds for every input and every state (Pascanu, Mikolov & Bengio 2013, section 2.1). A bound above zero
    does not mean that gradients explode.
    """
    logs = np.log(max_slope(activation) * np.asarray(spectral_norm, dtype=float))
    return np.asarray(np.asarray(lags) * logs)


def vanishing_is_certain(spectral_norm: Numbers, activation: str = "tanh") -> np.ndarray:
    """Whether γ σ_max(W) < 1: sufficient for gradients to vanish, whatever the data."""
    return np.asarray(np.asarray(spectral_norm) * max_slope(activation) < 1)


def explosion_is_possible(spectral_norm: Numbers, activation: str = "tanh") -> np.ndarray:
    """Whether γ σ_max(W) > 1: necessary for gradients to explode, and not sufficient."""
    return np.asarray(np.asarray(spectral_norm) * max_slope(activation) > 1)


def log_bound_from_steps(sigma_max: Numbers) -> np.ndarray:
    """Bound Σ ln σ_max(J_t) on ln σ_max(∂s_T/∂s_{T−lag}) for lags 1, 2, …, `lag ...`.

    Tighter than the weights alone, since the slopes along the sequence are known.

    Args:
        sigma_max: σ_max(J_t) in the order of time, `time ...`.
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(sigma_max, dtype=float))
    return np.cumsum(logs[::-1], axis=0)
