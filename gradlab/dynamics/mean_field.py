"""Mean field of a random recurrent net: variance, gradient growth and exponents from σ_w and input.

h_t = φ(W h_{t−1} + x_t) with W_ij ~ N(0, σ_w²/N), and x_t Gaussian with variance s² per unit (biases
included). For N → ∞ the pre-activations are Gaussian with variance q = σ_w² ∫Dz φ²(√q z) + s², and the
squared gradient norm changes per step by χ = σ_w² ∫Dz φ'²(√q z): λ_1 = ½ ln χ. Schoenholz, Gilmer, Ganguli &
Sohl-Dickstein 2017 (ICLR, eqs. 3–8); Chen, Pennington & Schoenholz 2018 (ICML); without input, Sompolinsky,
Crisanti & Sommers 1988.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from gradlab.dynamics.arrays import Numbers
from gradlab.dynamics.gaussian import ACTIVATIONS, Activation, pair_mean

ActivationName = Literal["tanh", "erf", "relu", "linear"]
SMALLEST_VARIANCE = 1e-12
"""Where nothing is injected, a fixed point below this counts as the quiet state q = 0."""


@dataclass(frozen=True)
class MeanField:
    """The infinitely wide net; ValueError for negative parameters or an unknown activation."""

    sigma_w: float
    """Standard deviation of the recurrent weights times √N."""
    injected_variance: float = 0.0
    """s²: variance of what inputs and biases add to each pre-activation."""
    activation: ActivationName = "tanh"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"expected an activation of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        if not (self.sigma_w >= 0 and self.injected_variance >= 0):
            raise ValueError(
                f"expected sigma_w ≥ 0 and injected_variance ≥ 0, got {self.sigma_w} and {self.injected_variance}"
            )

    @property
    def _phi(self) -> Activation:
        return ACTIVATIONS[self.activation]

    @cached_property
    def variance(self) -> float:
        """Variance q of the pre-activations in the steady state; ∞ where they grow without bound."""
        gain, injected = self.sigma_w**2, self.injected_variance
        if self._phi.homogeneous:
            rate = gain * self._phi.second_moment(1.0)
            return 0.0 if injected == 0 and rate < 1 else injected / (1 - rate) if rate < 1 else math.inf

        def excess(q: float) -> float:
            return gain * self._phi.second_moment(q) + injected - q

        lowest = injected if injected > 0 else SMALLEST_VARIANCE
        if gain == 0 or excess(lowest) <= 0:
            return injected
        return float(brentq(excess, lowest, gain + injected + 1, xtol=1e-15, rtol=1e-14))

    @cached_property
    def chi(self) -> float:
        """Growth χ of the squared gradient norm per step back: E‖g_{t−1}‖²/E‖g_t‖²."""
        return self.sigma_w**2 * self._phi.slope_moment(self._finite_variance)

    @property
    def exponent(self) -> float:
        """Largest Lyapunov exponent ½ ln χ in nats per step; −∞ for σ_w = 0."""
        return math.log(self.chi) / 2 if self.chi > 0 else -math.inf

    @property
    def gradient_depth(self) -> float:
        """Steps in which the squared gradient norm changes by a factor e, 1/|ln χ|; ∞ at criticality."""
        return _depth(self.chi)

    @cached_property
    def variance_depth(self) -> float:
        """Steps ξ_q in which a disturbance of q decays by a factor e (Schoenholz et al. 2017, eq. 8)."""
        return _depth(self.sigma_w**2 * self._phi.variance_slope(self._finite_variance))

    @cached_property
    def correlation(self) -> float:
        """Steady correlation c* of two states that get the same input: 1 if χ ≤ 1, less in chaos."""
        if self.chi <= 1 or self._phi.homogeneous:
            return 1.0
        if self.injected_variance == 0:
            return 0.0

        def covariance(c: float) -> float:
            return self.sigma_w**2 * pair_mean(self._phi.value, self.variance, c) + self.injected_variance

        whole, nearly = covariance(1.0), 1 - 1e-6
        if covariance(nearly) >= nearly * whole:
            return 1.0
        return float(brentq(lambda c: covariance(c) / whole - c, 0.0, nearly))

    @cached_property
    def correlation_depth(self) -> float:
        """Steps ξ_c in which two states' correlation settles by a factor e (Schoenholz et al., eq. 7)."""
        if self.correlation == 1.0:
            return _depth(self.chi)
        return _depth(self.sigma_w**2 * pair_mean(self._phi.slope, self.variance, self.correlation))

    def exponents(self, positions: Numbers) -> np.ndarray:
        """The whole Lyapunov spectrum λ(x), x = i/N from 0 to 1, in nats per step; −∞ for dead directions.

        For x in (0, 1) solve E[u d/(1 + u d)] = x with d = φ'²(√q z); then λ(x) = ½ ln(σ_w² x/u). It holds
        for weights that are Gaussian; λ(0) = ½ ln χ.

        Args:
            positions: x, from 0 up to, but not including, 1.

        Raises ValueError for positions outside [0, 1).
        """
        positions = np.asarray(positions, dtype=float)
        if np.any((positions < 0) | (positions >= 1)):
            raise ValueError(f"expected positions from 0 to below 1, got {positions.min()} to {positions.max()}")
        squares, weights = self._phi.squared_slopes(self._finite_variance)
        return np.vectorize(lambda x: self._exponent_at(x, squares, weights), otypes=[float])(positions)

    def exponents_of(self, states: int) -> np.ndarray:
        """The spectrum at the middles x = (i − ½)/N of N equal parts, `states`."""
        return self.exponents((np.arange(states) + 0.5) / states)

    def finite_size_correction(self, states: int) -> float:
        """What to add to ½ ln χ at N states, to first order in 1/N: −(3 E[d²]/E[d]² − 1)/(4N), d = φ'².

        By expanding E ln ‖D W v‖² for Gaussian W; for the linear net it is −1/(2N), the first term of
        Newman's (1986) exact ψ. Fluctuations of q and the weights' being the same at every step are left out.
        """
        squares, weights = self._phi.squared_slopes(self._finite_variance)
        first, second = float(squares @ weights), float(squares**2 @ weights)
        return -(3 * second / first**2 - 1) / (4 * states)

    def _exponent_at(self, x: float, squares: np.ndarray, weights: np.ndarray) -> float:
        if x == 0 or self.sigma_w == 0:
            return self.exponent
        if x >= weights[squares > 0].sum() - 1e-12:
            return -math.inf

        def excess(log_u: float) -> float:
            scaled = math.exp(log_u) * squares
            return float((scaled / (1 + scaled)) @ weights) - x

        log_u = brentq(excess, math.log(x) - 5 - math.log(squares.max()), 690.0, xtol=1e-13)
        return math.log(self.sigma_w) + (math.log(x) - log_u) / 2

    @property
    def _finite_variance(self) -> float:
        # Slopes of homogeneous activations do not depend on q.
        return 1.0 if self._phi.homogeneous else self.variance


