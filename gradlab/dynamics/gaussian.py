"""Activations and their means over Gaussian pre-activations: in closed form or by quadrature."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy.special import erf

RANGE, POINTS, FINE_POINTS = 12.0, 6_001, 48_001
"""Trapezoid in z: beyond 12 standard deviations lies 1e−33 of the mass.

For analytic functions its error falls like e^{−2πd/h}, d the distance of the nearest pole from the real line: for
tanh(√q z) below rounding up to √q of about 60. Distributions, which may have steps, are taken on the fine grid."""
PAIR_POINTS = 120
"""Gauss–Hermite nodes per axis for means over two correlated Gaussians."""

Function = Callable[[np.ndarray], np.ndarray]


@lru_cache(maxsize=2)
def normal_grid(points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Points z and weights of the standard normal measure, for the trapezoid rule."""
    z = np.linspace(-RANGE, RANGE, points)
    weights = np.exp(-(z**2) / 2)
    return z, weights / weights.sum()


def mean(function: Function, variance: float, points: int = POINTS) -> float:
    """Mean of a function over a centred Gaussian of some variance."""
    z, weights = normal_grid(points)
    return float(function(math.sqrt(variance) * z) @ weights)


def pair_mean(function: Function, variance: float, correlation: float) -> float:
    """Mean of f(x) f(y) over two centred Gaussians of equal variance and some correlation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(PAIR_POINTS)
    weights = weights / weights.sum()
    x = math.sqrt(variance) * nodes
    y = correlation * x[:, None] + math.sqrt(variance * (1 - correlation**2)) * nodes[None, :]
    return float(np.sum(function(x)[:, None] * function(y) * weights[:, None] * weights[None, :]))


class Activation(ABC):
    """An activation φ and its means over pre-activations of variance q."""

    homogeneous: ClassVar[bool] = False
    """Whether φ(a x) = a φ(x) for a > 0: slopes then do not depend on q."""

    @abstractmethod
    def value(self, x: np.ndarray) -> np.ndarray:
        """φ(x)."""

    @abstractmethod
    def slope(self, x: np.ndarray) -> np.ndarray:
        """φ'(x)."""

    @abstractmethod
    def curvature(self, x: np.ndarray) -> np.ndarray:
        """φ''(x)."""

    def second_moment(self, q: float) -> float:
        """Mean of φ²."""
        return mean(lambda x: self.value(x) ** 2, q)

    def slope_moment(self, q: float) -> float:
        """Mean of φ'²."""
        return mean(lambda x: self.slope(x) ** 2, q)

    def variance_slope(self, q: float) -> float:
        """Derivative in q of the mean of φ²: the mean of φ'² + φ φ''."""
        return mean(lambda x: self.slope(x) ** 2 + self.value(x) * self.curvature(x), q)

    def squared_slopes(self, q: float) -> tuple[np.ndarray, np.ndarray]:
        """Values of φ'² on the grid of pre-activations, and their weights."""
        z, weights = normal_grid(FINE_POINTS)
        return self.slope(math.sqrt(q) * z) ** 2, weights


class Tanh(Activation):
    """Hyperbolic tangent."""

    def value(self, x: np.ndarray) -> np.ndarray:
        """Tanh x."""
        return np.tanh(x)

    def slope(self, x: np.ndarray) -> np.ndarray:
        """Sech² x, right where 1 − tanh² rounds to zero."""
        small = np.exp(-2 * np.abs(x))
        return 4 * small / (1 + small) ** 2

    def curvature(self, x: np.ndarray) -> np.ndarray:
        """−2 tanh x sech² x."""
        return -2 * np.tanh(x) * self.slope(x)


class Erf(Activation):
    """Error function; its means are closed (Williams 1997, Neural Computation 10, 1203)."""

    def value(self, x: np.ndarray) -> np.ndarray:
        """Erf x."""
        return np.asarray(erf(x))

    def slope(self, x: np.ndarray) -> np.ndarray:
        """2/√π e^{−x²}."""
        return 2 / math.sqrt(math.pi) * np.exp(-(x**2))

    def curvature(self, x: np.ndarray) -> np.ndarray:
        """−2 x φ'."""
        return -2 * x * self.slope(x)

    def second_moment(self, q: float) -> float:
        """2/π asin(2q/(1 + 2q))."""
        return 2 / math.pi * math.asin(2 * q / (1 + 2 * q))

    def slope_moment(self, q: float) -> float:
        """4/π/√(1 + 4q)."""
        return 4 / math.pi / math.sqrt(1 + 4 * q)


class Relu(Activation):
    """Rectified linear; half of the pre-activations count."""

    homogeneous = True

    def value(self, x: np.ndarray) -> np.ndarray:
        """max(x, 0)."""
        return np.maximum(x, 0)

    def slope(self, x: np.ndarray) -> np.ndarray:
        """1 where x > 0."""
        return (x > 0).astype(float)

    def curvature(self, x: np.ndarray) -> np.ndarray:
        """Zero almost everywhere; its mass at 0 meets φ = 0."""
        return np.zeros_like(x)

    def second_moment(self, q: float) -> float:
        """q/2."""
        return q / 2

    def slope_moment(self, q: float) -> float:
        """1/2."""
        return 0.5

    def variance_slope(self, q: float) -> float:
        """1/2."""
        return 0.5

    def squared_slopes(self, q: float) -> tuple[np.ndarray, np.ndarray]:
        """0 and 1, half each."""
        return np.array([0.0, 1.0]), np.array([0.5, 0.5])


class Linear(Activation):
    """The identity."""

    homogeneous = True

    def value(self, x: np.ndarray) -> np.ndarray:
        """The value x itself."""
        return x

    def slope(self, x: np.ndarray) -> np.ndarray:
        """1."""
        return np.ones_like(x)

    def curvature(self, x: np.ndarray) -> np.ndarray:
        """0."""
        return np.zeros_like(x)

    def second_moment(self, q: float) -> float:
        """The variance q itself."""
        return q

    def slope_moment(self, q: float) -> float:
        """1."""
        return 1.0


ACTIVATIONS: dict[str, Activation] = {"tanh": Tanh(), "erf": Erf(), "relu": Relu(), "linear": Linear()}
"""By the name under which they stand in settings."""
