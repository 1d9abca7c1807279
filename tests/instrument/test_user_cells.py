"""Recurrences that a user wrote, watched: gradients as autograd has them, Jacobians as `jacrev` has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gradlab
from gradlab.errors import InstrumentError, UnsupportedError
from gradlab.instrument import Cell, Pass, find_cells, hold_on, recurrent_modules, replay
from gradlab.models.stack import Stack, StackBlock
from gradlab.recurrence import RNN, ResidualRNN
from tests.comparison import assert_equal
from tests.instrument.written_cells import WRITTEN, Concatenating, Model, OwnLSTM, StateFirst, Written

every_cell = pytest.mark.parametrize("written", WRITTEN, ids=str)
T, B, INPUTS, HIDDEN = 7, 3, 4, 5


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def made(written: Written, seed: int = 0) -> tuple[Model, Tensor, Any]:
    torch.manual_seed(seed)
    model = Model(written, INPUTS, HIDDEN)
    inputs, state = torch.randn(T, B, INPUTS), written.start(B, HIDDEN)
    with torch.no_grad():
        model(inputs, state)
    return model, inputs, state


def taken(model: Model, inputs: Tensor, state: Any) -> tuple[Pass, Any]:
    """One pass of the model's cell, and the capture that saw it; gradients stay at what the test looks at."""
    [(name, layout)] = find_cells(model, {model.written.kind: model.written.cell}).items()
    capture = hold_on(name, layout)
    capture.arm()
    torch.manual_seed(3)
    loss = model(inputs, state)
    for parts in model.seen:
        for part in parts:
            part.retain_grad()
    loss.backward()
    [passed] = replay(capture.calls)
    return passed, capture


@every_cell
def test_states_and_total_gradients(written: Written) -> None:
    model, inputs, state = made(written)
    passed, capture = taken(model, inputs, state)
    assert (passed.name, passed.steps, passed.sequences, passed.offset) == ("cell", T, B, 0)
    assert passed.layout.module is model.cell
    capture.close()
    assert not model.cell._forward_hooks and not model.cell._forward_pre_hooks
    for k in range(len(passed.trace.states)):
        states = torch.stack([parts[k].detach().flatten(1) for parts in model.seen])
        totals = torch.stack(
            [torch.zeros_like(p[k]) if p[k].grad is None else p[k].grad for p in model.seen]  # type: ignore[misc]
        ).flatten(2)
        assert_equal(passed.trace.states[k], states, 1e-13, "state")
        assert_equal(passed.adjoint.states[k], totals, 1e-13, "dL/ds_t")
    given = torch.stack([x.grad for x in model.inputs if x.grad is not None])
    assert_equal(passed.grad_inputs, given, 1e-12, "dL/dx_t")
    for name, parameter in model.cell.named_parameters():
        if parameter.requires_grad:
            total, nothing = passed.adjoint.factors[name]
            assert nothing is None and parameter.grad is not None
            assert_equal(total.flatten(), parameter.grad.flatten(), 1e-12, f"Σ_t G_t of {name}")
        else:
            assert name not in passed.adjoint.factors
    assert passed.contributions is not None
    norms, shares = passed.contributions
    assert shares is not None and sum(shares) == pytest.approx(1.0, abs=1e-12)
    assert len(norms) == T and all(norm > 0 for norm in norms)


