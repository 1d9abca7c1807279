"""The recurrences that torch has, against torch's own cells and modules."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gradlab.recurrence import GRU, LSTM, RNN, Recurrence, States, weight_gradients
from tests.comparison import assert_equal

KINDS = [
    pytest.param(RNN("tanh"), nn.RNN, nn.RNNCell, {"nonlinearity": "tanh"}, id="rnn-tanh"),
    pytest.param(RNN("relu"), nn.RNN, nn.RNNCell, {"nonlinearity": "relu"}, id="rnn-relu"),
    pytest.param(LSTM(), nn.LSTM, nn.LSTMCell, {}, id="lstm"),
    pytest.param(LSTM(), nn.LSTM, None, {"proj_size": 3}, id="lstm-projected"),
    pytest.param(GRU(), nn.GRU, nn.GRUCell, {}, id="gru"),
]
every_kind = pytest.mark.parametrize(("recurrence", "layered", "cell", "options"), KINDS)
both = pytest.mark.parametrize("bias", [True, False])


def short_weights(module: nn.Module) -> dict[str, Tensor]:
    return {name.removesuffix("_l0"): w.detach() for name, w in module.named_parameters()}


def as_states(result: Tensor | tuple[Tensor, ...]) -> States:
    return result if isinstance(result, tuple) else (result,)


@both
@every_kind
def test_a_step_is_the_cells(
    recurrence: Recurrence, layered: type, cell: type | None, options: dict, bias: bool
) -> None:
    if cell is None:
        pytest.skip("torch has no such cell")
    torch.manual_seed(0)
    module = cell(4, 6, bias=bias, dtype=torch.float64, **options)
    x = torch.randn(3, 4, dtype=torch.float64)
    states = tuple(torch.randn(3, 6, dtype=torch.float64) for _ in recurrence.state_names)
    expected = as_states(module(x, states if len(states) > 1 else states[0]))
    for got, value in zip(recurrence.step(short_weights(module), x, states), expected, strict=True):
        assert_equal(got, value.detach(), 1e-14, "state")


@both
@every_kind
@settings(deadline=None, max_examples=8)
@given(sizes=st.tuples(st.integers(1, 8), st.integers(1, 3), st.integers(1, 4), st.integers(4, 7)))
def test_a_pass_and_its_gradients_are_the_modules(
    recurrence: Recurrence,
    layered: type,
    cell: type | None,
    options: dict,
    bias: bool,
    sizes: tuple[int, int, int, int],
) -> None:
    T, B, inputs, H = sizes
    torch.manual_seed(0)
    module = layered(inputs, H, bias=bias, dtype=torch.float64, **options)
    widths = (options.get("proj_size", H), H)[: len(recurrence.state_names)]
    x = torch.randn(T, B, inputs, dtype=torch.float64, requires_grad=True)
    start = tuple(torch.randn(B, width, dtype=torch.float64, requires_grad=True) for width in widths)
    given_state = tuple(s.unsqueeze(0) for s in start)
    output, final = module(x, given_state if len(start) > 1 else given_state[0])
    arrive = torch.randn_like(output)
    at_end = tuple(torch.randn_like(part) for part in as_states(final))
    ((output * arrive).sum() + sum((f * a).sum() for f, a in zip(as_states(final), at_end, strict=True))).backward()

    weights = short_weights(module)
    initial = tuple(s.detach() for s in start)
    trace = recurrence.trace(weights, x.detach(), initial, output.detach())
    direct = [torch.zeros(T, B, width, dtype=torch.float64) for width in widths]
    direct[0] += arrive
    for gradient, last in zip(direct, at_end, strict=True):
        gradient[-1] += last[0]
    adjoint = recurrence.adjoint(weights, trace, tuple(direct))
    for k, part in enumerate(as_states(final)):
        assert_equal(trace.states[k][-1], part.detach()[0], 1e-13, f"final {recurrence.state_names[k]}")
        assert start[k].grad is not None
        assert_equal(adjoint.initial[k], start[k].grad, 1e-12, f"gradient of initial {recurrence.state_names[k]}")
    assert x.grad is not None
    assert_equal(adjoint.inputs, x.grad, 1e-12, "dL/dx")
    rebuilt = weight_gradients(adjoint)
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        assert_equal(rebuilt[name.removesuffix("_l0")], parameter.grad, 1e-12, f"dL/d{name}")


@every_kind
def test_first_weights_have_torchs_shapes_and_spread(
    recurrence: Recurrence, layered: type, cell: type | None, options: dict
) -> None:
    if "proj_size" in options:
        pytest.skip("without projection")
    module = layered(5, 64, **options)
    shapes = {name: tuple(w.shape) for name, w in short_weights(module).items()}
    assert recurrence.weight_shapes(5, 64) == shapes
    weights = {name: torch.empty(shape) for name, shape in shapes.items()}
    recurrence.initialise(weights, 64)
    for name, weight in weights.items():
        assert weight.abs().max() <= 1 / 8, name
    assert weights["weight_hh"].std().item() == pytest.approx(1 / 8 / 3**0.5, rel=0.05)
