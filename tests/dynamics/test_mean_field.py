"""The mean field, against published values, simulations of random nets, and limits that are known in closed form."""

import math

import numpy as np
import pytest
import torch

from gradlab.dynamics import (
    MeanField,
    critical_sigma_w,
    estimate_mean_field,
    exponent_line,
    log_teaching_norms,
    lyapunov_spectrum,
    newman_exponents,
)
from gradlab.dynamics.gaussian import ACTIVATIONS, FINE_POINTS, POINTS, mean, pair_mean
from tests.dynamics.nets import agrees, gaussian, tanh_net


class TestTable:
    @pytest.mark.parametrize(
        "sigma_w, injected, q, chi, exponent",
        [
            (0.9, 0.0, 0.0, 0.81, -0.1053605),
            (1.25, 0.25, 0.8049938, 0.7870154, -0.1197537),
            (1.5, 0.0, 0.7933540, 1.1393232, 0.0652172),
            (2.0, 0.25, 2.4797105, 1.2722296, 0.1203855),
        ],
    )
    def test_tanh(self, sigma_w: float, injected: float, q: float, chi: float, exponent: float) -> None:
        field = MeanField(sigma_w, injected)
        # Half a unit of the seventh digit, and a little for rounding of the table.
        assert field.variance == pytest.approx(q, abs=6e-8)
        assert field.chi == pytest.approx(chi, abs=6e-8)
        assert field.exponent == pytest.approx(exponent, abs=6e-8)
        assert exponent_line([sigma_w], injected)[0] == field.exponent

    @pytest.mark.parametrize("injected, critical", [(0.0, 1.0), (0.01, 1.1934007), (0.25, 1.5496739), (1.0, 1.8555891)])
    def test_critical(self, injected: float, critical: float) -> None:
        assert critical_sigma_w(injected) == pytest.approx(critical, abs=6e-8)
        assert MeanField(critical_sigma_w(injected), injected).chi == pytest.approx(1, abs=1e-10)

    def test_critical_of_the_others(self) -> None:
        assert critical_sigma_w(0.3, "relu") == pytest.approx(math.sqrt(2))
        assert critical_sigma_w(0.3, "linear") == pytest.approx(1)
        assert critical_sigma_w(0.0, "erf") == pytest.approx(math.sqrt(math.pi) / 2)
        assert MeanField(critical_sigma_w(0.2, "erf"), 0.2, "erf").chi == pytest.approx(1, abs=1e-10)


class TestActivations:
    @pytest.mark.parametrize("name", list(ACTIVATIONS))
    @pytest.mark.parametrize("q", [0.0, 0.3, 4.0])
    def test_closed_forms_are_the_quadrature(self, name: str, q: float) -> None:
        phi = ACTIVATIONS[name]
        # A kink or a step of the integrand costs the trapezoid the square of, or one, grid width.
        tolerance, points = (3e-4, FINE_POINTS) if name == "relu" else (1e-10, POINTS)
        if not (name == "relu" and q == 0):
            assert phi.slope_moment(q) == pytest.approx(mean(lambda x: phi.slope(x) ** 2, q, points), abs=tolerance)
        assert phi.second_moment(q) == pytest.approx(mean(lambda x: phi.value(x) ** 2, q, points), abs=tolerance)
        squares, weights = phi.squared_slopes(q)
        if not (name == "relu" and q == 0):
            assert squares @ weights == pytest.approx(phi.slope_moment(q), abs=tolerance)

    @pytest.mark.parametrize("name", list(ACTIVATIONS))
    def test_slopes_are_derivatives(self, name: str) -> None:
        phi, x, step = ACTIVATIONS[name], np.linspace(-3, 3, 12) + 0.01, 1e-5
        np.testing.assert_allclose(phi.slope(x), (phi.value(x + step) - phi.value(x - step)) / (2 * step), atol=1e-9)
        np.testing.assert_allclose(
            phi.curvature(x), (phi.slope(x + step) - phi.slope(x - step)) / (2 * step), atol=1e-8
        )
        rate = (phi.second_moment(0.7 + step) - phi.second_moment(0.7 - step)) / (2 * step)
        assert phi.variance_slope(0.7) == pytest.approx(rate, abs=1e-8)

    def test_pairs(self) -> None:
        # At correlation 1 a pair is one Gaussian, at 0 two; for erf the mean is 2/π asin(2qc/(1 + 2q)).
        phi = ACTIVATIONS["erf"]
        for correlation in (0.0, 0.4, 1.0):
            expected = 2 / math.pi * math.asin(2 * 0.5 * correlation / (1 + 2 * 0.5))
            assert pair_mean(phi.value, 0.5, correlation) == pytest.approx(expected, abs=1e-9)

    def test_far_saturation_keeps_its_slope(self) -> None:
        slope = float(ACTIVATIONS["tanh"].slope(np.array([20.0]))[0])
        assert slope == pytest.approx(4 * math.exp(-40), rel=1e-12)


