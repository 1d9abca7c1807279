"""How long gates remember: time constants of LSTM and GRU from their biases and from measured gates."""

from __future__ import annotations

import numpy as np

from gradlab.dynamics.arrays import Numbers


def memory_of_gate(gate: Numbers) -> np.ndarray:
    """Memory τ = −1/ln f in steps of a constant gate value f: what is left after τ steps is 1/e.

    f is the LSTM's forget gate or the GRU's z in torch's order (the share of the old state that is kept). 0
    for f = 0, ∞ for f = 1; ValueError outside [0, 1].
    """
    gate = np.asarray(gate, dtype=float)
    if np.any((gate < 0) | (gate > 1)):
        raise ValueError(f"expected gate values between 0 and 1, got {gate.min()} to {gate.max()}")
    with np.errstate(divide="ignore"):
        return np.where(gate == 1, np.inf, -1 / np.log(gate))


def memory_of_bias(bias: Numbers) -> np.ndarray:
    """Memory τ = −1/ln σ(b) in steps of a gate whose input is only its bias b: 1.4 at 0, 3.2 at 1, 20.6 at 3.

    torch adds two biases, `bias_ih` and `bias_hh`: their sum is b. Raising b to 1: Jozefowicz et al. 2015.
    """
    return np.asarray(1 / np.logaddexp(0.0, -np.asarray(bias, dtype=float)))


def bias_for_memory(steps: Numbers) -> np.ndarray:
    """The bias for a gate memory of so many steps, inverse of `memory_of_bias`; ValueError for τ ≤ 0."""
    steps = np.asarray(steps, dtype=float)
    if np.any(steps <= 0):
        raise ValueError(f"expected memories above 0 steps, got {steps.min()}")
    return np.asarray(-np.log(np.expm1(1 / steps)))


def measured_memory(gates: Numbers, axis: int = 0) -> np.ndarray:
    """Memory −1/mean ln f_t in steps of gate values along a sequence, the mean taken over `axis` (time).

    The exponent of a cell without recurrent weights is mean ln f_t, exactly. 0 where a gate closed fully.
    """
    with np.errstate(divide="ignore"):
        rates = np.log(np.asarray(gates, dtype=float)).mean(axis=axis)
        return np.where(rates == 0, np.inf, -1 / rates)


def chrono_memory_quantile(share: Numbers, longest: float) -> np.ndarray:
    """Memory in steps below which a share of the units lies at chrono initialisation.

    b_f = ln U[1, T_max − 1] (Tallec & Ollivier 2018, section 3), so that τ = 1/ln(1 + 1/U) is about U + ½.

    Args:
        share: of the units, from 0 to 1.
        longest: T_max, above 2.

    Raises ValueError for T_max ≤ 2.
    """
    if longest <= 2:
        raise ValueError(f"expected T_max above 2, got {longest}")
    return memory_of_bias(np.log(1 + np.asarray(share, dtype=float) * (longest - 2)))
