"""Recurrences as users write them, each in a model with how it is called, and the list that feeds their contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.instrument import Cell


class Concatenating(nn.Module):
    """(input, state) -> state."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs + hidden, hidden)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.linear(torch.cat([x, h], -1)))


class StateFirst(nn.Module):
    """state, input -> (output, state), with an output that is computed from the state inside."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.GRUCell(inputs, hidden)
        self.out = nn.Linear(hidden, 2)

    def forward(self, state: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        new = self.inner(inputs, state)
        return torch.relu(self.out(new)), new


class OwnLSTM(nn.Module):
    """(x, (h, c)) -> (h, c), where h is computed from c inside; None starts from zero."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.linear = nn.Linear(inputs + hidden, 4 * hidden)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        if state is None:
            state = (x.new_zeros(len(x), self.hidden),) * 2
        h, c = state
        i, f, g, o = self.linear(torch.cat([x, h], -1)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class Dropping(nn.Module):
    """A cell with dropout inside, a frozen parameter, and keyword arguments with a default."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, hidden)
        self.rate = nn.Parameter(torch.tensor(0.6), requires_grad=False)
        self.drop = nn.Dropout(0.4)

    def forward(self, *, x: Tensor, hidden: Tensor, scale: float = 2.0) -> dict[str, Tensor]:
        return {"hidden": self.rate * hidden + self.drop(torch.tanh(scale * self.linear(x) + hidden.roll(1, -1)))}


class Convolving(nn.Module):
    """A state with axes of space: `batch channel place`."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inwards = nn.Linear(inputs, 2 * hidden)
        self.mix = nn.Conv1d(2, 2, 3, padding=1)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.inwards(x).unflatten(-1, (2, -1)) + self.mix(h))


class InPlace(nn.Module):
    """A cell that works in place, and does not change with the batch."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(hidden, hidden) / hidden**0.5)
        self.inwards = nn.Linear(inputs, hidden, bias=False)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        a = self.inwards(x)
        a += h @ self.weight
        a[:, 0] *= 0.5
        return a.sin_()


@dataclass(frozen=True)
class Written:
    """A cell, how it is described to gradlab, how a user calls it, and the state it starts from."""

    kind: type[nn.Module]
    cell: Cell
    call: Callable[[nn.Module, Tensor, Any], tuple[Tensor, Any]]
    """(cell, x, state) -> (what the readout sees, state)."""
    start: Callable[[int, int], Any]
    """(batch, hidden) -> state."""
    parts: Callable[[Any], tuple[Tensor, ...]] = lambda state: state if isinstance(state, tuple) else (state,)

    def __str__(self) -> str:
        return self.kind.__name__


def _same(state: Tensor) -> tuple[Tensor, Tensor]:
    return state, state


WRITTEN = [
    Written(Concatenating, Cell(), lambda m, x, h: _same(m(x, h)), lambda b, h: torch.randn(b, h)),
    Written(
        StateFirst,
        Cell(input="inputs", state="state", returned=1),
        lambda m, x, h: m(h, x),
        lambda b, h: torch.randn(b, h),
    ),
    Written(OwnLSTM, Cell(), lambda m, x, s: (lambda new: (new[0], new))(m(x, s)), lambda b, h: None),
    Written(
        Dropping,
        Cell(input="x", state="hidden", returned=lambda result: result["hidden"]),
        lambda m, x, h: _same(m(x=x, hidden=h)["hidden"]),
        lambda b, h: torch.randn(b, h),
    ),
    Written(
        Convolving,
        Cell(),
        lambda m, x, h: (lambda new: (new.flatten(1), new))(m(x, h)),
        lambda b, h: torch.randn(b, 2, h),
    ),
    Written(InPlace, Cell(), lambda m, x, h: _same(m(x, h)), lambda b, h: torch.randn(b, h)),
]  # fmt: skip


class Model(nn.Module):
    """A loop of a user's cell with a readout at some steps."""

    def __init__(self, written: Written, inputs: int, hidden: int) -> None:
        super().__init__()
        self.written = written
        self.cell = written.kind(inputs, hidden)
        self.read = nn.LazyLinear(1)
        self.seen: list[tuple[Tensor, ...]] = []
        self.inputs: list[Tensor] = []

    def forward(self, inputs: Tensor, state: Any) -> Tensor:
        """A scalar; the states and inputs of every step are kept for the test to look at."""
        total: Tensor | float = 0.0
        self.seen, self.inputs = [], []
        for t, x in enumerate(inputs):
            x = x.clone().requires_grad_()
            self.inputs.append(x)
            output, state = self.written.call(self.cell, x, state)
            self.seen.append(self.written.parts(state))
            if t % 2 or t == len(inputs) - 1:
                total = total + self.read(output).square().mean()
        assert isinstance(total, Tensor)
        return total