@every_cell
def test_jacobians_are_jacrevs(written: Written) -> None:
    model, inputs, state = made(written)
    if written.kind.__name__ == "Dropping":
        model.cell.drop.p = 0.0  # type: ignore[union-attr]
    passed, _ = taken(model, inputs, state)
    before = passed.states_before()
    got = passed.recurrence.jacobian({}, passed.trace, before).dense()
    shapes = [tuple(part.shape[1:]) for part in model.seen[0]]
    sizes = [math.prod(shape) for shape in shapes]

    def step(flat: Tensor, x: Tensor) -> Tensor:
        parts = tuple(part.reshape(1, *shape) for part, shape in zip(flat.split(sizes), shapes, strict=True))
        new = written.call(model.cell, x.unsqueeze(0), parts if len(parts) > 1 else parts[0])[1]
        return torch.cat([part.flatten() for part in written.parts(new)])

    flat = torch.cat(before, -1)
    expected = torch.stack(
        [
            torch.stack(
                [torch.autograd.functional.jacobian(lambda s, x=x: step(s, x), s) for s, x in zip(*row, strict=True)]
            )
            for row in zip(flat, inputs, strict=True)
        ]
    )
    assert_equal(got, expected, 1e-12, "J")
    times, sequences = torch.tensor([1, 5]), torch.tensor([2, 0])
    trace, chosen = passed.select(torch.tensor([0, 2])).trace.select(times, torch.tensor([1]))
    again = passed.recurrence.jacobian({}, trace, chosen).dense()
    assert_equal(again[:, 0], expected[times][:, sequences[0]], 1e-12, "J of selected steps and sequences")


def test_the_jacobian_under_dropout_has_the_mask_of_the_real_call() -> None:
    written = next(w for w in WRITTEN if str(w) == "Dropping")
    model, inputs, state = made(written)
    passed, _ = taken(model, inputs, state)
    J = passed.recurrence.jacobian({}, passed.trace, passed.states_before()).dense()
    # The chain of Jacobians carries the gradient exactly only if every mask is the one that was drawn.
    direct = [torch.zeros(B, HIDDEN) for _ in range(T)]
    model.read.zero_grad()
    for t in [k for k in range(T) if k % 2 or k == T - 1]:
        h = passed.trace.states[0][t].clone().requires_grad_()
        model.read(h).square().mean().backward()
        assert h.grad is not None
        direct[t] = h.grad
    carried = torch.zeros(B, HIDDEN)
    for t in reversed(range(T)):
        total = direct[t] + carried
        assert_equal(passed.adjoint.states[0][t], total, 1e-12, f"dL/dh_{t}")
        carried = (J[t].mT @ total.unsqueeze(-1)).squeeze(-1)


@every_cell
def test_watching_changes_nothing_and_closes(written: Written) -> None:
    ended = []
    for watched in (False, True):
        model, inputs, _ = made(written)
        optimiser = torch.optim.SGD(model.parameters(), 0.1)
        torch.manual_seed(9)
        recorder = gradlab.watch(model, every=2, cells={written.kind: written.cell}, check_every=1) if watched else None
        for _ in range(5):
            loss = model(inputs, written.start(B, HIDDEN))
            loss.backward()
            if recorder is not None:
                recorder.step(loss)
            optimiser.step()
            optimiser.zero_grad()
        if recorder is not None:
            recorder.close()
            rows, weights = recorder.frame("timesteps"), recorder.frame("parameters")
        assert not model.cell._forward_hooks and not model.cell._forward_pre_hooks
        ended.append({name: parameter.detach().clone() for name, parameter in model.named_parameters()})
    for name in ended[0]:
        assert torch.equal(ended[0][name], ended[1][name]), name
    assert sorted(rows["step"].unique()) == [0, 2, 4] and sorted(rows["t"].unique()) == list(range(T))
    assert set(rows["module"]) == {"cell"}
    assert (rows["grad_h"] > 0).all() and rows["sigma_max"].notna().any()
    assert rows["grad_c"].notna().all() == (written.kind is OwnLSTM)
    assert rows.groupby("step")["weight_gradient_share"].sum().to_numpy() == pytest.approx(1.0)
    of_cell = weights[weights["parameter"].str.startswith("cell.") & weights["grad_norm"].notna()]
    assert len(of_cell) and (of_cell["closure_error"] < 1e-12).all()


