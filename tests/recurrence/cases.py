"""The list that feeds the contract suite of recurrences, and random passes to run it on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.recurrence import LSTM, RECURRENCES, Recurrence, States, Weights


@dataclass(frozen=True)
class Case:
    """A recurrence; an LSTM also with a projection of its output."""

    recurrence: Recurrence
    projected: bool = False

    def __str__(self) -> str:
        return repr(self.recurrence) + ("-projected" if self.projected else "")

    def sizes(self, hidden: int) -> tuple[int, ...]:
        """Width of each part of the state, for about so many hidden units."""
        hidden = self.hidden(hidden)
        first = max(1, hidden - 2) if self.projected else hidden
        return (first, hidden)[: len(self.recurrence.state_names)]

    def hidden(self, hidden: int) -> int:
        """The nearest size that the recurrence accepts: a complex state has an even one."""
        return 2 * hidden if self.recurrence.name == "lru" else hidden

    def weights(self, inputs: int, hidden: int, bias: bool, generator: torch.Generator) -> Weights:
        """Random weights in float64, large enough for the nonlinearities to matter."""
        shapes = self.recurrence.weight_shapes(inputs, self.hidden(hidden))
        if self.projected:
            out = self.sizes(hidden)[0]
            shapes["weight_hh"] = (shapes["weight_hh"][0], out)
            shapes["weight_hr"] = (out, self.hidden(hidden))
        return {
            name: 1.5 / max(1, shape[-1] if len(shape) > 1 else 2) ** 0.5
            * torch.randn(shape, dtype=torch.float64, generator=generator)
            for name, shape in shapes.items()
            if bias or not name.startswith("bias")
        }  # fmt: skip


CASES = [*map(Case, RECURRENCES), Case(LSTM(), projected=True)]


@dataclass(frozen=True)
class Passing:
    """A random pass: weights, inputs, the state to start from, and what arrives at the states from outside."""

    weights: Weights
    inputs: Tensor
    initial: States
    direct: States


def passing(
    case: Case, T: int = 7, B: int = 3, inputs: int = 4, H: int = 5, bias: bool = True, seed: int = 0
) -> Passing:
    """A random pass of the given sizes, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    sizes = case.sizes(H)
    return Passing(
        case.weights(inputs, H, bias, generator),
        normal(T, B, inputs),
        tuple(0.5 * normal(B, size) for size in sizes),
        tuple(normal(T, B, size) for size in sizes),
    )
