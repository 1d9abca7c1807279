"""Jacobians whose spectrum is known beforehand: bounds that may never fail, and special weights."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gradlab.dynamics import lyapunov_spectrum
from gradlab.recurrence import (
    GRU,
    LRU,
    LSTM,
    RNN,
    AntisymmetricRNN,
    CoRNN,
    MinGRU,
    MinLSTM,
    Recurrence,
    ResidualRNN,
    Trace,
)
from tests.comparison import assert_equal
from tests.recurrence.cases import Case, passing


def jacobians(recurrence: Recurrence, weights: dict[str, Tensor], trace: Trace) -> Tensor:
    before = tuple(trace.before(k) for k in range(len(trace.states)))
    return recurrence.jacobian(weights, trace, before).dense()


@settings(deadline=None, max_examples=40)
@given(
    nonlinearity=st.sampled_from(["tanh", "relu"]),
    T=st.integers(1, 25),
    H=st.integers(1, 8),
    scale=st.floats(0.05, 3),
    seed=st.integers(0, 10_000),
)
def test_no_product_exceeds_the_bound_of_the_weights(
    nonlinearity: str, T: int, H: int, scale: float, seed: int
) -> None:
    """σ_max(∂h_T/∂h_t) ≤ (γ σ_max(W))^(T−t) (Pascanu, Mikolov & Bengio 2013), γ = 1 for tanh and ReLU."""
    recurrence = RNN(nonlinearity)  # type: ignore[arg-type]
    p = passing(Case(recurrence), T=T, H=H, seed=seed)
    weights = {**p.weights, "weight_hh": scale * p.weights["weight_hh"]}
    J = jacobians(recurrence, weights, recurrence.trace(weights, p.inputs, p.initial))
    largest = torch.linalg.matrix_norm(weights["weight_hh"], 2)
    product = torch.eye(H, dtype=torch.float64).expand(J.shape[1], H, H)
    for lag, step in enumerate(reversed(J.unbind()), 1):
        product = product @ step
        bound = float(largest) ** lag
        assert float(torch.linalg.matrix_norm(product, 2).max()) <= bound * (1 + 1e-12 * lag)


def test_an_irnn_in_the_positive_part_carries_the_gradient_unchanged() -> None:
    recurrence = RNN("relu")
    H = 6
    weights = {"weight_ih": torch.rand(H, 3).double(), "weight_hh": torch.eye(H, dtype=torch.float64)}
    inputs, initial = torch.rand(40, 2, 3).double() + 0.01, (torch.rand(2, H).double() + 0.01,)
    trace = recurrence.trace(weights, inputs, initial)
    assert torch.equal(jacobians(recurrence, weights, trace), torch.eye(H).double().expand(40, 2, H, H))
    arriving = torch.zeros(40, 2, H).double()
    arriving[-1] = torch.randn(2, H).double()
    adjoint = recurrence.adjoint(weights, trace, (arriving,))
    assert torch.equal(adjoint.states[0], arriving[-1].expand(40, 2, H))


def test_an_lstm_without_recurrent_weights_has_the_exponents_of_its_forget_gate() -> None:
    recurrence = LSTM()
    p = passing(Case(recurrence), T=1000, B=1)
    weights = {**p.weights, "weight_hh": torch.zeros_like(p.weights["weight_hh"])}
    trace = recurrence.trace(weights, p.inputs, p.initial)
    exponents = lyapunov_spectrum(jacobians(recurrence, weights, trace)[:, 0]).exponents
    expected = trace.gates["f"][:, 0].log().mean(0).sort(descending=True).values
    H = len(expected)
    # A basis vector is (∂h/∂c v, v): its first part comes and goes once, an error of O(1/T).
    torch.testing.assert_close(exponents[:H], expected, rtol=0, atol=2e-3)
    assert (exponents[H:] == -math.inf).all()
    assert (recurrence.jacobian(weights, trace, (trace.before(0), trace.before(1))).log_abs_det() == -math.inf).all()


def test_a_gru_without_recurrent_weights_has_the_exponents_of_its_update_gate() -> None:
    recurrence = GRU()
    p = passing(Case(recurrence), T=60, B=1)
    weights = {**p.weights, "weight_hh": torch.zeros_like(p.weights["weight_hh"])}
    trace = recurrence.trace(weights, p.inputs, p.initial)
    exponents = lyapunov_spectrum(jacobians(recurrence, weights, trace)[:, 0]).exponents
    expected = trace.gates["z"][:, 0].log().mean(0).sort(descending=True).values
    torch.testing.assert_close(exponents, expected, rtol=1e-10, atol=1e-10)


def test_dropping_the_cell_state_is_not_the_same() -> None:
    """The leading exponent of ∂h'/∂h alone is far below that of the full state: the field's best-known mistake."""
    recurrence = LSTM()
    p = passing(Case(recurrence), T=400, B=1, H=16)
    J = jacobians(recurrence, dict(p.weights), recurrence.trace(p.weights, p.inputs, p.initial))[:, 0]
    whole = lyapunov_spectrum(J).exponents[0]
    hidden_only = lyapunov_spectrum(J[:, :16, :16].contiguous()).exponents[0]
    assert float(whole - hidden_only) > 0.5


@pytest.mark.parametrize("recurrence", [RNN("tanh"), RNN("relu"), LSTM()], ids=str)
def test_a_singular_jacobian_has_a_log_determinant_of_minus_infinity(recurrence: Recurrence) -> None:
    p = passing(Case(recurrence))
    W = p.weights["weight_hh"].clone()
    W[-1] = 0
    weights = {**p.weights, "weight_hh": W}
    trace = recurrence.trace(weights, p.inputs, p.initial)
    operator = recurrence.jacobian(weights, trace, tuple(map(trace.before, range(len(trace.states)))))
    assert (operator.log_abs_det() == -math.inf).all()


@pytest.mark.parametrize("recurrence", [MinGRU(), MinLSTM()], ids=str)
def test_a_gate_that_is_shut_kills_its_unit(recurrence: Recurrence) -> None:
    p = passing(Case(recurrence))
    bias = p.weights["bias_ih"].clone()
    bias[0] = 800.0 if isinstance(recurrence, MinGRU) else -800.0
    weights = {**p.weights, "bias_ih": bias}
    trace = recurrence.trace(weights, p.inputs, p.initial)
    assert trace.states[0].isfinite().all()
    assert (recurrence.jacobian(weights, trace, p.initial).log_abs_det() == -math.inf).all()


def test_the_linear_recurrent_unit_has_the_exponents_of_its_eigenvalues() -> None:
    recurrence = LRU()
    p = passing(Case(recurrence), T=50, B=1, H=3)
    J = jacobians(recurrence, dict(p.weights), recurrence.trace(p.weights, p.inputs, p.initial))
    expected = (-p.weights["nu"].exp()).repeat_interleave(2).sort(descending=True).values
    torch.testing.assert_close(lyapunov_spectrum(J[:, 0]).exponents, expected, rtol=1e-9, atol=1e-9)


def test_the_linear_recurrent_unit_is_the_complex_equation() -> None:
    recurrence = LRU()
    p = passing(Case(recurrence), T=9, H=3)
    a, b = recurrence.eigenvalues(p.weights)
    B = torch.complex(*p.weights["weight_ih"].chunk(2))
    h = torch.complex(*p.initial[0].chunk(2, -1))
    states = []
    for x in p.inputs:
        h = torch.complex(a, b) * h + p.weights["gamma"].exp() * (x.to(B.dtype) @ B.T)
        states.append(torch.cat([h.real, h.imag], -1))
    assert_equal(recurrence.run(p.weights, p.inputs, p.initial)[0], torch.stack(states), 1e-13, "h")


def test_the_linear_recurrent_unit_starts_on_its_ring_with_unit_variance() -> None:
    recurrence = LRU(smallest_radius=0.8, largest_radius=0.95)
    H = 400
    weights = {n: torch.empty(shape, dtype=torch.float64) for n, shape in recurrence.weight_shapes(3, H).items()}
    torch.manual_seed(0)
    recurrence.initialise(weights, H)
    radius = torch.hypot(*recurrence.eigenvalues(weights))
    assert radius.min() >= 0.8 and radius.max() <= 0.95
    inputs = torch.randn(400, 20, 3, dtype=torch.float64)
    h = recurrence.run(weights, inputs, (torch.zeros(20, H, dtype=torch.float64),))[0]
    re, im = h[100:].chunk(2, -1)
    assert float((re.square() + im.square()).mean()) == pytest.approx(1.0, rel=0.05)
    with pytest.raises(ValueError, match="expected an even number of hidden units, got 7"):
        recurrence.weight_shapes(3, 7)


def test_an_antisymmetric_step_neither_loses_nor_gains_to_first_order() -> None:
    """ln|σ| of a step is O(ε²) without damping, where a plain residual step of the same size has O(ε)."""
    p = passing(Case(AntisymmetricRNN()))
    spread = []
    for kind in (AntisymmetricRNN(step_size=1e-3, damping=0.0), ResidualRNN(step_size=1e-3)):
        trace = kind.trace(p.weights, torch.zeros_like(p.inputs), tuple(torch.zeros_like(s) for s in p.initial))
        weights = {**p.weights, "bias": torch.zeros_like(p.weights["bias"])}
        trace = kind.trace(weights, trace.inputs, trace.initial)
        spread.append(float(torch.linalg.svdvals(jacobians(kind, weights, trace)).log().abs().max()))
    assert spread[0] < 1e-4 < spread[1]


def test_leaky_and_residual_rnns_without_weights_keep_what_they_promise() -> None:
    for kind, expected in ((ResidualRNN(step_size=0.3, damping=0.3), 0.7), (ResidualRNN(), 1.0)):
        p = passing(Case(kind))
        weights = {name: torch.zeros_like(w) for name, w in p.weights.items()}
        J = jacobians(kind, weights, kind.trace(weights, p.inputs, p.initial))
        assert_equal(J, expected * torch.eye(5, dtype=torch.float64).expand_as(J).contiguous(), 1e-15, "J")


def test_undriven_oscillators_have_the_spectrum_of_their_differential_equation() -> None:
    """Without weights each unit is one step of y'' = −γ y − ε y': det J = 1 − Δε exactly."""
    kind = CoRNN(step_size=0.1, frequency=2.0, damping=0.5)
    p = passing(Case(kind), T=30, B=1)
    weights = {name: torch.zeros_like(w) for name, w in p.weights.items()}
    trace = kind.trace(weights, p.inputs, p.initial)
    J = jacobians(kind, weights, trace)
    got = kind.jacobian(weights, trace, (trace.before(0), trace.before(1))).log_abs_det()
    assert_equal(got, torch.full_like(got, 5 * math.log(1 - 0.05)), 1e-12, "ln|det J|")
    exponents = lyapunov_spectrum(J[:, 0]).exponents
    assert float(exponents.sum()) == pytest.approx(5 * math.log(0.95), rel=1e-9)
