"""How far gradients reach, by hand and against explicit products."""

import math

import pytest
import torch

from gradlab.dynamics import (
    e_folding_lag,
    effective_steps,
    lag_below,
    lag_below_rounding,
    lag_below_share,
    log_teaching_norms,
    reference,
    steps_for_share,
)
from tests.dynamics.nets import agrees, gaussian, gaussian_jacobians, numbers


class TestLags:
    def test_exponential_decay(self) -> None:
        gains = -0.25 * torch.arange(100).double() + 3
        assert float(e_folding_lag(gains)) == pytest.approx(4)
        assert float(lag_below_share(gains, 0.01)) == pytest.approx(4 * math.log(100))
        assert float(lag_below_rounding(gains, torch.float32)) == pytest.approx(4 * 24 * math.log(2))
        assert float(lag_below_rounding(gains, torch.float64)) == math.inf

    def test_the_last_crossing_counts(self) -> None:
        gains = numbers(0, -2, 0.5, -0.5, -2.5, -3)
        # Between lags 3 and 4 from −0.5 to −2.5, level −1: a quarter of the way.
        assert float(e_folding_lag(gains)) == pytest.approx(3.25)

    def test_death_explosion_and_nan(self) -> None:
        gains = torch.stack([numbers(0, -0.5, -math.inf), numbers(0, 5, 9), numbers(0, math.nan, 0)], -1)
        found = e_folding_lag(gains).tolist()
        assert found[:2] == [1, math.inf] and math.isnan(found[2])

    def test_wrong_levels(self) -> None:
        with pytest.raises(ValueError, match="below 1"):
            lag_below(numbers(0, -1), 0.0)
        with pytest.raises(ValueError, match="between 0 and 1"):
            lag_below_share(numbers(0, -1), 2.0)


class TestEffectiveSteps:
    def test_by_hand(self) -> None:
        assert float(effective_steps(numbers(1, 1, 1, 1))) == 4
        assert float(effective_steps(numbers(0, 7, 0))) == 1
        # A geometric series: (1 + a)/(1 − a).
        series = 0.9 ** torch.arange(500).double()
        assert float(effective_steps(series)) == pytest.approx(19)
        assert float(effective_steps(1e-300 * series)) == pytest.approx(19)

    def test_steps_for_a_share(self) -> None:
        assert int(steps_for_share(numbers(1, 5, 4), 0.9)) == 2
        assert int(steps_for_share(numbers(1, 5, 4), 0.91)) == 3
        assert int(steps_for_share(numbers(0.1, 0.2, 0.3), 1.0)) == 3
        with pytest.raises(ValueError, match="share"):
            steps_for_share(numbers(1, 2), 0.0)


class TestTeaching:
    def test_against_explicit_products(self) -> None:
        jacobians, gradients = gaussian_jacobians(15, states=4), gaussian(15, 4, seed=1)
        found = log_teaching_norms(jacobians, gradients, range(15)).exp()
        agrees(found, reference.teaching_norms(jacobians, gradients), 1e-12)
        chosen = log_teaching_norms(jacobians, gradients[[3, 14]], [3, 14]).exp()
        agrees(chosen, found[[3, 14]], 1e-12)

    def test_against_autograd_through_a_net(self) -> None:
        weight = gaussian(5, 5, scale=0.6)
        states = [gaussian(5, seed=3).requires_grad_()]
        for x in gaussian(9, 5, seed=4):
            states.append(torch.tanh(weight @ states[-1] + x))
        jacobians = torch.stack([(1 - h.detach() ** 2)[:, None] * weight for h in states[1:]])
        found = log_teaching_norms(jacobians, torch.ones(1, 5).double(), [8])[0].exp()
        gradients = torch.autograd.grad(states[-1].sum(), states[1:])
        agrees(found, torch.stack([torch.linalg.vector_norm(g) for g in gradients]), 1e-12)

    def test_part_of_the_state_and_batches(self) -> None:
        jacobians, gradients = gaussian_jacobians(8, 3, states=6), gaussian(2, 3, 6, seed=2)
        found = log_teaching_norms(jacobians, gradients, [2, 7], slice(0, 2))
        assert found.shape == (2, 8, 3)
        moved = gradients[1]
        for t in range(7, 5, -1):
            moved = (jacobians[t].mT @ moved.unsqueeze(-1)).squeeze(-1)
        agrees(found[1, 5].exp(), torch.linalg.vector_norm(moved[:, :2], dim=-1), 1e-12)
        assert found[0, 3:].isneginf().all()

    def test_a_thousand_steps_do_not_underflow(self) -> None:
        jacobians = 0.1 * torch.eye(3).double().expand(1000, 3, 3)
        found = log_teaching_norms(jacobians, numbers(0, 1, 0)[None], [999])[0]
        agrees(found, math.log(0.1) * torch.arange(999, -1, -1).double(), 1e-10)

    def test_dead_and_zero_gradients(self) -> None:
        jacobians = gaussian_jacobians(6, states=3)
        jacobians[4] = 0
        found = log_teaching_norms(jacobians, torch.ones(1, 3).double(), [5])[0]
        assert found.isneginf().tolist() == [True] * 4 + [False] * 2
        assert log_teaching_norms(jacobians, torch.zeros(1, 3), [5]).isneginf().all()

    @pytest.mark.parametrize("times", [[], [3, 1], [6], [-1], [2, 2]])
    def test_wrong_times(self, times: list[int]) -> None:
        with pytest.raises(ValueError, match="expected ascending times"):
            log_teaching_norms(gaussian_jacobians(6, states=3), torch.ones(len(times), 3), times)

    def test_wrong_gradients(self) -> None:
        with pytest.raises(ValueError, match="expected gradients `loss"):
            log_teaching_norms(gaussian_jacobians(6, states=3), torch.ones(1, 4), [2])

    def test_infinity_and_nan_stay_where_they_are(self) -> None:
        gradients = torch.ones(3, 3)
        gradients[1], gradients[2, 0] = torch.inf, torch.nan
        jacobians = torch.eye(3).expand(6, 3, 3)
        found = log_teaching_norms(jacobians + 1, gradients, [3, 4, 5])
        assert found[0, :4].isfinite().all()
        assert found[1, :5].isposinf().all()
        assert found[2].isnan().all()
