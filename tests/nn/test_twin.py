"""What gradlab.nn records, against autograd on a hand-unrolled twin, for random shapes, options and call patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import gradlab
from tests.nn.twin import Twin, jacobian, kind_of

TOLERANCE = {"rtol": 1e-10, "atol": 1e-12}
KINDS = ("tanh", "relu", "lstm", "gru")
LAYERED = {"tanh": gradlab.nn.RNN, "relu": gradlab.nn.RNN, "lstm": gradlab.nn.LSTM, "gru": gradlab.nn.GRU}
CELLS = {"tanh": gradlab.nn.RNNCell, "relu": gradlab.nn.RNNCell, "lstm": gradlab.nn.LSTMCell, "gru": gradlab.nn.GRUCell}


@dataclass(frozen=True)
class Case:
    kind: str
    features: int
    hidden: int
    layers: int
    bidirectional: bool
    projection: int
    bias: bool
    batch_first: bool
    batch: int
    unbatched: bool
    lengths: tuple[int, ...] | None
    sorted_: bool
    chunks: tuple[int, ...]
    detached: bool
    given_state: bool
    uses: tuple[bool, bool, bool]
    eval_mode: bool
    seed: int


@st.composite
def cases(draw: Any) -> Case:
    kind = draw(st.sampled_from(KINDS))
    hidden, batch = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    form = draw(st.sampled_from(("padded", "packed", "unbatched")))
    chunks = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    lengths = None
    if form == "packed":
        lengths = tuple(draw(st.lists(st.integers(1, 5), min_size=batch, max_size=batch)))
        chunks = (max(lengths),)
    uses = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    return Case(
        kind=kind,
        features=draw(st.integers(1, 3)),
        hidden=hidden,
        layers=draw(st.integers(1, 3)),
        bidirectional=draw(st.booleans()),
        projection=draw(st.integers(0, hidden - 1)) if kind == "lstm" else 0,
        bias=draw(st.booleans()),
        batch_first=draw(st.booleans()),
        batch=1 if form == "unbatched" else batch,
        unbatched=form == "unbatched",
        lengths=lengths,
        sorted_=draw(st.booleans()),
        chunks=chunks,
        detached=draw(st.booleans()),
        given_state=draw(st.booleans()),
        uses=uses if any(uses[: 2 + (kind == "lstm")]) else (True, *uses[1:]),
        eval_mode=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def build(case: Case) -> nn.Module:
    options: dict[str, Any] = {"nonlinearity": case.kind} if case.kind in ("tanh", "relu") else {}
    if case.projection:
        options["proj_size"] = case.projection
    module = LAYERED[case.kind](
        case.features, case.hidden, case.layers, bias=case.bias, batch_first=case.batch_first,
        bidirectional=case.bidirectional, dtype=torch.float64, **options,
    )  # fmt: skip
    return module.train(not case.eval_mode)


def call(module: Any, case: Case, x: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Call the module in the form of the case; output and state come back as `time batch …`."""
    hx: Any = None
    if state is not None:
        parts = tuple(part[:, 0] if case.unbatched else part for part in state)
        hx = parts if case.kind == "lstm" else parts[0]
    inputs: Tensor | PackedSequence
    if case.lengths is not None:
        inputs = pack_padded_sequence(x, torch.tensor(case.lengths), enforce_sorted=case.sorted_)
    elif case.unbatched:
        inputs = x[:, 0]
    else:
        inputs = x.transpose(0, 1) if case.batch_first else x
    output, final = module(inputs, hx)
    if isinstance(output, PackedSequence):
        output = pad_packed_sequence(output)[0]
    elif case.unbatched:
        output = output.unsqueeze(1)
    elif case.batch_first:
        output = output.transpose(0, 1)
    final = final if isinstance(final, tuple) else (final,)
    return output, tuple(part.unsqueeze(1) if case.unbatched else part for part in final)


def loss_of(case: Case, output: Tensor, final: tuple[Tensor, ...], chunk: int) -> Tensor:
    """A loss that uses what the case says, by coefficients that are the same for module and twin."""
    generator = torch.Generator().manual_seed(case.seed + chunk)
    loss = output.new_zeros(())
    for used, value in zip(case.uses, (output, *final), strict=False):
        weight = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        if used:
            loss = loss + (weight * value).sum() + (weight * value).square().sum()
    return loss


@given(cases())
@settings(max_examples=120, deadline=None)
def test_recording_equals_unrolled_twin(case: Case) -> None:
    torch.manual_seed(case.seed)
    if case.lengths is not None and case.sorted_:
        case = Case(**{**vars(case), "lengths": tuple(sorted(case.lengths, reverse=True))})
    module = build(case)
    directions = 2 if case.bidirectional else 1
    xs = [torch.randn(n, case.batch, case.features, dtype=torch.float64, requires_grad=True) for n in case.chunks]
    rows, width = case.layers * directions, case.projection or case.hidden
    shapes = [(rows, case.batch, width), (rows, case.batch, case.hidden)][: 1 + (case.kind == "lstm")]
    start = tuple(torch.randn(shape, dtype=torch.float64) * case.given_state for shape in shapes)

    total = torch.zeros((), dtype=torch.float64)
    state: tuple[Tensor, ...] | None = start if case.given_state else None
    for chunk, x in enumerate(xs):
        output, final = call(module, case, x, state)
        total = total + loss_of(case, output, final, chunk)
        state = tuple(part.detach() for part in final) if case.detached else final
    total.backward()

    twin = Twin(module, case.layers, directions)
    twin_total, twin_state = torch.zeros((), dtype=torch.float64), start
    for chunk, x in enumerate(xs):
        lengths = list(case.lengths or [len(x)] * case.batch)
        output, final = twin(x.detach().requires_grad_(), lengths, twin_state)
        twin_total = twin_total + loss_of(case, output, final, chunk)
        twin_state = tuple(part.detach() for part in final) if case.detached else final
    twin_total.backward()

    torch.testing.assert_close(total, twin_total, **TOLERANCE)
    recording = module.recording
    assert recording.sequences == 1
    compare(recording, twin, case.batch)
    torch.testing.assert_close(recording.grad_x, torch.cat([x.grad for x in xs]), **TOLERANCE)
    assert recording.closure_error < 1e-10


