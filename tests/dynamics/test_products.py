"""Log singular values of long products, against exact arithmetic and against known products."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.dynamics import Dense, log_singular_values_by_lag, log_singular_values_of_product, reference
from tests.dynamics.nets import RowScaled, agrees, gaussian, gaussian_jacobians, numbers, tanh_net
from tests.dynamics.product_spectrum import make

EPS = torch.finfo(torch.float64).eps


def test_the_published_product_to_all_its_digits() -> None:
    rng = np.random.default_rng(12345)
    jacobians = torch.from_numpy(np.stack([rng.standard_normal((6, 6)) / 6**0.5 for _ in range(100)]))
    expected = [-6.75690698350, -14.4974730441, -36.1413906713, -59.6541255393, -84.9018042199, -141.684950355]
    # Twelve significant digits are given: half a unit of the last.
    digits = numbers(5e-12, 5e-11, 5e-11, 5e-11, 5e-11, 5e-10)
    agrees(log_singular_values_of_product(jacobians), numbers(*expected), digits * 1.5)
    agrees(log_singular_values_of_product(jacobians), reference.log_singular_values_of_product(jacobians), 2e-12)


def test_ten_thousand_steps_of_64_states_against_multiprecision() -> None:
    content = json.loads((Path(make.__file__).parent / "64x10000.json").read_text())
    rng = np.random.default_rng(content["seed"])
    stream = (
        torch.from_numpy(np.stack([make.matrices(rng, content["states"]) for _ in range(100)]))
        for _ in range(content["steps"] // 100)
    )
    expected = numbers(*map(float, content["log_singular_values"]))
    # The file's numbers reach −27,000, where float64 itself rounds at 3.6e−12; rounding of 10,000
    # steps adds up as a random walk to a hundred times that.
    agrees(log_singular_values_of_product(stream), expected, 1e-9)


@pytest.mark.parametrize("states, steps", [(1, 1), (1, 50), (2, 1), (2, 400), (5, 40), (12, 60)])
def test_agrees_with_decimals(states: int, steps: int) -> None:
    jacobians = gaussian_jacobians(steps, states=states, seed=steps)
    expected = reference.log_singular_values_of_product(jacobians, digits=600)
    # Rounding errors of T steps add up as a random walk, with the condition of T̃ (tens) as factor.
    agrees(log_singular_values_of_product(jacobians), expected, 200 * EPS * states * steps**0.5)


def test_agrees_with_svd_while_the_product_fits_float64() -> None:
    jacobians = tanh_net(8, 12, 3, sigma_w=1.5, injected=0.25).dense()
    expected = torch.linalg.svdvals(reference.product(jacobians)).log()
    # SVD of the naive product: absolute error ε·σ_1, so relative to σ_i worse by their ratio.
    allowed = 100 * EPS * (expected[:, :1] - expected).exp()
    agrees(log_singular_values_of_product(jacobians), expected, allowed)


def test_naive_float32_products_die_where_this_does_not() -> None:
    jacobians = 0.5 * gaussian_jacobians(150, states=64)
    naive = torch.eye(64)
    for matrix in jacobians.float():
        naive = matrix @ naive
    assert float(naive.abs().max()) == 0.0
    assert log_singular_values_of_product(jacobians).isfinite().all()


def test_cat_map_powers_exactly() -> None:
    jacobians = torch.tensor([[2.0, 1.0], [1.0, 1.0]], dtype=torch.float64).expand(10_000, 2, 2)
    rate = math.log((3 + math.sqrt(5)) / 2)
    assert abs(rate - 0.9624236501) < 5e-11
    expected = 10_000 * torch.tensor([rate, -rate], dtype=torch.float64)
    agrees(log_singular_values_of_product(jacobians), expected, 1e-13, relative=True)


def test_qr_log_diagonals_are_not_log_singular_values() -> None:
    jacobians = gaussian_jacobians(300, states=6, seed=3)
    logs = log_singular_values_of_product(jacobians)
    diagonals = 300 * reference.lyapunov_exponents(jacobians)
    difference = (logs - diagonals).abs()
    assert 0.3 < float(difference.max()) < 10, "they differ by a constant of order one"
    longer = gaussian_jacobians(3000, states=6, seed=3)
    longer[:300] = jacobians
    difference = (log_singular_values_of_product(longer) - 3000 * reference.lyapunov_exponents(longer)).abs()
    assert float(difference.max()) > 0.3, "and it does not shrink with T"


def test_transient_growth_of_a_matrix_that_is_not_normal() -> None:
    jacobians = torch.tensor([[0.9, 5.0], [0.0, 0.9]], dtype=torch.float64).expand(200, 2, 2)
    largest = log_singular_values_by_lag(jacobians)[:, 0].exp()
    assert round(float(largest[0]), 3) == 5.157
    assert int(largest.argmax()) + 1 == 9
    assert round(float(largest[8]), 2) == 19.38
    assert f"{float(largest[199]):.1e}" == "7.8e-07"


class TestRankLoss:
    def test_exact_zero_rows_at_one_step(self) -> None:
        jacobians = gaussian_jacobians(50, states=5)
        jacobians[20, [1, 3]] = 0
        found = log_singular_values_of_product(jacobians)
        assert found[3:].isneginf().all()
        expected = reference.log_singular_values_of_product(jacobians)
        agrees(found[:3], expected[:3], 1e-12)

    def test_exact_zero_columns_at_the_first_step(self) -> None:
        jacobians = gaussian_jacobians(30, states=4)
        jacobians[0, :, :2] = 0
        found = log_singular_values_of_product(jacobians)
        assert found[2:].isneginf().all()
        agrees(found[:2], reference.log_singular_values_of_product(jacobians)[:2], 1e-12)

    def test_rank_lost_by_cancellation(self) -> None:
        jacobians = gaussian_jacobians(30, states=6)
        jacobians[10, 2] = jacobians[10, 3] - jacobians[10, 4]
        found = log_singular_values_of_product(jacobians)
        assert found[5].isneginf()
        assert found[:5].isfinite().all()

    def test_relu_loses_a_direction_for_every_silent_unit(self) -> None:
        weight = gaussian(20, 20, scale=20**-0.5)
        slopes = (gaussian(40, 20, seed=1) > -1).double()
        found = log_singular_values_of_product(RowScaled(weight, slopes))
        rank = int(slopes.sum(-1).min())
        assert int(found.isfinite().sum()) <= rank
        expected = reference.log_singular_values_of_product(RowScaled(weight, slopes).dense())
        agrees(found[found.isfinite()], expected[: int(found.isfinite().sum())], 1e-11)
        # Exact arithmetic decides whether what was called dead is dead.
        assert expected[int(found.isfinite().sum()) :].isneginf().all()

    def test_zero_everything(self) -> None:
        assert log_singular_values_of_product(torch.zeros(4, 3, 3)).isneginf().all()

    def test_different_ranks_in_one_batch(self) -> None:
        jacobians = gaussian_jacobians(20, 3, states=4)
        jacobians[5, 1, 0] = 0
        jacobians[7, 2, :2] = 0
        found = log_singular_values_of_product(jacobians)
        assert found.isneginf().sum(-1).tolist() == [0, 1, 2]
        for b in range(3):
            agrees(found[b], log_singular_values_of_product(jacobians[:, b]), 1e-12)


class TestGrading:
    """Rows and columns of very different size keep their relative accuracy."""

    def test_saturated_units(self) -> None:
        weight = gaussian(6, 6)
        slopes = torch.logspace(0, -18, 6, dtype=torch.float64).expand(40, 6)
        jacobians = RowScaled(weight, slopes).dense()
        expected = reference.log_singular_values_of_product(jacobians, digits=1500)
        agrees(log_singular_values_of_product(jacobians), expected, 1e-12, relative=True)
        agrees(log_singular_values_of_product(jacobians.mT), expected_transposed(jacobians), 1e-12, relative=True)

    def test_a_badly_ordered_triangle(self) -> None:
        jacobians = torch.tensor([[0.1, 1.0], [0.0, 10.0]], dtype=torch.float64).expand(1000, 2, 2)
        found = log_singular_values_of_product(jacobians)
        expected = reference.log_singular_values_of_product(jacobians[:60])
        agrees(log_singular_values_of_product(jacobians[:60]), expected, 1e-12)
        # det = 1 at every step, and σ_1 ≈ 10^T √(1 + 1/9.9²).
        assert abs(float(found[0]) - 1000 * math.log(10) - math.log1p(9.9**-2) / 2) < 1e-10
        assert abs(float(found.sum())) < 1e-9

    def test_a_diagonal_in_the_wrong_order(self) -> None:
        diagonal = torch.tensor([1e-3, 1.0, 1e3], dtype=torch.float64)
        found = log_singular_values_of_product(torch.diag(diagonal).expand(5000, 3, 3))
        agrees(found, 5000 * math.log(1000) * numbers(1, 0, -1), 1e-9)


def expected_transposed(jacobians: torch.Tensor) -> torch.Tensor:
    return reference.log_singular_values_of_product(jacobians.mT, digits=1500)


def test_orthogonal_factors_keep_every_singular_value_at_one() -> None:
    jacobians = torch.linalg.qr(gaussian_jacobians(2000, states=7)).Q
    # Each factor is orthogonal to about 2ε.
    agrees(log_singular_values_of_product(jacobians), numbers(*[0] * 7), 2000 * 2 * EPS)


def test_equal_singular_values() -> None:
    jacobians = 0.5 * torch.eye(4).expand(3000, 4, 4)
    agrees(log_singular_values_of_product(jacobians), 3000 * math.log(0.5) * numbers(1, 1, 1, 1), 1e-14, relative=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), states=st.integers(1, 7), steps=st.integers(1, 120), spread=st.floats(0, 6))
def test_sum_rule_and_bound(seed: int, states: int, steps: int, spread: float) -> None:
    jacobians = gaussian_jacobians(steps, states=states, seed=seed)
    jacobians = jacobians * torch.exp(spread * gaussian(steps, states, 1, seed=seed + 1))
    found = log_singular_values_of_product(jacobians)
    determinant = torch.linalg.slogdet(jacobians).logabsdet
    assert abs(float(found.sum() - determinant.sum())) <= 1e-10 * max(1.0, float(determinant.abs().sum()))
    bound = torch.linalg.svdvals(jacobians)[:, 0].log().sum()
    assert float(found[0]) <= float(bound) + 1e-10 * max(1.0, abs(float(bound)))


def test_a_stream_gives_the_same_as_the_whole() -> None:
    jacobians = gaussian_jacobians(60, 2, states=5)
    stream = (part for part in jacobians.split(7))
    agrees(log_singular_values_of_product(stream), log_singular_values_of_product(jacobians), 1e-12)


class TestByLag:
    @pytest.mark.parametrize("batch", [(), (3,)])
    def test_every_lag(self, batch: tuple[int, ...]) -> None:
        jacobians = gaussian_jacobians(25, *batch, states=4)
        found = log_singular_values_by_lag(jacobians)
        assert found.shape == (25, *batch, 4)
        for lag in range(1, 26):
            agrees(found[lag - 1], log_singular_values_of_product(jacobians[25 - lag :]), 1e-12)

    def test_chosen_lags_of_an_operator(self) -> None:
        operator = tanh_net(6, 40, 2, sigma_w=1.2, injected=0.1)
        found = log_singular_values_by_lag(operator, [1, 7, 40])
        agrees(found, log_singular_values_by_lag(operator.dense())[[0, 6, 39]], 1e-12)

    def test_only_lags_that_reach_a_broken_step_are_nan(self) -> None:
        jacobians = gaussian_jacobians(10, 2, states=3)
        clean = log_singular_values_by_lag(jacobians)
        jacobians[6, 1, 0, 0] = torch.nan
        found = log_singular_values_by_lag(jacobians)
        assert found[3:, 1].isnan().all()
        agrees(found[:3, 1], clean[:3, 1], 1e-14)
        agrees(found[:, 0], clean[:, 0], 1e-12)

    @pytest.mark.parametrize("lags", [[], [0], [3, 2], [1, 1], [26]])
    def test_wrong_lags(self, lags: list[int]) -> None:
        with pytest.raises(ValueError, match="expected ascending lags between 1 and 25"):
            log_singular_values_by_lag(gaussian_jacobians(25, states=2), lags)


class TestLeading:
    @pytest.mark.parametrize("steps", [1, 3, 60, 400])
    def test_equals_the_full_spectrum(self, steps: int) -> None:
        jacobians = gaussian_jacobians(steps, 2, states=100)
        full = log_singular_values_of_product(jacobians)
        agrees(log_singular_values_of_product(jacobians, 3), full[..., :3], 1e-9)

    def test_matrix_free_and_with_a_broken_sequence(self) -> None:
        operator = tanh_net(100, 120, 2, sigma_w=1.5, injected=0.25)
        full = log_singular_values_of_product(operator)
        agrees(log_singular_values_of_product(operator, 2), full[..., :2], 1e-9)
        operator.slopes[50, 1, 0] = torch.nan
        found = log_singular_values_of_product(operator, 2)
        assert found[1].isnan().all()
        agrees(found[0], full[0, :2], 1e-9)

    def test_lost_rank(self) -> None:
        jacobians = gaussian_jacobians(30, states=90)
        jacobians[4] = 0
        jacobians[4, 0] = 1
        found = log_singular_values_of_product(jacobians, 2)
        agrees(found[:1], log_singular_values_of_product(jacobians)[:1], 1e-9)
        assert found[1].isneginf()

    @pytest.mark.parametrize("k", [0, 7])
    def test_wrong_k(self, k: int) -> None:
        for jacobians in (gaussian_jacobians(3, states=6), Dense(gaussian_jacobians(3, states=6))):
            with pytest.raises(ValueError, match="expected 1 ≤ k ≤ 6"):
                log_singular_values_of_product(jacobians, k)
        with pytest.raises(ValueError, match="expected 1 ≤ k ≤ 6"):
            log_singular_values_of_product(iter([gaussian_jacobians(3, states=6)]), k)
