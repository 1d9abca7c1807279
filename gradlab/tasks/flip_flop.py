"""Flip-flops: rare pulses set switches up or down, and every switch must be held until its next pulse."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.base import Baseline, Batch, Reads, Split, Task
from gradlab.tasks.partition import draw_parted
from gradlab.tasks.streams import stream

TOLERANCE = 0.5
"""A switch counts as held within it."""


class FlipFlop(Task):
    """Per channel a pulse +1 or −1 now and then, 0 otherwise; the answer is the sign of the last pulse.

    Source: Sussillo & Barak (2013), section 4 (three channels). Here every channel gets a pulse at the very first
    step, so that every step has an answer.
    """

    name: Literal["flip_flop"] = "flip_flop"
    title: ClassVar[str] = "Flip-flops"
    reads: ClassVar[Reads] = "every"
    score_name: ClassVar[str] = f"share within {TOLERANCE}"

    steps: Annotated[int, Field(ge=20)] = 100
    """Time steps of a sequence."""
    channels: Annotated[int, Field(ge=1)] = 3
    """Switches, independent of each other."""
    pulses: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Probability of a pulse at a step, per channel."""

    @property
    def input_size(self) -> int:
        """One pulse a channel."""
        return self.channels

    @property
    def output_size(self) -> int:
        """One switch a channel."""
        return self.channels

    @property
    def length(self) -> int:
        """Time steps of a sequence."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """How long a switch is held on average, in whole steps: 1/p, at most the whole sequence."""
        return min(math.ceil(1 / self.pulses), self.steps - 1)

    @property
    def chance(self) -> Baseline:
        """Without memory the best is to repeat a pulse while it is there, and 0 otherwise: held steps are lost."""
        held = (1 - self.pulses) * (self.steps - 1) / self.steps
        return Baseline(held, 1 - held, "repeats pulses, and answers 0 where there is none")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs (pulses) and targets (switches), both `time batch channel`; no pulses are in both splits."""
        source = stream(generator, split)

        def draw(count: int) -> Tensor:
            shape = (self.steps, self.channels, count)
            signs = 2 * torch.randint(0, 2, shape, generator=source) - 1
            happens = torch.rand(shape, generator=source) < self.pulses
            happens[0] = True
            return (signs * happens).flatten(0, 1)

        pulses = draw_parted(draw, size, split).unflatten(0, (self.steps, self.channels)).transpose(1, 2)
        times = torch.arange(self.steps).view(-1, 1, 1).expand_as(pulses)
        last = torch.where(pulses != 0, times, 0).cummax(0).values
        return Batch(pulses.float().contiguous(), pulses.gather(0, last).float())

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error of `time batch channel`."""
        return functional.mse_loss(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of switches and steps whose error is below ½."""
        return float(((outputs - batch.targets).abs() < TOLERANCE).double().mean())
