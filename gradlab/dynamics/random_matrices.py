"""Laws of random matrices: singular values of one and of products, exponents of endless products."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import comb, polygamma, psi

from gradlab.dynamics.arrays import Numbers


def newman_exponents(states: int, sigma: float = 1.0) -> np.ndarray:
    """Lyapunov exponents of products of iid real Gaussian N × N matrices, entries N(0, σ²/N), `states`.

    λ_i = ln σ + ½[ln(2/N) + ψ((N − i + 1)/2)], exactly, for every N (Newman 1986, Commun. Math. Phys. 103,
    121).
    """
    half = np.arange(states, 0, -1) / 2
    return math.log(sigma) + (math.log(2 / states) + psi(half)) / 2


def newman_variances(states: int, steps: int) -> np.ndarray:
    """Variance ψ'((N − i + 1)/2)/(4T) of the exponents measured over T steps by QR, `states`.

    The QR log-diagonals are independent from step to step: ln χ_{N−i+1} − ½ ln N.
    """
    return polygamma(1, np.arange(states, 0, -1) / 2) / (4 * steps)


def marchenko_pastur_edges(ratio: float = 1.0, sigma: float = 1.0) -> tuple[float, float]:
    """Edges σ(1 ∓ √c) of the singular values of an N × cN matrix with entries of variance σ²/N, for large N.

    Marchenko & Pastur 1967. For c > 1 a share 1 − 1/c of the cN columns' singular values is zero besides.
    """
    return sigma * abs(1 - math.sqrt(ratio)), sigma * (1 + math.sqrt(ratio))


def marchenko_pastur_density(values: Numbers, ratio: float = 1.0, sigma: float = 1.0) -> np.ndarray:
    """Density of the singular values s (not squared) of an N × cN matrix with entries of variance σ²/N.

    √((s₊² − s²)(s² − s₋²))/(π σ² c s) between the edges, of total mass min(1, 1/c): c = 1 is the quarter
    circle.
    """
    values = np.asarray(values, dtype=float)
    low, high = marchenko_pastur_edges(ratio, sigma)
    inside = (values >= low) & (values <= high) & (values > 0)
    squares = np.where(inside, values**2, 1.0)
    root = np.sqrt(np.clip((high**2 - squares) * (squares - low**2), 0, None))
    return np.where(inside, root / (math.pi * sigma**2 * ratio * np.sqrt(squares)), 0.0)


def fuss_catalan_edge(factors: int, sigma: float = 1.0) -> float:
    """Largest singular value σ^L √((L+1)^{L+1}/L^L) of a product of L independent N × N matrices, large N.

    Entries of variance σ²/N; L fixed while N grows (Penson & Życzkowski 2011, Phys. Rev. E 83, 061118).
    """
    return math.exp(((factors + 1) * math.log(factors + 1) - factors * math.log(factors)) / 2) * sigma**factors


def fuss_catalan_moment(factors: int, order: int, sigma: float = 1.0) -> float:
    """Mean of σ_i^{2k} of such a product: Fuss–Catalan number binom(Lk + k, k)/(Lk + 1), times σ^{2Lk}."""
    number = float(comb(factors * order + order, order, exact=True)) / (factors * order + 1)
    return number * sigma ** (2 * factors * order)


def fuss_catalan_density(factors: int, points: int = 512, sigma: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Singular values s (not squared) of such a product, ascending, and their density, `points` each.

    Parametrised by an angle: s² = sin^{L+1}((L+1)φ)/(sin φ sin^L(Lφ)), 0 < φ < π/(L+1), with density
    sin²φ sin^{L−1}(Lφ)/(π sin^L((L+1)φ)) in s² (Haagerup & Möller 2013; Forrester & Liu 2015, J. Stat. Phys.
    158).
    """
    angle = (np.arange(points) + 0.5)[::-1] / points * math.pi / (factors + 1)
    outer, inner = np.sin((factors + 1) * angle), np.sin(factors * angle)
    squares = outer ** (factors + 1) / (np.sin(angle) * inner**factors)
    density = np.sin(angle) ** 2 * inner ** (factors - 1) / (math.pi * outer**factors)
    values = np.sqrt(squares)
    return values * sigma**factors, density * 2 * values / sigma**factors