class TestLimits:
    def test_linear_spectrum_is_newmans_for_many_states(self) -> None:
        states = 400
        found, expected = MeanField(1.3, 0.1, "linear").exponents_of(states), newman_exponents(states, 1.3)
        # ψ(y) = ln y − 1/(2y) − …: the difference is of the order 1/(N − i).
        np.testing.assert_array_less(np.abs(found - expected), 1.0 / np.arange(states, 0, -1))

    def test_finite_size_correction_of_the_linear_net_is_newmans(self) -> None:
        field = MeanField(1.0, 0.1, "linear")
        for states in (16, 256):
            exact = newman_exponents(states)[0]
            assert field.exponent + field.finite_size_correction(states) == pytest.approx(exact, abs=0.5 / states**2)

    def test_spectrum_begins_at_half_ln_chi_and_descends(self) -> None:
        field = MeanField(1.25, 0.25)
        line = field.exponents([0.0, 1e-6, 0.3, 0.9, 0.999])
        assert line[0] == field.exponent
        assert line[1] == pytest.approx(field.exponent, abs=1e-5)
        assert (np.diff(line) < 0).all()

    def test_the_mean_exponent_is_the_determinants(self) -> None:
        # ∫λ dx = E ln φ' + ln σ_w − ½: the mean of ln|det| over N.
        field = MeanField(1.25, 0.25)
        middles = (np.arange(400) + 0.5) / 400
        phi = ACTIVATIONS["tanh"]
        expected = mean(lambda x: np.log(phi.slope(x)), field.variance) + math.log(1.25) - 0.5
        # The midpoint rule misses about (1 − ln 2)/2 of a cell at the logarithmic end x → 1.
        assert field.exponents(middles).mean() == pytest.approx(expected, abs=2 / 400)

    def test_relu(self) -> None:
        field = MeanField(1.2, 0.5, "relu")
        assert field.variance == pytest.approx(0.5 / (1 - 0.72))
        assert field.chi == pytest.approx(0.72)
        assert MeanField(1.5, 0.5, "relu").variance == math.inf
        assert field.exponents([0.3, 0.7])[1] == -math.inf
        assert field.exponents([1e-9])[0] == pytest.approx(math.log(0.72) / 2, abs=1e-8)

    def test_depths(self) -> None:
        quiet = MeanField(0.9, 0.0)
        assert quiet.gradient_depth == pytest.approx(-1 / math.log(0.81))
        assert quiet.variance_depth == pytest.approx(-1 / math.log(0.81)), "without input both decay alike"
        assert MeanField(1.0, 0.0, "linear").gradient_depth == math.inf
        assert MeanField(0.0, 0.2).exponent == -math.inf

    def test_variance_depth_is_the_decay_of_a_disturbance(self) -> None:
        field, phi = MeanField(1.5, 0.1), ACTIVATIONS["tanh"]
        q = field.variance + 1e-5
        after = 1.5**2 * phi.second_moment(q) + 0.1
        assert (after - field.variance) / 1e-5 == pytest.approx(math.exp(-1 / field.variance_depth), abs=1e-4)

    def test_chaos_decorrelates(self) -> None:
        assert MeanField(1.25, 0.25).correlation == 1
        chaotic = MeanField(2.0, 0.25)
        assert 0 < chaotic.correlation < 1
        # Two states of one large net under one input settle at this correlation.
        weight = gaussian(512, 512, scale=2 * 512**-0.5)
        states, seen = gaussian(2, 512, seed=1), []
        for t, x in enumerate(gaussian(260, 512, seed=2, scale=0.5)):
            before = states @ weight.mT + x
            states = torch.tanh(before)
            if t >= 60:
                seen.append(float(torch.nn.functional.cosine_similarity(before[0], before[1], dim=0)))
        # 200 steps of 512 units, remembered for ξ_c steps.
        scatter = np.std(seen) * math.sqrt(2 * chaotic.correlation_depth / len(seen))
        assert np.mean(seen) == pytest.approx(chaotic.correlation, abs=5 * scatter + 2 / 512)

    @pytest.mark.parametrize("arguments", [(-1.0,), (1.0, -0.1), (1.0, 0.1, "cosine"), (math.nan,)])
    def test_wrong_parameters(self, arguments: tuple[float, ...]) -> None:
        with pytest.raises((ValueError, TypeError), match=r"expected|violat|[Tt]ype"):
            MeanField(*arguments)  # type: ignore[arg-type]

    def test_wrong_positions(self) -> None:
        with pytest.raises(ValueError, match="positions from 0 to below 1"):
            MeanField(1.0, 0.1).exponents([1.0])


