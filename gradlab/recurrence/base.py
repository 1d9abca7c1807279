"""What every recurrence gives: its equations, the trace of a pass, the adjoint of a loss, and its Jacobians.

Everything here speaks of one layer in one direction, read forward in time, with real sequences first and padding, if
any, behind them; `gradlab.instrument` brings torch's modules into this form.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from gradlab.shapes import Float

Weights = Mapping[str, Tensor]
"""Parameters of one layer and direction by their short names, such as `weight_hh`; absent ones are simply missing."""

States = tuple[Tensor, ...]
"""The state in the order of `Recurrence.state_names`: `batch hidden` each, or `time batch hidden` along a pass."""

Factors = dict[str, tuple[Tensor, Tensor | None]]
"""Per weight the two factors of its gradient, `time batch … rows` and `time batch … columns`.

The gradient is the sum of left ⊗ right over all axes but the last; without a right factor the weight is a vector, and
its gradient is the sum of left.
"""


@dataclass(frozen=True, slots=True)
class Trace:
    """All that a forward pass computed, at every time step."""

    inputs: Tensor
    """`time batch feature`."""
    initial: States
    """The state before the first step, `batch hidden` each."""
    states: States
    """The states after each step, `time batch hidden` each."""
    gates: Mapping[str, Tensor] = field(default_factory=dict)
    """Gates and inner activations after their nonlinearity, `time batch hidden` each."""
    started_from: States | None = None
    """The states before each step, `time batch hidden` each, where they are not simply the ones of the step before."""

    _before: dict[int, Tensor] = field(default_factory=dict, repr=False, compare=False)

    def before(self, index: int = 0) -> Tensor:
        """The states that each step started from, `time batch hidden`; made once and kept."""
        if self.started_from is not None:
            return self.started_from[index]
        if index not in self._before:
            self._before[index] = torch.cat([self.initial[index].unsqueeze(0), self.states[index][:-1]])
        return self._before[index]

    def select(self, times: Tensor, sequences: Tensor) -> tuple[Trace, States]:
        """The steps at some times of some sequences, and the states before them, `time batch hidden`."""
        device = self.inputs.device
        times, sequences = times.to(device), sequences.to(device)

        def chosen(tensor: Tensor) -> Tensor:
            return tensor[times.unsqueeze(1), sequences]

        first = (times == 0).view(-1, 1, 1)
        if self.started_from is not None:
            before = tuple(map(chosen, self.started_from))
        else:
            earlier = (times - 1).clamp_min(0).unsqueeze(1)
            before = tuple(
                torch.where(first, initial[sequences], state[earlier, sequences])
                for initial, state in zip(self.initial, self.states, strict=True)
            )
        initial = tuple(state[sequences] for state in self.initial)
        gates = {name: chosen(gate) for name, gate in self.gates.items()}
        return Trace(chosen(self.inputs), initial, tuple(map(chosen, self.states)), gates, before), before


@dataclass(frozen=True, slots=True)
class Adjoint:
    """Gradients of one scalar loss with respect to everything along a pass, through all paths."""

    states: States
    """dL/dh_t (and dL/dc_t), `time batch hidden` each."""
    initial: States
    """Gradient of the state before the first step, `batch hidden` each."""
    inputs: Tensor
    """dL/dx_t, `time batch feature`."""
    factors: Factors
    """For every weight the factors whose outer products, summed, are its gradient."""


class Recurrence(ABC):
    """The mathematics of one kind of cell. Implementations are final and hold no state."""

    name: ClassVar[str]
    state_names: ClassVar[tuple[str, ...]]
    gate_bounds: ClassVar[Mapping[str, tuple[float, float]]]
    """Lower and upper bound of each gate or inner activation, in the order of the weights."""
    recurrent_blocks: ClassVar[tuple[str, ...]] = ()
    """The gates whose square blocks are stacked in `weight_hh`; empty where it is one matrix, or is missing."""

    @abstractmethod
    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the weights, with biases. Raises ValueError for a size that cannot be."""

    def initialise(self, weights: Weights, hidden_size: int) -> None:
        """Draw first weights in place: from U(−1/√H, 1/√H) as in torch, unless a recurrence has a rule of its own."""
        bound = 1 / math.sqrt(hidden_size)
        with torch.no_grad():
            for weight in weights.values():
                weight.uniform_(-bound, bound)

    @abstractmethod
    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations, for `batch feature` inputs: the definition that all else must agree with."""

    @abstractmethod
    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """All states and gates of a pass over `time batch feature` inputs.

        Where the hidden states are known (`outputs`, `time batch hidden`), all gates of all times are one matrix
        product; otherwise the pass is run step by step.
        """

    @abstractmethod
    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """The reverse sweep of backpropagation through time.

        `direct` is what arrives at each state from outside the recurrence, `time batch hidden` each; None for nothing.
        """

    @abstractmethod
    def jacobian(self, weights: Weights, trace: Trace, before: States) -> Any:
        """∂s_t/∂s_{t−1} at each step of a trace that started from `before`: a `JacobianOperator`."""

    def run(self, weights: Weights, inputs: Tensor, initial: States) -> States:
        """The states of a pass, step by step: slow and obvious, `time batch hidden` each."""
        states, passed = initial, []
        for x in inputs:
            states = self.step(weights, x, states)
            passed.append(states)
        return tuple(torch.stack(parts) for parts in zip(*passed, strict=True))


def stacked_shapes(gates: int, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    """Shapes of torch's recurrent weights: the blocks of all gates one above the other."""
    rows = gates * hidden_size
    return {
        "weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias_ih": (rows,), "bias_hh": (rows,)
    }  # fmt: skip


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x Wᵀ + b` for any leading axes."""
    return torch.nn.functional.linear(inputs, weight, bias)


def weight_gradients(adjoint: Adjoint) -> dict[str, Tensor]:
    """The gradient of every weight, rebuilt from the adjoint: Σ_t Σ_b left ⊗ right."""
    gradients = {}
    for name, (left, right) in adjoint.factors.items():
        if right is None:
            gradients[name] = left.flatten(0, 1).sum(0)
        else:
            gradients[name] = left.flatten(0, -2).T @ right.flatten(0, -2)
    return gradients


def project(adjoint: Adjoint, name: str, probes: Float[Tensor, "columns probes"]) -> Float[Tensor, "rows probes"]:
    """The rebuilt gradient of one matrix times some vectors, without forming the gradient: Σ left (right · v)."""
    left, right = adjoint.factors[name]
    if right is None:
        return left.flatten(0, 1).sum(0).unsqueeze(1) @ probes[:1]
    return left.flatten(0, -2).T @ (right.flatten(0, -2) @ probes)