def test_a_users_lstm_agrees_with_torchs() -> None:
    written = next(w for w in WRITTEN if w.kind is OwnLSTM)
    model, inputs, _ = made(written)
    passed, _ = taken(model, inputs, None)
    theirs = nn.LSTM(INPUTS, HIDDEN)
    weight, bias = model.cell.linear.weight, model.cell.linear.bias  # type: ignore[union-attr]
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(weight[:, :INPUTS])
        theirs.weight_hh_l0.copy_(weight[:, INPUTS:])
        theirs.bias_ih_l0.copy_(bias)
        theirs.bias_hh_l0.zero_()
    [(name, layout)] = recurrent_modules(theirs)
    capture = hold_on(name, layout)
    capture.arm()
    outputs, _ = theirs(inputs)
    sum(model.read(outputs[t]).square().mean() for t in range(T) if t % 2 or t == T - 1).backward()
    [known] = replay(capture.calls)
    for k, state in enumerate("hc"):
        assert_equal(passed.adjoint.states[k], known.adjoint.states[k], 1e-11, f"dL/d{state}_t")
    closed = known.recurrence.jacobian(known.weights, known.trace, known.states_before())
    own = passed.recurrence.jacobian({}, passed.trace, passed.states_before())
    assert_equal(own.dense(), closed.dense(), 1e-12, "J")


def test_chunks_with_carried_state_are_one_sequence_and_fresh_states_begin_another() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"cell": Concatenating(2, 3), "read": nn.Linear(3, 1)})
    with gradlab.watch(model, every=1, cells={Concatenating: Cell()}) as recorder:
        h, losses = torch.zeros(4, 3), []
        for t in range(6):
            if t == 3:
                h = h.detach()
            if t == 5:
                h = torch.zeros(4, 3)
            h = model["cell"](torch.randn(4, 2), h)
            losses.append(model["read"](h).mean())
            if t in (2, 4, 5):
                sum(losses).backward()
                losses = []
        recorder.step(0.0)
    frame = recorder.frame("timesteps")
    assert list(zip(frame["call"], frame["t"], strict=True)) == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0)]


def test_a_depth_stack_is_a_recurrence_in_depth() -> None:
    """Blocks with weights of their own: depth is time, and the residual stack is to the plain one as LSTM to RNN."""

    lost = []
    for equations in (RNN(), ResidualRNN(step_size=0.1)):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 8), Stack(equations, 8, 30), nn.Linear(8, 1))
        cell = Cell(input=None, state=0, depth=True)
        with gradlab.watch(model, every=1, cells={StackBlock: cell}, jacobian_times="all") as recorder:
            loss = model(torch.randn(16, 3)).square().mean()
            loss.backward()
            recorder.step(loss)
        frame = recorder.frame("timesteps")
        assert list(frame["t"]) == list(range(30)) and set(frame["module"]) == {"1.blocks"}
        assert frame["weight_gradient_share"].sum() == pytest.approx(1.0)
        for t, block in enumerate(model[1].blocks):
            norm = math.hypot(*(float(parameter.grad.norm()) for parameter in block.parameters()))
            assert frame["weight_gradient_norm"][t] == pytest.approx(norm, rel=1e-12)
        errors = recorder.frame("parameters").set_index("parameter")["closure_error"]
        count = len(list(model[1].parameters()))
        assert errors.filter(like="blocks.").notna().sum() == count >= 60 and (errors.dropna() < 1e-12).all()
        lost.append(math.log(frame["grad_h"].iloc[0] / frame["grad_h"].iloc[-1]))
        assert (frame["sigma_max"] > 0).all()
    assert lost[0] < -5 and abs(lost[1]) < 2


def test_nothing_is_kept_in_eval_mode_without_grad_or_between_records() -> None:
    model, inputs, state = made(WRITTEN[0])
    [(name, layout)] = find_cells(model, {Concatenating: Cell()}).items()
    capture = hold_on(name, layout)
    model(inputs, state)
    assert not capture.calls
    capture.arm()
    with torch.no_grad():
        model(inputs, state)
    model.eval()
    model(inputs, state)
    assert not capture.calls
    model.train()
    model(inputs, state).backward()
    assert len(capture.calls) == T
    [_] = replay(capture.calls)
    assert len(capture.calls) == T, "a replay is not a call"
    capture.release()
    assert not capture.calls and not capture.weight_gradients


