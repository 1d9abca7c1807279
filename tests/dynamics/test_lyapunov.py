"""Lyapunov exponents, against closed forms, known maps, and QR at every step."""

import math

import pytest
import torch
from torch import Tensor

from gradlab.dynamics import (
    entropy_rate,
    kaplan_yorke_dimension,
    log_singular_values_of_product,
    lyapunov_spectrum,
    newman_exponents,
    newman_variances,
    reference,
)
from tests.dynamics.nets import (
    RowScaled,
    agrees,
    gaussian,
    gaussian_jacobians,
    map_jacobians,
    numbers,
    orbit,
    tanh_net,
)

EPS = torch.finfo(torch.float64).eps


def within_statistics(exponents: Tensor, expected: list[float], bias: float = 0.0) -> None:
    """Mean over independent orbits, `sequences k`, within five standard errors, taken from their scatter."""
    error = exponents.std(0) / len(exponents) ** 0.5
    agrees(exponents.mean(0), numbers(*expected), 5 * error + bias)


class TestKnownMaps:
    def test_henon(self) -> None:
        def step(state: Tensor) -> Tensor:
            x, y = state.unbind(-1)
            return torch.stack([1 - 1.4 * x**2 + y, 0.3 * x], -1)

        states = orbit(step, 0.1 * gaussian(48, 2), 2000, skip=100)
        spectrum = lyapunov_spectrum(map_jacobians(step, states), transient=100)
        within_statistics(spectrum.exponents, [0.4192, -1.6232], bias=5e-5)  # the table gives four digits
        agrees(spectrum.exponents.sum(-1), numbers(*[math.log(0.3)] * 48), 1e-10)
        # Kaplan–Yorke: 1 + 0.4192/1.6232.
        assert abs(float(spectrum.kaplan_yorke_dimension.mean()) - 1.2583) < 0.01
        within_statistics(spectrum.entropy_rate.unsqueeze(-1), [0.4192], bias=5e-5)

    def test_lorenz(self) -> None:
        def flow(state: Tensor) -> Tensor:
            x, y, z = state.unbind(-1)
            return torch.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], -1)

        interval = 0.01

        def step(state: Tensor) -> Tensor:
            first = flow(state)
            second = flow(state + interval / 2 * first)
            third = flow(state + interval / 2 * second)
            fourth = flow(state + interval * third)
            return state + interval / 6 * (first + 2 * second + 2 * third + fourth)

        start = gaussian(24, 3) + torch.tensor([0.0, 0.0, 25.0], dtype=torch.float64)
        states = orbit(step, start, 6000, skip=1000)
        exponents = lyapunov_spectrum(map_jacobians(step, states), transient=1000).exponents / interval
        # RK4 at 0.01 changes the exponents by about 1e−4; the one along the flow ends within a boundary term over T.
        within_statistics(exponents, [0.9056, 0.0, -14.572], bias=2e-3)
        agrees(exponents.sum(-1), numbers(*[-(10 + 1 + 8 / 3)] * 24), 1e-3)

    def test_logistic(self) -> None:
        def step(state: Tensor) -> Tensor:
            return 4 * state * (1 - state)

        states = orbit(step, torch.rand(64, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), 3000)
        within_statistics(lyapunov_spectrum(map_jacobians(step, states)).exponents, [math.log(2)])

    def test_cat_map(self) -> None:
        jacobians = torch.tensor([[2.0, 1.0], [1.0, 1.0]]).expand(2000, 2, 2)
        found = lyapunov_spectrum(jacobians, transient=100).exponents
        # After the transient the basis is exact; only rounding remains.
        agrees(found, numbers(0.9624236501, -0.9624236501), 1e-10)

    def test_tent_map_as_a_relu_net(self) -> None:
        mu, steps = 1.9, 4000
        weight = mu * torch.tensor([[1.0, -2.0], [1.0, -2.0]], dtype=torch.float64)
        bias = torch.tensor([0.0, -0.5], dtype=torch.float64)

        def step(state: Tensor) -> Tensor:
            return torch.relu(state @ weight.mT + bias)

        states = orbit(step, torch.tensor([[0.3, 0.0]], dtype=torch.float64), steps + 1)
        slopes = (states[1:] > 0).double()
        found = lyapunov_spectrum(RowScaled(weight, slopes)).exponents[0]
        assert abs(float(found[0]) - math.log(mu)) < 3 / steps
        assert found[1].isneginf()