class TestAgainstNets:
    """Driven by iid Gaussian input; the tolerances on ln g² a step are those of one seed at each size."""

    @pytest.mark.parametrize(
        "sigma_w, states, tolerance",
        [
            *((sigma_w, 128, 0.035) for sigma_w in (0.5, 1.25, 2.0, 3.0)),
            *((sigma_w, 256, 0.012) for sigma_w in (0.5, 1.25, 2.0)),
            # the path of so chaotic a net hangs on the last bit of its processor: ten of them scatter by 0.011 about a
            # mean that lies 0.018 below the theory of infinitely many units
            (3.0, 256, 0.018 + 3 * 0.011),
        ],
    )
    def test_gradient_growth(self, sigma_w: float, states: int, tolerance: float) -> None:
        steps = 600
        net = tanh_net(states, steps, 1, sigma_w=sigma_w, injected=0.25, seed=11)
        norms = log_teaching_norms(net, gaussian(1, 1, states, seed=3), [steps - 1])[0, :, 0]
        growth = 2 * float(norms[0] - norms[-1]) / (steps - 1)
        assert growth == pytest.approx(2 * MeanField(sigma_w, 0.25).exponent, abs=tolerance)

    @pytest.mark.parametrize("sigma_w", [1.25, 2.0])
    def test_whole_spectrum(self, sigma_w: float) -> None:
        states, steps = 128, 600
        net = tanh_net(states, steps, 1, sigma_w=sigma_w, injected=0.25, seed=7)
        spectrum = lyapunov_spectrum(net, transient=100)
        expected = torch.from_numpy(MeanField(sigma_w, 0.25).exponents_of(states))
        kept = slice(0, int(0.9 * states))
        # ±.035 in ln g² at this size is ±.0175 in λ_1; at x it grows as 1/(1 − x), like Newman's 1/N corrections.
        x = (torch.arange(states) + 0.5).double() / states
        allowed = 0.0175 / (1 - x) + 5 * spectrum.standard_errors[0]
        agrees(spectrum.exponents[0, kept], expected[kept], allowed[kept])

    def test_a_contracting_net_without_input_has_its_spectral_radius(self) -> None:
        weight = gaussian(64, 64, scale=0.5 / 8)
        found = lyapunov_spectrum(weight.expand(3000, 64, 64), 1, transient=1000).exponents
        radius = torch.linalg.eigvals(weight).abs().max()
        # A complex pair turns: a bounded term over T.
        assert float(found) == pytest.approx(math.log(float(radius)), abs=5 / 2000)
        assert abs(float(found) - math.log(0.5)) > 5 / 2000


class TestEstimate:
    def test_torchs_default_initialisation(self) -> None:
        torch.manual_seed(0)
        hidden, features = 256, 2
        net = torch.nn.RNN(features, hidden)
        found = estimate_mean_field(
            net.weight_hh_l0, net.weight_ih_l0, torch.randn(200, 4, features), net.bias_ih_l0, net.bias_hh_l0
        )
        # U(±1/√H): σ_w² = 1/3 over H² entries of kurtosis 9/5, s² = (I + 2)/(3H) over H rows.
        assert found.sigma_w**2 == pytest.approx(1 / 3, rel=5 * math.sqrt(0.8) / hidden)
        assert found.injected_variance == pytest.approx((features + 2) / (3 * hidden), rel=5 * math.sqrt(2 / hidden))
        assert found.spectral_norm == pytest.approx(2 / math.sqrt(3), rel=0.05)
        assert found.spectral_radius == pytest.approx(1 / math.sqrt(3), rel=0.1)
        # The gradient loses 1.1 nats in ‖g‖² at every step.
        assert 2 * found.mean_field().exponent == pytest.approx(-1.1, abs=0.05)

    def test_by_hand(self) -> None:
        weight = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
        found = estimate_mean_field(weight, torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [-1.0]]), torch.ones(2))
        assert found.sigma_w == pytest.approx(math.sqrt(25 / 2))
        assert found.injected_variance == pytest.approx((4 + 9 + 0 + 1) / 4)
        assert (found.spectral_norm, found.spectral_radius, found.states) == (4, 4, 2)
        assert estimate_mean_field(weight).injected_variance == 0

    @pytest.mark.parametrize(
        "arguments",
        [
            (torch.ones(8, 2),),
            (torch.ones(2, 2), torch.ones(2, 3)),
            (torch.ones(2, 2), torch.ones(2, 3), torch.ones(5, 4)),
            (torch.ones(2, 2), None, None, torch.ones(3)),
        ],
    )
    def test_wrong_shapes(self, arguments: tuple[torch.Tensor, ...]) -> None:
        with pytest.raises(ValueError, match="expected"):
            estimate_mean_field(*arguments)
