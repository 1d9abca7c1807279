"""Spectra of single Jacobians, against LAPACK and by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.dynamics import (
    condition_number,
    henrici_departure,
    leading_singular_values,
    log_histogram,
    mean_log_singular_value,
    participation_ratio,
    reference,
    singular_values,
    smallest_singular_values,
    spectral_radius,
    stable_rank,
)
from tests.dynamics.nets import agrees, gaussian, gaussian_jacobians, numbers, tanh_net

EPS = torch.finfo(torch.float64).eps


class TestSingularValues:
    @pytest.mark.parametrize("shape", [(3, 2, 6, 6), (4, 7, 3), (4, 3, 7), (1, 1, 1)])
    def test_float64_is_lapacks(self, shape: tuple[int, ...]) -> None:
        matrices = gaussian(*shape)
        agrees(singular_values(matrices), reference.singular_values(matrices), 1e-13)

    @pytest.mark.parametrize("shape", [(5, 40, 40), (4, 7, 3), (4, 3, 7)])
    def test_gram_route_within_its_error(self, shape: tuple[int, ...]) -> None:
        matrices = gaussian(*shape)
        expected = reference.singular_values(matrices)
        largest = expected[:, :1]
        allowed = 10 * EPS * min(shape[1:]) * largest**2 / expected
        agrees(singular_values(matrices, tolerance=1e-6), expected, allowed)

    def test_float32_is_as_good_as_float32_can_be(self) -> None:
        matrices = gaussian(6, 30, 30).float()
        matrices[:, :10] *= 1e-7
        expected = reference.singular_values(matrices)
        agrees(singular_values(matrices), expected, torch.finfo(torch.float32).eps * expected[:, :1])

    def test_orthogonal(self) -> None:
        agrees(singular_values(torch.linalg.qr(gaussian(5, 8, 8)).Q), torch.ones(5, 8).double(), 10 * EPS)

    def test_only_the_broken_step_is_nan(self) -> None:
        matrices = gaussian(4, 3, 3)
        matrices[2, 0, 0] = torch.inf
        assert singular_values(matrices).isnan().all(-1).tolist() == [False, False, True, False]

    def test_lost_rank(self) -> None:
        matrices = gaussian(2, 5, 5)
        matrices[:, 0] = 0
        assert (singular_values(matrices)[:, -1] < 1e-15).all()

    def test_sech_is_not_zero_where_float32_says_so(self) -> None:
        edge = torch.tensor([9.0, 9.02])
        slope = 1 - torch.tanh(edge) ** 2
        assert (slope > 0).tolist() == [True, False], "what backpropagation really uses in float32"
        assert singular_values(torch.diag(slope)[None])[0, 1] == 0


class TestExtremes:
    @pytest.mark.parametrize("k", [1, 4])
    @pytest.mark.parametrize("states", [6, 130])
    def test_against_lapack(self, k: int, states: int) -> None:
        operator = tanh_net(states, 20, 2, sigma_w=1.5, injected=0.2)
        expected = singular_values(operator)
        found = leading_singular_values(operator, k)
        agrees(found.values, expected[..., :k], 1e-6, relative=True)
        small = smallest_singular_values(operator, k)
        agrees(small.values, expected[..., -k:].flip(-1), 1e-6, relative=True)

    def test_vectors_are_right_singular_vectors(self) -> None:
        operator = tanh_net(120, 8, 1, sigma_w=1.5, injected=0.2)
        for function in (leading_singular_values, smallest_singular_values):
            found = function(operator, 2, tolerance=1e-12)
            moved = torch.linalg.vector_norm(operator.apply(found.vectors), dim=-2)
            agrees(moved, found.values, 1e-6, relative=True)
            gram = found.vectors.mT @ found.vectors
            agrees(gram, torch.eye(2).double().expand_as(gram), 1e-10)

    def test_a_start_is_taken_up(self) -> None:
        operator = tanh_net(120, 6, 1, sigma_w=1.5, injected=0.2)
        first = leading_singular_values(operator, 3)
        again = leading_singular_values(operator, 3, start=first.vectors)
        agrees(again.values, singular_values(operator)[..., :3], 1e-6, relative=True)
        with pytest.raises(ValueError, match="expected start vectors of shape"):
            leading_singular_values(operator, 2, start=first.vectors)

    def test_equal_singular_values(self) -> None:
        matrices = torch.linalg.qr(gaussian(3, 120, 120)).Q
        agrees(leading_singular_values(matrices, 3).values, torch.ones(3, 3).double(), 1e-9)
        agrees(smallest_singular_values(matrices, 3).values, torch.ones(3, 3).double(), 1e-9)

    @pytest.mark.parametrize("k", [1, 3, 8])
    def test_many_equal_ones_among_zeros(self, k: int) -> None:
        mask = (gaussian(3, 150) > 0).double()
        found = leading_singular_values(torch.diag_embed(mask), k).values
        agrees(found, torch.ones(3, k).double(), 1e-9)

    def test_zero_and_rank_one(self) -> None:
        matrices = torch.zeros(2, 120, 120, dtype=torch.float64)
        matrices[1] = torch.outer(gaussian(120), gaussian(120, seed=1))
        expected = singular_values(matrices)
        agrees(leading_singular_values(matrices, 2).values, expected[:, :2], 1e-6 * float(expected.max()) ** 0.5)
        assert (smallest_singular_values(matrices, 2).values.abs() < 1e-13).all()

    @pytest.mark.parametrize("k", [0, 5])
    def test_wrong_k(self, k: int) -> None:
        with pytest.raises(ValueError, match="expected 1 ≤ k ≤ 4"):
            leading_singular_values(gaussian(2, 4, 4), k)


class TestSummaries:
    def test_by_hand(self) -> None:
        sigma = numbers(4, 2, 1)
        assert float(condition_number(sigma)) == 4
        assert float(mean_log_singular_value(sigma)) == pytest.approx(math.log(2))
        assert float(stable_rank(sigma)) == pytest.approx(21 / 16)
        assert float(participation_ratio(sigma)) == pytest.approx(21**2 / (256 + 16 + 1))

    def test_lost_rank(self) -> None:
        sigma = numbers(4, 0)
        assert float(condition_number(sigma)) == math.inf
        assert float(mean_log_singular_value(sigma)) == -math.inf
        assert float(stable_rank(sigma)) == float(participation_ratio(sigma)) == 1

    def test_no_overflow_of_squares(self) -> None:
        assert float(participation_ratio(numbers(1e200, 1e200))) == 2

    def test_spectral_radius_and_departure_from_normality(self) -> None:
        matrix = numbers(0.9, 5, 0, 0.9).reshape(2, 2)
        # A Jordan-like block: its eigenvalues are known only to the root of ε.
        assert float(spectral_radius(matrix)) == pytest.approx(0.9, abs=1e-7)
        assert float(henrici_departure(matrix)) == pytest.approx(5, abs=1e-7)
        normal = gaussian(5, 5)
        assert float(henrici_departure(normal - normal.mT)) == pytest.approx(0, abs=1e-6)
        broken = torch.stack([matrix, matrix * torch.nan])
        assert spectral_radius(broken).isnan().tolist() == [False, True]
        with pytest.raises(ValueError, match="expected square"):
            spectral_radius(torch.ones(2, 3))

    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 10**6), states=st.integers(1, 8))
    def test_bounds(self, seed: int, states: int) -> None:
        matrices = gaussian_jacobians(3, states=states, seed=seed)
        sigma = singular_values(matrices)
        assert (spectral_radius(matrices) <= sigma[:, 0] * (1 + 1e-12)).all()
        assert (stable_rank(sigma) <= states * (1 + 1e-12)).all() and (stable_rank(sigma) >= 1).all()
        assert (participation_ratio(sigma) >= stable_rank(sigma) * (1 - 1e-12)).all()
        agrees(mean_log_singular_value(sigma) * states, torch.linalg.slogdet(matrices).logabsdet, 1e-9)


class TestHistogram:
    def test_every_value_is_counted_once(self) -> None:
        sigma = gaussian(4, 1000).exp()
        sigma[0, :3] = 0
        sigma[1, 0] = 1e9
        sigma[2, 0] = torch.nan
        histogram = log_histogram(sigma, 16)
        assert histogram.counts.shape == (4, 16)
        total = histogram.counts.sum(-1) + histogram.dead + histogram.beyond
        assert total.tolist() == [1000, 1000, 999, 1000]
        assert histogram.dead.tolist() == [3, 0, 0, 0]
        assert int(histogram.beyond[1]) >= 1

    def test_edges_belong_to_the_bin_above_and_the_last_to_the_last(self) -> None:
        histogram = log_histogram(numbers(0, 1, 2).exp(), 2, lowest=0.0, highest=2.0)
        assert histogram.counts.tolist() == [1, 2]

    def test_wrong_bins(self) -> None:
        with pytest.raises(ValueError, match="bins ≥ 1"):
            log_histogram(torch.ones(3), 0)
