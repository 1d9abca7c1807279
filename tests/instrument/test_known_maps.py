"""Known maps written as users' cells and sent through the instrument: their exponents are those of the literature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gradlab
from gradlab.dynamics import lyapunov_spectrum
from gradlab.instrument import Cell, FunctionCell, Pass, find_cells, hold_on, recurrent_modules, replay
from tests.instrument.written_cells import WRITTEN, Model, Written

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


class Henon(nn.Module):
    """(x, y) → (1 − a x² + y, b x), a = 1.4, b = 0.3."""

    def forward(self, state: Tensor) -> Tensor:
        x, y = state.unbind(-1)
        return torch.stack([1 - 1.4 * x * x + y, 0.3 * x], -1)


class Lorenz(nn.Module):
    """One Runge–Kutta step of the Lorenz equations, σ = 10, ρ = 28, β = 8/3."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step

    @staticmethod
    def flow(s: Tensor) -> Tensor:
        x, y, z = s.unbind(-1)
        return torch.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], -1)

    def forward(self, s: Tensor) -> Tensor:
        k1 = self.flow(s)
        k2 = self.flow(s + self.step / 2 * k1)
        k3 = self.flow(s + self.step / 2 * k2)
        k4 = self.flow(s + self.step * k3)
        return s + self.step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def exponents_of(module: nn.Module, start: Tensor, steps: int, transient: int) -> Tensor:
    """Lyapunov exponents from the Jacobians of a pass that went through the recording path."""
    [(name, layout)] = find_cells(module, {module: Cell(input=None, state=0)}).items()
    capture = hold_on(name, layout)
    with torch.no_grad():
        for _ in range(transient):
            start = module(start)
    capture.arm()
    state = start.requires_grad_()
    for _ in range(steps):
        state = module(state)
    [passed] = replay(capture.calls)
    operator = passed.recurrence.jacobian({}, passed.trace, passed.states_before())
    return lyapunov_spectrum(operator[:, 0]).exponents


def test_the_henon_map_has_its_literature_exponents() -> None:
    exponents = exponents_of(Henon(), torch.tensor([[0.1, 0.1]]), 3000, 200)
    assert float(exponents[0]) == pytest.approx(0.4192, abs=0.02)
    assert float(exponents.sum()) == pytest.approx(math.log(0.3), abs=1e-9)


@pytest.mark.slow
def test_the_logistic_map_has_ln_2() -> None:
    """A plain function, unbatched: at r = 4 the exponent is ln 2 (Ruelle; see any text on interval maps)."""
    cell = FunctionCell(lambda x: 4 * x * (1 - x))
    exponents = exponents_of(cell, torch.tensor([0.2345]), 3000, 100)
    assert float(exponents[0]) == pytest.approx(math.log(2), abs=0.02)


@pytest.mark.slow
def test_lorenz_by_runge_kutta_has_its_literature_exponents() -> None:
    step = 0.01
    exponents = exponents_of(Lorenz(step), torch.tensor([[1.0, 1.0, 20.0]]), 5000, 1000) / step
    assert float(exponents[0]) == pytest.approx(0.9056, abs=0.12)
    assert float(exponents[1]) == pytest.approx(0.0, abs=0.06)
    assert float(exponents.sum()) == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-3)


def test_the_tent_map_as_a_relu_rnn_has_its_exponents_through_the_recording_path() -> None:
    mu, steps = 1.9, 400
    rnn = nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        rnn.weight_ih_l0.zero_()
        rnn.weight_hh_l0.copy_(mu * torch.tensor([[1.0, -2.0], [1.0, -2.0]]))
        rnn.bias_ih_l0.copy_(torch.tensor([0.0, -0.5]))
        rnn.bias_hh_l0.zero_()
    with gradlab.watch(rnn, every=1, jacobian_times="all", check_every="never") as recorder:
        out, _ = rnn(torch.zeros(steps, 1, 1), torch.tensor([[[0.3, 0.0]]]))
        out[-1].sum().backward()
        recorder.step(0.0)
    frame = recorder.frame("timesteps")
    assert len(frame) == steps and (frame["sigma_min"] < 1e-15).all() and (frame["mean_log_sigma"] == -math.inf).all()
    [(name, layout)] = recurrent_modules(rnn)
    capture = hold_on(name, layout)
    capture.arm()
    rnn(torch.zeros(steps, 1, 1), torch.tensor([[[0.3, 0.0]]]))
    [passed] = replay(capture.calls)
    operator = passed.recurrence.jacobian(passed.weights, passed.trace, passed.states_before())
    exponents = lyapunov_spectrum(operator[:, 0]).exponents
    assert float(exponents[0]) == pytest.approx(math.log(mu), abs=4 / steps)
    assert float(exponents[1]) == -math.inf


def test_a_map_goes_through_watch_with_its_gradient() -> None:
    """The derivative of a chaotic map's end by its start grows like its exponent, and the tables show it."""
    model = nn.Module()
    model.map = FunctionCell(lambda x: 4 * x * (1 - x))  # type: ignore[assignment]
    x = torch.tensor([[0.2345]], requires_grad=True)
    with gradlab.watch(model, every=1, cells={model.map: Cell(input=None, state=0)}, jacobian_times="all") as recorder:
        state = x
        for _ in range(30):
            state = model.map(state)
        state.sum().backward()
        recorder.step(state.sum())
    frame = recorder.frame("timesteps")
    assert len(frame) == 30 and frame["grad_x"].isna().all() and frame["weight_gradient_norm"].isna().all()
    product = np.log(frame["sigma_max"]).sum()
    assert x.grad is not None
    assert math.log(abs(float(x.grad))) == pytest.approx(product, abs=1e-9)
    assert frame["grad_h"].iloc[0] == pytest.approx(math.exp(np.log(frame["sigma_max"][1:]).sum()), rel=1e-9)


def test_henon_watched_with_its_lyapunov_table() -> None:
    """The whole way: a user's cell in a loop, `watch`, and the table."""
    model = nn.Sequential()
    model.map = Henon()
    state = torch.tensor([[0.1, 0.1]], requires_grad=True)
    with gradlab.watch(
        model, every=1, cells={Henon: Cell(input=None, state=0)}, tables=["lyapunov"], check_every="never"
    ) as recorder:
        for _ in range(1200):
            state = model.map(state)
        # Backpropagation through a chaotic map explodes; what is asked here is only along the orbit.
        loss = state.sum()
        loss.backward()
        recorder.step(loss)
    found = recorder.frame("lyapunov").sort_values("index")["exponent"].to_numpy()
    # The sum is ln 0.3 at every single step; the leading exponent varies by about 0.6/√T over orbits of length T.
    assert abs(found.sum() - math.log(0.3)) < 1e-9
    assert abs(found[0] - 0.4192) < 3 * 0.6 / 1080**0.5
