"""Parity: is the number of ones in a row of bits even or odd?"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.tasks.accuracy import accuracy, cross_entropy
from gradlab.tasks.base import Baseline, Batch, Split, Task
from gradlab.tasks.partition import draw_parted
from gradlab.tasks.streams import stream


class Parity(Task):
    """Bits one by one, as −1 and 1; the class at the end is 1 when an odd number of them were ones.

    Every single bit decides, and any set of bits that leaves one out says nothing at all. Source: Hochreiter &
    Schmidhuber (1997), section 5 (there as a task that random guessing of weights solves); Minsky & Papert (1969).
    """

    name: Literal["parity"] = "parity"
    title: ClassVar[str] = "Parity"

    steps: Annotated[int, Field(ge=6)] = 20
    """Bits of a sequence."""

    @property
    def input_size(self) -> int:
        """One bit."""
        return 1

    @property
    def output_size(self) -> int:
        """Even and odd."""
        return 2

    @property
    def length(self) -> int:
        """Bits of a sequence."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """From the last bit back to the first."""
        return self.steps - 1

    @property
    def chance(self) -> Baseline:
        """Even and odd are equally likely, also for whoever knows all bits but one."""
        return Baseline(math.log(2), 0.5, "guesses")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch 1`, targets `batch`; no row of bits is in both splits.

        All bits but the last decide to which split a row belongs, so its parity is as random as ever.
        """
        source = stream(generator, split)
        earlier = draw_parted(lambda count: torch.randint(0, 2, (self.steps - 1, count), generator=source), size, split)
        bits = torch.cat((earlier, torch.randint(0, 2, (1, size), generator=source)))
        return Batch(2.0 * bits.float().unsqueeze(-1) - 1.0, bits.sum(0) % 2)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats of the logits `batch class`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of rows whose parity is right."""
        return accuracy(outputs, batch.targets)