def critical_sigma_w(injected_variance: float = 0.0, activation: ActivationName = "tanh") -> float:
    """The σ_w at which χ = 1, the edge of chaos, for a given injected variance."""
    if ACTIVATIONS.get(activation) is not None and ACTIVATIONS[activation].homogeneous:
        return 1 / math.sqrt(ACTIVATIONS[activation].slope_moment(1.0))
    if injected_variance == 0:
        # The quiet state q = 0 loses its stability where σ_w φ'(0) = 1.
        return 1 / math.sqrt(ACTIVATIONS[MeanField(1.0, 0.0, activation).activation].slope_moment(0.0))

    def excess(sigma_w: float) -> float:
        return MeanField(sigma_w, injected_variance, activation).chi - 1

    highest = 2.0
    while excess(highest) < 0:
        highest *= 2
    return float(brentq(excess, 1e-3, highest, xtol=1e-13))


def exponent_line(sigma_w: Numbers, injected_variance: float = 0.0, activation: ActivationName = "tanh") -> np.ndarray:
    """Half ln χ in nats per step over many σ_w: the line to lay over measured exponents."""
    return np.vectorize(lambda sigma: _exponent(float(sigma), float(injected_variance), activation), otypes=[float])(
        np.asarray(sigma_w, dtype=float)
    )


@lru_cache(maxsize=4096)
def _exponent(sigma_w: float, injected_variance: float, activation: ActivationName) -> float:
    """Figures ask for the same line again and again."""
    return MeanField(sigma_w, injected_variance, activation).exponent


def _depth(rate: float) -> float:
    if rate <= 0:
        return 0.0
    return math.inf if rate == 1 else 1 / abs(math.log(rate))
