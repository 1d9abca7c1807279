"""Tasks that are read at every step, and models whose gradients are known by heart."""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradlab.tasks import Baseline, Batch, Padded, Task, aligned
from gradlab.tasks.base import Reads, Split
from gradlab.tasks.padded import mean_over_real


class EveryStep(Task):
    """The running sum of noise, asked for at every step."""

    name: Literal["every step"] = "every step"
    title: ClassVar[str] = "a running sum"
    reads: ClassVar[Reads] = "every"
    steps: int = 11
    input_size: ClassVar[int] = 2  # type: ignore[misc]
    output_size: ClassVar[int] = 1  # type: ignore[misc]
    demanded_lag: ClassVar[int] = 10  # type: ignore[misc]
    chance: ClassVar[Baseline] = Baseline(1.0, 0.0, "none")  # type: ignore[misc]

    @property
    def length(self) -> int:
        """As set."""
        return self.steps

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Noise, and its running sum."""
        noise = torch.randn(self.steps, size, 2, generator=generator)
        return Batch(noise, noise.cumsum(0).sum(-1, keepdim=True) / 4)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error."""
        return functional.mse_loss(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Minus the error."""
        return -float(self.loss(outputs, batch))


class Uneven(EveryStep):
    """The same of sequences of different lengths: 1 to `steps`."""

    name: Literal["uneven"] = "uneven"  # type: ignore[assignment]

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Noise, and its running sum from each sequence's first step on; there is NaN in the padding."""
        lengths = torch.randint(1, self.steps + 1, (size,), generator=generator)
        inputs = aligned([torch.randn(length, 2, generator=generator) for length in lengths.tolist()])
        values = inputs.values.masked_fill(~inputs.real().unsqueeze(-1), torch.nan)
        return Batch(Padded(values, lengths), inputs.values.cumsum(0).sum(-1, keepdim=True) / 4)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error over real steps."""
        return mean_over_real((outputs - batch.targets).square().squeeze(-1), batch.inputs)


class Stream(EveryStep):
    """The same as long streams."""

    name: Literal["stream"] = "stream"  # type: ignore[assignment]
    total: int = 53

    def stream_length(self, size: int) -> int:
        """As set."""
        return self.total

    def stream(self, size: int, start: int, steps: int) -> Batch:
        """A window of one long piece of noise."""
        noise = torch.randn(self.total, size, 2, generator=torch.Generator().manual_seed(1))
        targets = noise.cumsum(0).sum(-1, keepdim=True) / 4
        return Batch(noise[start : start + steps], targets[start : start + steps])


class Silent(Stream):
    """A stream without inputs or targets, for models that are all there is: the loss is that of the answer."""

    name: Literal["silent"] = "silent"  # type: ignore[assignment]
    total: int = 10**9
    input_size: ClassVar[int] = 1  # type: ignore[misc]

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Zeros."""
        return self.stream(size, 0, self.steps)

    def stream(self, size: int, start: int, steps: int) -> Batch:
        """Zeros."""
        return Batch(torch.zeros(steps, size, 1), torch.zeros(steps, size, 1))


class Linear(nn.Module):
    """s ← A s + θ u, answering with the first unit: linear, so that every gradient is a sum of powers of A."""

    def __init__(self, matrix: Tensor, push: Tensor, theta: float, ask: str = "value") -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([theta], dtype=torch.float64))
        self.matrix, self.push, self.ask = matrix, push, ask

    def forward(self, inputs: Tensor) -> Tensor:
        """From a state of zero."""
        return self.unroll(inputs)[0]

    def unroll(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """First unit at every step, `time batch 1`, and the state `batch states`."""
        state = torch.zeros(inputs.shape[1], len(self.push), dtype=torch.float64) if state is None else state
        seen = []
        for _ in range(len(inputs)):
            state = state @ self.matrix.T + self.theta * self.push
            seen.append(state[:, :1])
        return torch.stack(seen), state


class Value(Silent):
    """The loss is the answer itself."""

    name: Literal["value"] = "value"  # type: ignore[assignment]

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean answer."""
        return outputs.mean()


class Balance(Silent):
    """Influence balancing: ½(s¹ − 1)²."""

    name: Literal["balance"] = "balance"  # type: ignore[assignment]

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Half the mean squared distance from 1."""
        return 0.5 * (outputs - 1).square().mean()


def influence_balancing(theta: float) -> Linear:
    """23 states, A = ½I + ½ shift, θ added to the first 10 and subtracted from the rest (Tallec & Ollivier 2017)."""
    matrix = 0.5 * torch.eye(23, dtype=torch.float64) + 0.5 * torch.diag(torch.ones(22, dtype=torch.float64), 1)
    push = torch.tensor([1.0] * 10 + [-1.0] * 13, dtype=torch.float64)
    return Linear(matrix, push, theta)