def compare(recording: gradlab.nn.Recording, twin: Twin, batch: int) -> None:
    """Gradients, shares, states and Jacobians of all layers and directions."""
    for layer in recording:
        place = (layer.layer, layer.direction)
        for index, gradient in enumerate(layer.gradients.values()):
            torch.testing.assert_close(gradient, twin.grad_states(place, index, batch), **TOLERANCE)
        torch.testing.assert_close(layer.grad_x, twin.grad_inputs(layer.layer, batch), **TOLERANCE)
        for short in twin.weights[place][0]:
            parts = twin.contributions(place, short)
            torch.testing.assert_close(layer.weight_gradient_norms(short), parts.flatten(1).norm(dim=1), **TOLERANCE)
            total = parts.sum(0)
            if float(total.norm()) > 1e-6 * float(parts.flatten(1).norm(dim=1).max()):
                along = (parts * total).flatten(1).sum(1) / total.square().sum()
                torch.testing.assert_close(layer.weight_gradient_shares(short), along, rtol=1e-8, atol=1e-8)
        matrices, sigma = layer.jacobians(), layer.singular_values()
        for (t, b), before in twin.before[place].items():
            weights = twin.weights_at(place, t)
            expected = jacobian(kind_of(twin.module), weights, twin.inputs[layer.layer][t, b], before)
            torch.testing.assert_close(matrices[t, b], expected, **TOLERANCE)
            torch.testing.assert_close(sigma[t, b], torch.linalg.svdvals(expected), **TOLERANCE)
            torch.testing.assert_close(layer.h[t, b], twin.h[place][t, b][0].detach(), **TOLERANCE)
        padding = ~layer.real_steps
        assert int(layer.real_steps.sum()) == len(twin.before[place])
        assert bool(matrices[padding].isnan().all()) and bool(layer.h[padding].isnan().all())
        assert bool((layer.grad_h[padding] == 0).all())


@given(
    kind=st.sampled_from(KINDS), features=st.integers(1, 3), hidden=st.integers(1, 4), batch=st.integers(1, 3),
    steps=st.integers(1, 6), bias=st.booleans(), unbatched=st.booleans(), given_state=st.booleans(),
    every_step=st.booleans(), uses_cell_state=st.booleans(), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_cell_in_a_loop_equals_unrolled_twin(
    kind: str, features: int, hidden: int, batch: int, steps: int, bias: bool, unbatched: bool, given_state: bool,
    every_step: bool, uses_cell_state: bool, seed: int,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    options = {"nonlinearity": kind} if kind in ("tanh", "relu") else {}
    cell = CELLS[kind](features, hidden, bias=bias, dtype=torch.float64, **options)
    batch = 1 if unbatched else batch
    parts = 2 if kind == "lstm" else 1
    x = torch.randn(steps, batch, features, dtype=torch.float64, requires_grad=True)
    start = tuple(torch.randn(1, batch, hidden, dtype=torch.float64) * given_state for _ in range(parts))
    weight = torch.randn(steps, batch, hidden, dtype=torch.float64)

    def loss_of(output: Tensor, final: tuple[Tensor, ...]) -> Tensor:
        used = (output if every_step else output[-1:]) * weight[-1 if not every_step else 0 :]
        loss = used.square().sum()
        return loss + (final[1] * weight[0]).sum() if uses_cell_state and parts == 2 else loss

    def squeezed(value: Tensor) -> Tensor:
        return value[0] if unbatched else value

    state: Any = None
    if given_state:
        state = tuple(squeezed(part[0]) for part in start)
        state = state if parts == 2 else state[0]
    passed = []
    for t in range(steps):
        state = cell(squeezed(x[t]), state)
        passed.append((state[0] if parts == 2 else state).reshape(batch, hidden))
    final = tuple(part.reshape(1, batch, hidden) for part in (state if parts == 2 else (state,)))
    loss_of(torch.stack(passed), final).backward()

    twin = Twin(cell, 1, 1)
    loss_of(*twin(x.detach().requires_grad_(), [steps] * batch, start)).backward()
    recording = cell.recording
    compare(recording, twin, batch)
    torch.testing.assert_close(recording.grad_x, x.grad, **TOLERANCE)
    assert recording.closure_error < 1e-10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_between_layers_closes_and_gives_the_gradient_of_the_input(kind: str, bidirectional: bool) -> None:
    torch.manual_seed(1)
    options = {"nonlinearity": kind} if kind in ("tanh", "relu") else {}
    module = LAYERED[kind](3, 4, 3, dropout=0.5, bidirectional=bidirectional, dtype=torch.float64, **options)
    x = torch.randn(9, 2, 3, dtype=torch.float64, requires_grad=True)
    module(x)[0].square().sum().backward()
    module.eval()  # what becomes of the module after the backward pass does not matter
    assert module.recording.closure_error < 1e-10
    torch.testing.assert_close(module.recording.grad_x, x.grad, **TOLERANCE)
