"""The net of influence balancing: a fixed linear chain that one parameter drives."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gradlab.models.interface import TaskInterface
from gradlab.models.settings import ModelSettings
from gradlab.shapes import Float

DEVIATION = 0.05
"""Of θ at the start."""


@runtime_checkable
class ChainTask(Protocol):
    """A task that says how long the chain is."""

    states: int
    raised: int


class InfluenceStep(nn.Module):
    """s ← A s + θ x u, with A = ½I + ½ shift and u = +1 for the first units, −1 for the others."""

    matrix: Tensor
    push: Tensor

    def __init__(self, states: int, raised: int) -> None:
        super().__init__()
        self.theta = nn.Parameter(DEVIATION * torch.randn(1))
        half = 0.5 * torch.ones(states)
        self.register_buffer("matrix", torch.diag(half) + torch.diag(half[1:], 1), persistent=False)
        push = torch.where(torch.arange(states) < raised, 1.0, -1.0)
        self.register_buffer("push", push, persistent=False)

    def forward(self, drive: Float[Tensor, "batch 1"], state: Float[Tensor, "batch states"]) -> Tensor:
        """The state one step later."""
        return state @ self.matrix.T + drive * self.theta * self.push


class InfluenceNet(nn.Module):
    """The chain, answering with its first unit.

    Attributes:
        recurrent: one step.
    """

    def __init__(self, states: int, raised: int) -> None:
        super().__init__()
        self.recurrent = InfluenceStep(states, raised)

    def forward(self, inputs: Float[Tensor, "time batch 1"]) -> Float[Tensor, "time batch 1"]:
        """The first unit at every step, from a state of zero."""
        return self.unroll(inputs)[0]

    def unroll(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same from a given state, `batch states`, and the state after the last step."""
        if state is None:
            state = inputs.new_zeros(inputs.shape[1], len(self.recurrent.push))
        seen = []
        for drive in inputs:
            state = self.recurrent(drive, state)
            seen.append(state[:, :1])
        return torch.stack(seen), state


def influence_net(settings: ModelSettings, task: TaskInterface) -> InfluenceNet:
    """The net of a task with a chain, whatever the settings say of cells; raises ValueError for any other task."""
    if not isinstance(task, ChainTask):
        raise ValueError(f"expected a task with states and raised, got {type(task).__name__}")
    return InfluenceNet(task.states, task.raised)
