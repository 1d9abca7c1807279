"""Laws of random matrices, against their moments and against matrices that were drawn."""

import math

import numpy as np
import pytest
import torch

from gradlab.dynamics import (
    fuss_catalan_density,
    fuss_catalan_edge,
    fuss_catalan_moment,
    marchenko_pastur_density,
    marchenko_pastur_edges,
    newman_exponents,
    newman_variances,
    singular_values,
)
from tests.dynamics.nets import gaussian, gaussian_jacobians


@pytest.mark.parametrize("ratio, sigma", [(1.0, 1.0), (0.25, 2.0), (3.0, 0.5)])
def test_marchenko_pastur(ratio: float, sigma: float) -> None:
    low, high = marchenko_pastur_edges(ratio, sigma)
    middles = low + (np.arange(200_000) + 0.5) / 200_000 * (high - low)
    density, width = marchenko_pastur_density(middles, ratio, sigma), (high - low) / 200_000
    assert density.sum() * width == pytest.approx(min(1, 1 / ratio), abs=1e-5)
    # The mean square over all columns is the variance of a column: N entries of σ²/N.
    assert (density * middles**2).sum() * width == pytest.approx(sigma**2, abs=1e-5)
    rows = 600
    matrix = gaussian(1, rows, int(ratio * rows), scale=sigma / rows**0.5)
    values = singular_values(matrix)[0]
    # The edges of a finite matrix fluctuate by about N^{−2/3}.
    assert float(values[0]) == pytest.approx(high, abs=3 * sigma * rows ** (-2 / 3))
    assert float(values[-1]) == pytest.approx(low, abs=3 * sigma * rows ** (-2 / 3))
    assert (marchenko_pastur_density([low / 2 - 1e-9, high * 1.01], ratio, sigma) == 0).all()


@pytest.mark.parametrize("factors", [1, 2, 3, 5])
def test_fuss_catalan_moments(factors: int) -> None:
    values, density = fuss_catalan_density(factors, 20_000, sigma=1.1)
    for order in (1, 2, 3):
        moment = np.trapezoid(density * values ** (2 * order), values)
        assert moment == pytest.approx(fuss_catalan_moment(factors, order, 1.1), rel=1e-5)
    assert values[-1] == pytest.approx(fuss_catalan_edge(factors, 1.1), rel=1e-6)
    assert (np.diff(values) > 0).all()


def test_fuss_catalan_values_by_hand() -> None:
    assert fuss_catalan_edge(1) == pytest.approx(2)
    assert fuss_catalan_edge(2) == pytest.approx(math.sqrt(27 / 4))
    assert [fuss_catalan_moment(1, k) for k in (1, 2, 3, 4)] == [1, 2, 5, 14]
    assert [fuss_catalan_moment(2, k) for k in (1, 2, 3)] == [1, 3, 12]


def test_a_drawn_product_ends_at_the_edge() -> None:
    first, second = gaussian_jacobians(2, states=500)
    assert float(singular_values((first @ second)[None])[0, 0]) == pytest.approx(fuss_catalan_edge(2), abs=0.1)


def test_newman() -> None:
    np.testing.assert_allclose(newman_exponents(2), [-0.2886078, -0.9817550], atol=6e-8)
    assert newman_exponents(64)[0] == pytest.approx(-0.0078532, abs=6e-8)
    np.testing.assert_allclose(newman_exponents(5, 3.0) - newman_exponents(5), math.log(3))
    # N = 1: ln|z| of one Gaussian, variance π²/8.
    assert newman_variances(1, 1)[0] == pytest.approx(math.pi**2 / 8)
    logs = gaussian(200_000).abs().log()
    assert float(logs.mean()) == pytest.approx(newman_exponents(1)[0], abs=5 * float(logs.std()) / 200_000**0.5)
    assert float(torch.var(logs)) == pytest.approx(math.pi**2 / 8, rel=0.03)
