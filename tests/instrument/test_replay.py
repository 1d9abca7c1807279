"""The replay of an unmodified module against torch's cells unrolled by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gradlab.errors import InstrumentError
from gradlab.instrument import Capture, layout, replay
from gradlab.recurrence import weight_gradients

from .compare import assert_close
from .unrolled import Unrolled

CASES = {
    "tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
}


def watched(module):
    capture = Capture("net", layout(module, "net"))
    capture.arm()
    return capture


def make(kind, inputs, hidden, **options):
    cls, fixed = CASES[kind]
    return cls(inputs, hidden, dtype=torch.float64, **fixed, **options)


def closure(capture):
    """Largest relative difference between all rebuilt weight gradients and what autograd sent to them."""
    rebuilt = {}
    for passed in replay(capture.calls):
        for short, gradient in weight_gradients(passed.adjoint).items():
            name = passed.layout.names(passed.layer, passed.direction)[short]
            rebuilt[name] = rebuilt.get(name, 0) + gradient
    assert rebuilt.keys() == capture.weight_gradients.keys()
    tiny = torch.finfo(torch.float64).tiny
    return max(float((rebuilt[n] - g).norm() / g.norm().clamp_min(tiny)) for n, g in capture.weight_gradients.items())


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kind", CASES)
def test_a_last_step_loss_reaches_all_forty_steps(kind, layers):
    torch.manual_seed(0)
    module = make(kind, 5, 16, num_layers=layers, dropout=0.3 if layers > 1 else 0.0)
    inputs = torch.randn(40, 4, 5, dtype=torch.float64)
    capture = watched(module)
    torch.manual_seed(7)
    output, _ = module(inputs)
    (output[-1] ** 2).sum().backward()
    twin = Unrolled(module, inputs, seed=7)
    (twin.output[-1] ** 2).sum().backward()
    for passed in replay(capture.calls):
        for part, gradient in enumerate(passed.adjoint.states):
            expected = twin.gradients(passed.layer, 0, part)
            reached = (gradient.flatten(1).norm(dim=1) > 0).sum().item()
            assert reached == 40, f"layer {passed.layer}: {reached} of 40 steps non-zero"
            for t in range(40):  # step by step: early gradients are tiny, and must be right all the same
                assert_close(gradient[t], expected[t], 1e-12, f"layer {passed.layer} part {part} t={t}")
    assert closure(capture) <= 1e-12


def test_torch_alone_shows_only_the_last_step():
    """The reason for all this: `retain_grad` on the output of the fused kernel is the direct part only."""
    module = nn.LSTM(5, 16)
    output, _ = module(torch.randn(40, 4, 5))
    output.retain_grad()
    output[-1].sum().backward()
    assert (output.grad.flatten(1).norm(dim=1) > 0).sum() == 1


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(sorted(CASES)),
    time=st.integers(1, 9),
    batch=st.integers(1, 4),
    inputs=st.integers(1, 4),
    hidden=st.integers(1, 5),
    layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    bias=st.booleans(),
    batch_first=st.booleans(),
    dropout=st.sampled_from([0.0, 0.5]),
    packed=st.booleans(),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_any_layered_module_equals_its_unrolled_twin(
    kind, time, batch, inputs, hidden, layers, bidirectional, bias, batch_first, dropout, packed, seed, data
):
    torch.manual_seed(seed)
    dropout = dropout if layers > 1 and not packed else 0.0
    module = make(
        kind, inputs, hidden, num_layers=layers, bidirectional=bidirectional, bias=bias, batch_first=batch_first,
        dropout=dropout,
    )  # fmt: skip
    x = torch.randn(time, batch, inputs, dtype=torch.float64)
    lengths = [time] * batch
    given_input = x.transpose(0, 1) if batch_first else x
    if packed:
        lengths = data.draw(st.lists(st.integers(1, time), min_size=batch, max_size=batch))
        lengths[0] = time
        given_input = pack_padded_sequence(given_input, lengths, batch_first, enforce_sorted=False)
    capture = watched(module)
    torch.manual_seed(seed)
    output, state = module(given_input)
    state = state if isinstance(state, tuple) else (state,)
    weighting = torch.randn(time, batch, module.hidden_size * (1 + bidirectional), dtype=torch.float64)
    real = (torch.arange(time).unsqueeze(1) < torch.tensor(lengths)).unsqueeze(-1)
    padded = pad_packed_sequence(output)[0] if packed else (output.transpose(0, 1) if batch_first else output)
    loss = (padded * weighting * real).sum() + sum((part**2).sum() for part in state)
    loss.backward()

    twin = Unrolled(module, x, lengths, seed=seed)
    final = [torch.stack([row[part] for row in twin.final]) for part in range(len(state))]
    ((twin.output * weighting * real).sum() + sum((part**2).sum() for part in final)).backward()
    order = given_input.sorted_indices if packed else torch.arange(batch)
    for passed in replay(capture.calls):
        mask = passed.real_steps().unsqueeze(-1)
        for part, gradient in enumerate(passed.adjoint.states):
            expected = twin.gradients(passed.layer, passed.direction, part)[:, order]
            got = passed.in_real_time(gradient)
            assert_close(got * mask, expected * mask, 1e-10, f"layer {passed.layer} direction {passed.direction}")
        if passed.layer == 0:
            expected = torch.stack([p.grad for p in twin.inputs])[:, order]
            assert_close(passed.grad_inputs * mask, expected * mask, 1e-10, "dL/dx")
    assert closure(capture) <= 1e-12


@pytest.mark.parametrize("cls", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
@pytest.mark.parametrize("hidden_is_used_at_the_end", [True, False])
def test_cells_in_a_loop_are_one_sequence(cls, hidden_is_used_at_the_end):
    torch.manual_seed(0)
    cell = cls(3, 5, dtype=torch.float64)
    capture = watched(cell)
    xs = [torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(12)]
    state, passed = None, []
    for x in xs:
        state = cell(x, state)
        passed.append(state if isinstance(state, tuple) else (state,))
        for part in passed[-1]:
            part.retain_grad()
    loss = (passed[3][0] ** 3).sum() + (passed[-1][0 if hidden_is_used_at_the_end else -1] ** 2).sum()
    loss.backward()
    stretches = sorted(replay(capture.calls), key=lambda p: p.offset)
    assert {p.sequence for p in stretches} == {0}
    assert sum(p.steps for p in stretches) == 12
    for part in range(len(passed[0])):
        got = torch.cat([p.adjoint.states[part] for p in stretches])
        expected = torch.stack([torch.zeros_like(s[part]) if s[part].grad is None else s[part].grad for s in passed])
        assert_close(got, expected, 1e-12, f"part {part}")
    assert_close(torch.cat([p.grad_inputs for p in stretches]), torch.stack([x.grad for x in xs]), 1e-12, "dL/dx")
    assert closure(capture) <= 1e-12


def test_projected_and_unbatched_and_given_states():
    torch.manual_seed(0)
    module = nn.LSTM(3, 6, num_layers=2, proj_size=4, bidirectional=True, dtype=torch.float64)
    h0 = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    c0 = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    x = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    capture = watched(module)
    output, (h, c) = module(x, (h0, c0))
    ((output**2).sum() + (h**3).sum() + c.sum()).backward()
    bottom = [p for p in replay(capture.calls) if p.layer == 0]
    assert_close(bottom[0].grad_inputs[:, 0], x.grad, 1e-12, "dL/dx")
    for passed in bottom:
        assert_close(passed.adjoint.initial[0][0], h0.grad[passed.direction], 1e-12, "dL/dh_0")
        assert_close(passed.adjoint.initial[1][0], c0.grad[passed.direction], 1e-12, "dL/dc_0")
    assert closure(capture) <= 1e-12


def test_only_some_sequences_give_the_same_numbers_as_all():
    torch.manual_seed(0)
    module = nn.GRU(3, 6, num_layers=2, dropout=0.5, dtype=torch.float64)
    capture = watched(module)
    output, _ = module(torch.randn(9, 10, 3, dtype=torch.float64))
    (output**2).mean().backward()
    whole = {p.layer: p for p in replay(capture.calls)}
    some = {p.layer: p for p in replay(capture.calls, 4)}
    indices = torch.tensor([0, 3, 6, 9])
    for layer in (0, 1):
        assert some[layer].sequences == 4
        assert_close(some[layer].adjoint.states[0], whole[layer].adjoint.states[0][:, indices], 1e-12)
        assert_close(whole[layer].select(indices).trace.states[0], some[layer].trace.states[0], 1e-12)


def test_several_backward_passes_add_up():
    torch.manual_seed(0)
    module = nn.LSTM(3, 6, dtype=torch.float64)
    capture = watched(module)
    output, (h, _) = module(torch.randn(9, 4, 3, dtype=torch.float64))
    output[3].sum().backward(retain_graph=True)
    (h**2).sum().backward()
    assert closure(capture) <= 1e-12


def test_output_changed_in_place_is_computed_again():
    torch.manual_seed(0)
    module = nn.RNN(3, 6, nonlinearity="relu", dtype=torch.float64)
    capture = watched(module)
    x = torch.randn(9, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        clean = module.forward(x)[0].clone()
    output, _ = module(x)
    loss = (output**2).sum()
    loss.backward()
    with torch.no_grad():
        output.zero_()
    assert not capture.calls[0].output_is_intact
    (passed,) = replay(capture.calls)
    assert_close(passed.trace.states[0], clean, 1e-14)
    assert closure(capture) <= 1e-12


def test_input_changed_in_place_is_refused_by_name():
    module = nn.RNN(3, 6)
    capture = watched(module)
    x = torch.randn(9, 4, 3)
    module(x)[0].sum().backward()
    x.zero_()
    with pytest.raises(InstrumentError, match=r"'net'.*input was changed in place"):
        list(replay(capture.calls))


def test_changed_weights_are_noticed():
    module = nn.LSTM(3, 6)
    capture = watched(module)
    module(torch.randn(9, 4, 3))[0].sum().backward()
    with torch.no_grad():
        module.weight_hh_l0.add_(0.5)
    with pytest.raises(InstrumentError, match=r"'net', layer 0.*expected the replayed hidden states"):
        list(replay(capture.calls))


def test_nothing_is_kept_without_gradients_or_in_eval_mode():
    module = nn.LSTM(3, 6)
    capture = watched(module)
    with torch.no_grad():
        module(torch.randn(9, 4, 3))
    module.eval()
    module(torch.randn(9, 4, 3))
    assert capture.calls == []


def test_closing_leaves_no_hooks():
    module = nn.LSTM(3, 6)
    capture = watched(module)
    capture.close()
    assert not module._forward_hooks
    assert not module._forward_pre_hooks
    assert all(not p._backward_hooks for p in module.parameters())