def test_a_replay_leaves_random_numbers_buffers_and_gradients_alone() -> None:
    class Normalising(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.norm = nn.Linear(6, 4), nn.BatchNorm1d(4)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return nn.functional.dropout(torch.tanh(self.norm(self.linear(torch.cat([x, h], -1)))), 0.3)

    torch.manual_seed(0)
    cell = Normalising()
    [(name, layout)] = find_cells(cell, {cell: Cell()}).items()
    capture = hold_on(name, layout)
    capture.arm()
    h = torch.zeros(5, 4)
    for _ in range(6):
        h = cell(torch.randn(5, 2), h)
    h.sum().backward()
    before = {key: value.clone() for key, value in cell.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in cell.parameters() if parameter.grad is not None]
    random = torch.get_rng_state()
    [passed] = replay(capture.calls)
    passed.recurrence.jacobian({}, passed.trace, passed.states_before())
    assert torch.equal(random, torch.get_rng_state())
    for key, value in cell.state_dict().items():
        assert torch.equal(value, before[key]), key
    for parameter, gradient in zip(cell.parameters(), gradients, strict=True):
        assert parameter.grad is not None and torch.equal(parameter.grad, gradient)
        total, _ = passed.adjoint.factors[next(n for n, p in cell.named_parameters() if p is parameter)]
        assert_equal(total.flatten(), gradient.flatten(), 1e-10, "Σ_t G_t", floor=1e-3)


def test_the_first_offender_is_named_and_the_steps_before_it_are_kept() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"cell": Concatenating(2, 3)})
    with gradlab.watch(model, every=None, at=[100], cells={Concatenating: Cell()}, flight=2) as recorder:
        for step in range(4):
            h = torch.zeros(4, 3)
            for t in range(8):
                x = torch.randn(4, 2)
                if step == 3 and t == 5:
                    x[1, 0] = math.nan
                h = model["cell"](x, h)
            loss = h.square().sum()
            loss.backward()
            recorder.step(loss)
            with torch.no_grad():
                for parameter in model.parameters():
                    if step < 3 and parameter.grad is not None:
                        parameter -= 0.01 * parameter.grad
            model.zero_grad()
    steps = recorder.frame("steps").set_index("step")["first_nonfinite"]
    assert steps[3] == "input of cell, layer 0, time step 5"
    rows = recorder.frame("timesteps")
    assert sorted(rows["step"].unique()) == [1, 2, 3]
    assert (rows[rows["step"] < 3]["grad_h"] > 0).all()


