"""Temporal order: two letters stand far apart among distractors; which were they, and in which order?"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.tasks.accuracy import accuracy, cross_entropy
from gradlab.tasks.base import Baseline, Batch, InputKind, Split, Task
from gradlab.tasks.partition import draw_parted
from gradlab.tasks.streams import stream

LETTERS = 2
DISTRACTORS = 4


class TemporalOrder(Task):
    """A or B somewhere in [.1L, .2L), A or B somewhere in [.5L, .6L), one of c, d, e, f everywhere else.

    The answer at the end is AA, AB, BA or BB. Source: Hochreiter & Schmidhuber (1997), experiment 6a, in the form
    of Pascanu, Mikolov & Bengio (2013), section 4.1.1, with the positions of their code. Solved is: less than 1 %
    wrong of 10,000.
    """

    name: Literal["temporal_order"] = "temporal_order"
    title: ClassVar[str] = "Temporal order"
    inputs: ClassVar[InputKind] = "tokens"

    steps: Annotated[int, Field(ge=10)] = 100
    """Symbols L of a sequence."""

    @property
    def input_size(self) -> int:
        """Tokens: A, B, and the four distractors."""
        return LETTERS + DISTRACTORS

    @property
    def output_size(self) -> int:
        """AA, AB, BA, BB."""
        return LETTERS**2

    @property
    def length(self) -> int:
        """L."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """From the last step back to the earliest place of the first letter."""
        return self.steps - 1 - self.steps // 10

    @property
    def chance(self) -> Baseline:
        """All four answers are equally likely, whatever else is seen."""
        return Baseline(math.log(LETTERS**2), 1 / LETTERS**2, "guesses among the four orders")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch`, targets `batch`; no places and distractors together are in both splits."""
        source = stream(generator, split)
        width = self.steps // 10

        def draw(count: int) -> Tensor:
            tokens = torch.randint(LETTERS, self.input_size, (self.steps, count), generator=source)
            for mark, start in enumerate((self.steps // 10, self.steps // 2)):
                places = torch.randint(start, start + width, (count,), generator=source)
                tokens[places, torch.arange(count)] = mark
            return tokens

        tokens = draw_parted(draw, size, split)
        first, second = torch.randint(0, LETTERS, (2, size), generator=source)
        filled = torch.where(tokens == 0, first, torch.where(tokens == 1, second, tokens))
        return Batch(filled, LETTERS * first + second)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats of the logits `batch class`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of sequences whose order is right."""
        return accuracy(outputs, batch.targets)