class TestClosedForms:
    @pytest.mark.parametrize("states, steps, sequences", [(2, 4000, 8), (64, 1500, 2)])
    def test_newman(self, states: int, steps: int, sequences: int) -> None:
        spectrum = lyapunov_spectrum(gaussian_jacobians(steps, sequences, states=states, seed=5))
        expected = torch.from_numpy(newman_exponents(states))
        error = torch.from_numpy(newman_variances(states, steps)).sqrt()
        # Five standard deviations, known exactly; sorting moves neighbours by less than that.
        agrees(spectrum.exponents, expected.expand(sequences, states), 5 * error)
        # Its own standard errors: 32 to 63 batches know them to about 1/√(2·31) each.
        ratio = spectrum.standard_errors / error
        assert abs(float(ratio.mean()) - 1) < 5 / (2 * 31 * states * sequences) ** 0.5 + 0.02
        assert float((ratio.log().abs()).max()) < 5 / (2 * 31) ** 0.5 + 0.1
        assert spectrum.converged.all()

    def test_newman_values(self) -> None:
        agrees(torch.from_numpy(newman_exponents(2)), numbers(-0.2886078, -0.9817550), 6e-8)
        assert abs(newman_exponents(64)[0] - -0.0078532) < 6e-8

    def test_tied_linear_net_has_the_eigenvalues_not_the_singular_values(self) -> None:
        weight = gaussian(6, 6, seed=4, scale=6**-0.5)
        steps = 4000
        found = lyapunov_spectrum(weight.expand(steps, 6, 6), transient=2000).exponents
        expected = torch.linalg.eigvals(weight).abs().log().sort(descending=True).values
        # Complex pairs turn for ever: their two log-diagonals agree with ln|λ| up to a bounded term over T.
        agrees(found, expected, 10 / steps)
        assert float((found - torch.linalg.svdvals(weight).log()).abs().max()) > 0.1
        agrees(found.sum(), torch.linalg.slogdet(weight).logabsdet, 1e-10)

    def test_orthogonal_weights(self) -> None:
        weight = torch.linalg.qr(gaussian(16, 16)).Q
        spectrum = lyapunov_spectrum(weight.expand(1000, 16, 16))
        agrees(spectrum.exponents, numbers(*[0] * 16), 4 * EPS)
        assert bool(spectrum.converged)
        assert spectrum.mean_interval > 8, "nothing grows, so hardly any QR is needed"

    def test_identity_net(self) -> None:
        spectrum = lyapunov_spectrum(torch.eye(5).expand(300, 5, 5))
        assert (spectrum.exponents == 0).all()
        assert float(spectrum.entropy_rate) == 0

    def test_equal_exponents(self) -> None:
        spectrum = lyapunov_spectrum(0.25 * torch.eye(4).expand(777, 4, 4))
        agrees(spectrum.exponents, numbers(*[math.log(0.25)] * 4), 1e-13)

    def test_diagonal_jacobians_in_any_order(self) -> None:
        diagonal = torch.rand(400, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        expected = diagonal.log().mean(0).sort(dim=-1, descending=True).values
        agrees(lyapunov_spectrum(torch.diag_embed(diagonal)).exponents, expected, 1e-12)


class TestAdaptiveInterval:
    @pytest.mark.parametrize("sigma_w", [0.5, 1.0, 1.5])
    def test_agrees_with_qr_at_every_step(self, sigma_w: float) -> None:
        operator = tanh_net(48, 300, 3, sigma_w=sigma_w, injected=0.25)
        expected = reference.lyapunov_exponents(operator.dense()).sort(dim=-1, descending=True).values
        careful, fast = lyapunov_spectrum(operator), lyapunov_spectrum(operator, condition_limit=5e7)
        agrees(careful.exponents, expected, 1e-10)
        agrees(fast.exponents, expected, 1e-8)
        agrees(careful.exponents.sum(-1), operator.log_abs_det().mean(0), 1e-10)
        assert fast.mean_interval > 2 and fast.mean_interval > careful.mean_interval

    def test_a_sudden_spread_is_taken_back(self) -> None:
        jacobians = torch.eye(3, dtype=torch.float64).repeat(200, 1, 1)
        jacobians[100:104] = torch.diag(torch.tensor([1e7, 1.0, 1e-7], dtype=torch.float64)) @ gaussian_jacobians(
            4, states=3
        )
        spectrum = lyapunov_spectrum(jacobians)
        agrees(spectrum.exponents, reference.lyapunov_exponents(jacobians).sort(descending=True).values, 1e-9)
        agrees(spectrum.exponents.sum(), torch.linalg.slogdet(jacobians).logabsdet.mean(), 1e-10)

    def test_growth_beyond_float64_between_two_qrs(self) -> None:
        jacobians = 1e30 * torch.eye(2, dtype=torch.float64).repeat(500, 1, 1)
        agrees(lyapunov_spectrum(jacobians).exponents, 30 * math.log(10) * numbers(1, 1), 1e-11)

    def test_a_fixed_interval_that_is_too_long_is_wrong(self) -> None:
        jacobians = gaussian_jacobians(300, states=64)
        expected = reference.lyapunov_exponents(jacobians)
        wrong = lyapunov_spectrum(jacobians, condition_limit=math.inf, max_interval=16).exponents
        assert float((wrong - expected.sort(descending=True).values).abs().max()) > 0.1
        agrees(lyapunov_spectrum(jacobians).exponents, expected.sort(descending=True).values, 1e-8)


class TestLeading:
    def test_matrix_free(self) -> None:
        operator = tanh_net(60, 800, 2, sigma_w=1.5, injected=0.25)
        full = lyapunov_spectrum(operator, transient=200)
        leading = lyapunov_spectrum(operator, 4, transient=200)
        assert leading.exponents.shape == (2, 4)
        # Different starting bases: what is left of them after the transient is a constant over T.
        agrees(leading.exponents, full.exponents[:, :4], 5 / 600)

    def test_a_part_cannot_tell_the_dimension_of_a_net_that_expands(self) -> None:
        operator = tanh_net(30, 200, 1, sigma_w=3.0, injected=0.0)
        assert lyapunov_spectrum(operator, 2).kaplan_yorke_dimension.isnan().all()
        assert (lyapunov_spectrum(operator).kaplan_yorke_dimension > 2).all()


class TestDeadDirections:
    def test_relu_dies_in_as_many_directions_as_the_product_loses(self) -> None:
        weight = gaussian(20, 20, scale=20**-0.5)
        slopes = (gaussian(60, 2, 20, seed=1) > -1).double()
        operator = RowScaled(weight, slopes)
        found = lyapunov_spectrum(operator).exponents
        product = log_singular_values_of_product(operator)
        assert (found.isneginf().sum(-1) == product.isneginf().sum(-1)).all()
        # Both are averages of the same growth, a constant over T apart.
        agrees(found[:, 0], product[:, 0] / 60, 5 / 60)

    def test_a_direction_that_dies_first_leaves_its_place(self) -> None:
        diagonal = torch.tensor([0.0, 0.5, 0.25], dtype=torch.float64).expand(100, 3)
        found = lyapunov_spectrum(torch.diag_embed(diagonal)).exponents
        agrees(found, numbers(math.log(0.5), math.log(0.25), -math.inf), 1e-13)

    def test_everything_dies(self) -> None:
        jacobians = gaussian_jacobians(20, states=3)
        jacobians[7] = 0
        spectrum = lyapunov_spectrum(jacobians)
        assert spectrum.exponents.isneginf().all()
        assert float(spectrum.kaplan_yorke_dimension) == 0
        assert float(spectrum.entropy_rate) == 0
        assert "no sequence of 1 has a finite leading exponent" in spectrum.statement()

    def test_saturated_units_are_small_not_dead(self) -> None:
        slopes = torch.logspace(0, -30, 5, dtype=torch.float64).expand(50, 5)
        operator = RowScaled(gaussian(5, 5), slopes)
        found = lyapunov_spectrum(operator).exponents
        assert found.isfinite().all()
        agrees(found.sum(), operator.log_abs_det().mean(), 1e-10)


class TestErrors:
    def test_memory_of_the_process_shows(self) -> None:
        # ln d is an AR(1) process with memory of 100 steps: single batches are too short, and it says so.
        steps, factor = 3200, math.exp(-1 / 100)
        noise, value, logs = gaussian(steps, 64), torch.zeros(64, dtype=torch.float64), []
        for shock in noise:
            value = factor * value + shock
            logs.append(value)
        spectrum = lyapunov_spectrum(torch.stack(logs).exp()[..., None, None])
        assert float(spectrum.correlation.mean()) > 1.3
        fast = lyapunov_spectrum(gaussian(steps, 64).exp()[..., None, None])
        assert abs(float(fast.correlation.mean()) - 1) < 0.1
        assert bool(fast.converged.double().mean() > 0.95)

    def test_a_drift_is_not_converged(self) -> None:
        logs = torch.linspace(-1, 1, 400, dtype=torch.float64) + gaussian(400, scale=0.05)
        spectrum = lyapunov_spectrum(logs.exp()[:, None, None])
        assert not bool(spectrum.converged)
        assert float(spectrum.drift) == pytest.approx(1.0, abs=0.05)

    def test_too_short_for_a_standard_error(self) -> None:
        spectrum = lyapunov_spectrum(gaussian_jacobians(3, states=2))
        assert spectrum.standard_errors.isnan().all()
        assert spectrum.exponents.isfinite().all()

    def test_transients_are_left_out(self) -> None:
        jacobians = torch.cat([torch.full((50, 1, 1), 7.0), torch.full((50, 1, 1), 2.0)])
        spectrum = lyapunov_spectrum(jacobians, transient=50)
        assert spectrum.steps == 50
        assert float(spectrum.exponents) == pytest.approx(math.log(2), abs=1e-14)

    @pytest.mark.parametrize(
        "arguments",
        [{"k": 0}, {"k": 4}, {"transient": -1}, {"transient": 10}, {"max_interval": 0}, {"condition_limit": 1.0}],
    )
    def test_wrong_arguments(self, arguments: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="expected"):
            lyapunov_spectrum(gaussian_jacobians(10, states=3), **arguments)  # type: ignore[arg-type]


def test_kaplan_yorke_by_hand() -> None:
    cases = {
        (0.5, 0.0, -1.0): 2.5,
        (0.9056, 0.0, -14.572): 2 + 0.9056 / 14.572,
        (-0.1, -0.2): 0.0,
        (0.3, 0.1): 2.0,
        (0.3, -math.inf): 1.0,
        (0.3, math.nan): math.nan,
    }
    for exponents, expected in cases.items():
        agrees(kaplan_yorke_dimension(numbers(*exponents)), numbers(expected)[0], 1e-7)
    assert kaplan_yorke_dimension(torch.tensor([0.3, 0.1]), states=5).isnan()
    assert float(entropy_rate(torch.tensor([0.3, 0.1, -2.0]))) == pytest.approx(0.4)


def test_a_stream_gives_the_same_as_the_whole() -> None:
    jacobians = gaussian_jacobians(90, 2, states=5)
    whole, parts = lyapunov_spectrum(jacobians), lyapunov_spectrum(iter(jacobians.split(11)))
    agrees(parts.exponents, whole.exponents, 1e-10)
    assert parts.steps == whole.steps == 90
