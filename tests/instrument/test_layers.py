"""Layers of every recurrence in closed form, watched: gradients at every step as autograd has them, weights closed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import gradlab
from gradlab.instrument import hold_on, recurrent_modules, replay
from gradlab.models import ModelSettings, RecurrentLayer, build
from gradlab.models.cells import RECURRENCE, has_recurrent_matrix
from gradlab.recurrence import RECURRENCES, Recurrence, weight_gradients
from tests.comparison import assert_equal
from tests.models.cases import Sizes

every_recurrence = pytest.mark.parametrize("recurrence", RECURRENCES, ids=str)


@every_recurrence
@pytest.mark.parametrize("layers", [1, 2])
def test_all_gradients_of_a_layer_are_autograds(recurrence: Recurrence, layers: int) -> None:
    torch.manual_seed(0)
    layer = RecurrentLayer(recurrence, 3, 4, layers, dropout=0.3 if layers > 1 else 0.0).double()
    [(name, layout)] = recurrent_modules(layer)
    capture = hold_on(name, layout)
    capture.arm()
    inputs = torch.randn(9, 2, 3, dtype=torch.float64, requires_grad=True)
    start = tuple(torch.randn(layers, 2, 4, dtype=torch.float64, requires_grad=True) for _ in recurrence.state_names)
    seen: list[tuple[Tensor, ...]] = []
    plain = type(recurrence).step

    def stepped(self: Recurrence, *given: object) -> tuple[Tensor, ...]:
        states = plain(self, *given)  # type: ignore[arg-type]
        for part in states:
            part.retain_grad()
        seen.append(states)
        return states

    type(recurrence).step = stepped  # type: ignore[method-assign,assignment]
    try:
        output, final = layer(inputs, start if len(start) > 1 else start[0])
    finally:
        type(recurrence).step = plain  # type: ignore[method-assign]
    last = final if isinstance(final, tuple) else (final,)
    (output[::2].square().sum() + sum((part * torch.randn_like(part)).sum() for part in last)).backward()
    for passed in replay(capture.calls):
        steps = seen[9 * passed.layer : 9 * (passed.layer + 1)]
        for k, state in enumerate(recurrence.state_names):
            grads = [step[k].grad for step in steps]
            expected = torch.stack([torch.zeros_like(output[0]) if g is None else g for g in grads])
            what = f"dL/d{state}_t of layer {passed.layer}"
            assert_equal(passed.adjoint.states[k], expected, 1e-11, what)
            assert start[k].grad is not None
            assert_equal(passed.adjoint.initial[k], start[k].grad[passed.layer], 1e-11, f"{what} before the first step")
        if passed.layer == 0:
            assert inputs.grad is not None
            assert_equal(passed.grad_inputs, inputs.grad, 1e-11, "dL/dx_t")
        for short, rebuilt in weight_gradients(passed.adjoint).items():
            gradient = layer.get_parameter(f"{short}_l{passed.layer}").grad
            assert gradient is not None
            assert_equal(rebuilt, gradient, 1e-11, f"dL/d{short} of layer {passed.layer}", floor=1e-2)
        chosen = passed.select(torch.tensor([1]))
        for short, (left, _) in chosen.adjoint.factors.items():
            assert_equal(left, passed.adjoint.factors[short][0][:, 1:], 0.0, short)


@pytest.mark.parametrize("cell", RECURRENCE)
def test_a_model_of_any_cell_is_watched_with_a_closure_error_of_rounding(cell: str) -> None:
    settings = ModelSettings(cell=cell, hidden=6, layers=2, precision="float64")  # type: ignore[arg-type]
    model = build(settings, Sizes(), 0)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    inputs = torch.randn(11, 5, 3, dtype=torch.float64)
    with gradlab.watch(model, every=1, check_every=1, sequences=3) as recorder:
        for _ in range(2):
            loss = model(inputs).square().mean()
            loss.backward()
            recorder.step(loss)
            optimiser.step()
            optimiser.zero_grad()
    rows, weights = recorder.frame("timesteps"), recorder.frame("parameters")
    of_cell = weights[weights["parameter"].str.match(r"recurrent.*_l\d$") & weights["grad_norm"].notna()]
    assert len(of_cell) and (of_cell["closure_error"] < 1e-10).all(), of_cell[["parameter", "closure_error"]]
    assert len(rows) == 2 * 2 * 11
    assert (rows["grad_h"] > 0).all() and rows["sigma_max"].notna().any()
    assert rows["grad_c"].notna().all() == (len(RECURRENCE[cell].state_names) == 2)  # type: ignore[index]
    assert rows["weight_gradient_share"].notna().all() == has_recurrent_matrix(cell)  # type: ignore[arg-type]
    if RECURRENCE[cell].recurrent_blocks:  # type: ignore[index]
        assert weights["parameter"].str.contains(r"weight_hh_l0\[").any()
