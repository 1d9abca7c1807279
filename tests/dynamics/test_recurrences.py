"""The dynamics on the closed-form Jacobians of RNN, LSTM and GRU: sum rules, dead cells, the full state."""

import math

import pytest
import torch
from torch import Tensor

from gradlab.dynamics import (
    JacobianOperator,
    leading_singular_values,
    log_singular_values_by_lag,
    log_singular_values_of_product,
    lyapunov_spectrum,
    singular_values,
)
from gradlab.recurrence.gru import GRU
from gradlab.recurrence.lstm import LSTM
from gradlab.recurrence.rnn import RNN
from tests.dynamics.nets import agrees, gaussian, numbers

KINDS = {"rnn": (RNN(), 1), "lstm": (LSTM(), 4), "gru": (GRU(), 3)}


def jacobians(
    kind: str, *, hidden: int = 6, steps: int = 60, sequences: int = 2, recurrent: float = 1.0, seed: int = 0
) -> tuple[JacobianOperator, dict[str, Tensor]]:
    """Jacobians along random sequences, and the gates; weights U(±recurrent/√H) like torch's."""
    recurrence, blocks = KINDS[kind]
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return (2 * torch.rand(*shape, dtype=torch.float64, generator=generator) - 1) / hidden**0.5

    weights = {
        "weight_ih": uniform(blocks * hidden, 3),
        "weight_hh": recurrent * uniform(blocks * hidden, hidden),
        "bias_ih": uniform(blocks * hidden),
        "bias_hh": uniform(blocks * hidden),
    }
    initial = tuple(torch.zeros(sequences, hidden, dtype=torch.float64) for _ in recurrence.state_names)
    trace = recurrence.trace(weights, gaussian(steps, sequences, 3, seed=seed + 1), initial)
    before = tuple(trace.before(index) for index in range(len(initial)))
    return recurrence.jacobian(weights, trace, before), dict(trace.gates)


@pytest.mark.parametrize("kind", KINDS)
def test_sum_rule_at_every_step(kind: str) -> None:
    operator, _ = jacobians(kind)
    determinants = operator.log_abs_det()
    sums = log_singular_values_by_lag(operator).sum(-1)
    expected = determinants.flip(0).cumsum(0)
    agrees(sums, expected, 1e-10)
    for steps in (1, 2, 17, 60):
        spectrum = lyapunov_spectrum(operator[:steps])
        agrees(spectrum.exponents.sum(-1), determinants[:steps].mean(0), 1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_matrix_free_and_dense_agree(kind: str) -> None:
    operator, _ = jacobians(kind, hidden=40, steps=20)
    dense = operator.dense()
    agrees(leading_singular_values(operator, 2).values, singular_values(dense)[..., :2], 1e-6)
    agrees(lyapunov_spectrum(operator).exponents, lyapunov_spectrum(dense).exponents, 1e-8)
    agrees(log_singular_values_of_product(operator, 1), log_singular_values_of_product(dense)[..., :1], 1e-9)


def test_gru_without_recurrence_has_its_gates_as_exponents() -> None:
    operator, gates = jacobians("gru", recurrent=0.0)
    expected = gates["z"].log().mean(0).sort(dim=-1, descending=True).values
    agrees(lyapunov_spectrum(operator).exponents, expected, 1e-12)


def test_lstm_without_recurrence_has_its_forget_gates_and_dead_directions() -> None:
    operator, gates = jacobians("lstm", recurrent=0.0)
    found = lyapunov_spectrum(operator).exponents
    expected = gates["f"].log().mean(0).sort(dim=-1, descending=True).values
    assert found[:, 6:].isneginf().all()
    # The first step mixes h into c's directions once: a constant, over T.
    agrees(found[:, :6], expected, 5 / 60)
    # Each cell on its own: σ² = (Π f)² (1 + (∂h/∂c)²) of its last step.
    product = log_singular_values_of_product(operator)
    assert product[:, 6:].isneginf().all()
    last = operator[59].dense()
    through = last[:, :6, 6:].diagonal(dim1=-2, dim2=-1) / last[:, 6:, 6:].diagonal(dim1=-2, dim2=-1)
    exact = gates["f"].log().sum(0) + torch.log1p(through**2) / 2
    agrees(product[:, :6], exact.sort(dim=-1, descending=True).values, 1e-11)


def test_an_lstm_without_its_cell_state_is_wrong_by_more_than_a_nat() -> None:
    operator, _ = jacobians("lstm", hidden=16, steps=400, sequences=4)
    full = lyapunov_spectrum(operator, transient=50).exponents[:, 0]
    only_h = lyapunov_spectrum(operator.dense()[..., :16, :16], transient=50).exponents[:, 0]
    assert (full > -0.6).all()
    assert (full - only_h > 1).all(), f"with c {full.tolist()}, without {only_h.tolist()}"


def test_saturated_tanh_is_dead_where_backpropagation_says_so() -> None:
    weights = {"weight_ih": torch.ones(3, 1), "weight_hh": 0.1 * torch.ones(3, 3) + torch.eye(3)}
    inputs = torch.tensor([0.1, 20.0, 0.1, 0.1]).reshape(4, 1, 1)
    recurrence = RNN()
    trace = recurrence.trace(weights, inputs, (torch.zeros(1, 3),))
    operator = recurrence.jacobian(weights, trace, (trace.before(),))
    assert log_singular_values_of_product(operator).isneginf().all(), "1 − tanh² is exactly 0 in float32"
    assert lyapunov_spectrum(operator).exponents.isneginf().all()


def test_identity_relu_net_keeps_everything() -> None:
    steps = torch.eye(4, dtype=torch.float64).expand(100, 4, 4)
    agrees(log_singular_values_of_product(steps), numbers(0, 0, 0, 0), 1e-15)
    assert math.isclose(float(lyapunov_spectrum(steps).exponents.abs().max()), 0.0)
