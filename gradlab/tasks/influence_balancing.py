"""Influence balancing: a parameter whose short-lived influence has the wrong sign, so that short windows diverge."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.tasks.base import Baseline, Batch, Reads, Split, Task
from gradlab.tasks.streams import stream

STATES, RAISED = 23, 10
"""Units, and how many of them the parameter is added to; from the others it is taken away."""
GAIN = 2.0 * (RAISED - (STATES - RAISED))
"""What the first unit comes to for θ = 1: sₖ = sₖ₊₁ ± 2θ along the chain, hence −6."""
BEST = 1 / GAIN


class InfluenceBalancing(Task):
    """s ← A s ± θ, with A = ½I + ½ shift; the first of 23 units is to be 1, which it comes to for θ = −1/6.

    θ is added to the first ten units and taken from the others, whose influence arrives later and outweighs that of the
    first: the gradient through a short window has the wrong sign. The net is fixed but for θ, whatever `model` says of
    cells and sizes; it starts near 0, as the seed has it. Source: Tallec & Ollivier (2017), section 4.1.
    """

    name: Literal["influence_balancing"] = "influence_balancing"
    title: ClassVar[str] = "Influence balancing"
    reads: ClassVar[Reads] = "every"
    net: ClassVar[str] = "influence_balancing"
    states: ClassVar[int] = STATES
    raised: ClassVar[int] = RAISED
    score_name: ClassVar[str] = "distance of θ from −1/6"
    higher_is_better: ClassVar[bool] = False

    steps: Annotated[int, Field(ge=100)] = 2500
    """Time steps until the state begins at zero again; in the paper it never does."""
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Standard deviation of the drive, which θ is multiplied by, around 1; the paper has none."""

    @property
    def input_size(self) -> int:
        """The drive."""
        return 1

    @property
    def output_size(self) -> int:
        """The first unit."""
        return 1

    @property
    def length(self) -> int:
        """Time steps of a sequence."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """The shortest window with the right sign reaches back so far."""
        return shortest_window() - 1

    @property
    def chance(self) -> Baseline:
        """A readout that were free could always answer 1; here only θ can."""
        return Baseline(0.0, 0.0, "always answers 1")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """The drive `time batch 1`, and ones of the same shape."""
        drive = torch.ones(self.steps, size, 1)
        if self.noise > 0:
            drive += self.noise * torch.randn(drive.shape, generator=stream(generator, split))
        return Batch(drive, torch.ones(self.steps, size, 1))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """½ (s¹ − 1)², the mean over steps and sequences."""
        return 0.5 * (outputs - batch.targets).square().mean()

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """How far θ is from −1/6, read off the last answers: |s¹ − 1|/6."""
        return float((outputs.detach()[-1] - 1).abs().double().mean() * abs(BEST))


def influence(lag: int) -> float:
    """∂s¹_t/∂θ through the step that many steps ago: the first entry of Aᵏ (+1, …, −1), a sum of binomials."""
    terms = (math.comb(lag, place) * (1 if place < RAISED else -1) for place in range(min(lag + 1, STATES)))
    return sum(terms) / 2**lag


def shortest_window() -> int:
    """The window from which on the truncated gradient has the sign of the full one."""
    total, window = 0.0, 0
    while total >= 0:
        total += influence(window)
        window += 1
    return window