def test_gradients_are_recorded_unscaled() -> None:
    recorded = []
    for scale in (None, 1024.0):
        model, inputs, state = made(WRITTEN[0])
        scaler = None if scale is None else torch.amp.GradScaler("cpu", init_scale=scale)
        optimiser = torch.optim.SGD(model.parameters(), 0.1)
        with gradlab.watch(model, every=1, cells={Concatenating: Cell()}, scaler=scaler) as recorder:
            loss = model(inputs, state)
            (loss if scaler is None else scaler.scale(loss)).backward()
            recorder.step(loss)
            if scaler is not None:
                scaler.step(optimiser)
                scaler.update()
        recorded.append(recorder.frame("timesteps"))
    for column in ("grad_h", "grad_x", "weight_gradient_norm", "weight_gradient_share"):
        np.testing.assert_allclose(recorded[1][column], recorded[0][column], rtol=1e-12)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({Concatenating: "yes"}, r"expected a Cell\(\.\.\.\) for .*got str"),
        ({math.sin: Cell()}, "a plain function is wrapped"),
        ({OwnLSTM: Cell()}, "expected a model that holds a OwnLSTM, got Sequential without"),
    ],
)
def test_registering_nonsense_is_refused(cells: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gradlab.watch(nn.Sequential(Concatenating(2, 3)), cells=cells)


def failing(cell: Cell, module: nn.Module, call: Any) -> None:
    model = nn.ModuleDict({"cell": module})
    with gradlab.watch(model, every=1, cells={type(module): cell}) as recorder:
        loss = call(model["cell"])
        loss.backward()
        recorder.step(loss)


def test_what_cannot_be_recorded_is_refused_with_the_modules_name() -> None:
    x, h = torch.randn(4, 2), torch.randn(4, 3)

    class Shrinking(nn.Module):
        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return (h[:, :2] + x).tanh()

    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.count = nn.Linear(3, 3), 0

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            self.count += 1
            return self.count * self.linear(h)

    class OnesFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
            return torch.tanh(self.linear(torch.ones(4, 3) if h is None else h))

    with pytest.raises(UnsupportedError, match=r"module 'cell': expected a new state of the same parts and shapes"):
        failing(Cell(), Shrinking(), lambda m: m(x, h.requires_grad_()).sum())
    with pytest.raises(InstrumentError, match="module 'cell': expected the cell to give the same state again"):
        failing(Cell(), Moody(), lambda m: m(x, h).sum())
    with pytest.raises(InstrumentError, match="start from zeros where its state is None"):
        failing(Cell(), OnesFirst(), lambda m: m(x).sum())
    with pytest.raises(UnsupportedError, match=r"expected an argument 'hidden', got forward\(x, h\)"):
        failing(Cell(state="hidden"), Concatenating(2, 3), lambda m: m(x, h).sum())
    with pytest.raises(UnsupportedError, match="expected its state, argument 2, to be tensors, got str"):
        failing(Cell(state=2), ThreeArguments(), lambda m: m(x, h, "words").sum())
    with pytest.raises(UnsupportedError, match="names: expected 1 for a state of 1 parts"):
        failing(Cell(names=("a", "b")), Concatenating(2, 3), lambda m: m(x, h).sum())


class ThreeArguments(nn.Module):
    """A cell whose third argument is no state."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: Tensor, h: Tensor, mode: str) -> Tensor:
        return torch.tanh(self.linear(h))


def test_a_subclass_of_torchs_cell_with_its_own_forward_is_refused_until_it_is_registered() -> None:
    class Scaled(nn.GRUCell):
        def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
            return 0.9 * super().forward(input, hx)

    model = nn.ModuleDict({"cell": Scaled(2, 3)})
    with pytest.raises(UnsupportedError, match=r"cells=\{"):
        gradlab.watch(model)
    with gradlab.watch(model, every=1, cells={Scaled: Cell()}) as recorder:
        loss = model["cell"](torch.randn(4, 2), model["cell"](torch.randn(4, 2))).sum()
        loss.backward()
        recorder.step(loss)
    assert list(recorder.frame("timesteps")["t"]) == [0, 1]


def test_what_a_registered_cell_holds_is_not_recorded_twice() -> None:
    written = next(w for w in WRITTEN if w.kind is StateFirst)
    model, inputs, state = made(written)
    with gradlab.watch(model, every=1, cells={StateFirst: written.cell}) as recorder:
        loss = model(inputs, state)
        loss.backward()
        recorder.step(loss)
    assert set(recorder.frame("timesteps")["module"]) == {"cell"}


def test_a_cell_in_single_precision_and_under_autocast() -> None:
    torch.set_default_dtype(torch.float32)
    written = WRITTEN[0]
    for enabled in (False, True):
        model, inputs, state = made(written)
        with gradlab.watch(model, every=1, cells={written.kind: written.cell}) as recorder:
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                loss = model(inputs, state)
            loss.backward()
            recorder.step(loss)
        frame = recorder.frame("timesteps")
        assert (frame["grad_h"] > 0).all() and frame["sigma_max"].notna().any()
