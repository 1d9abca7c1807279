"""Copy memory: ten symbols are shown, and must be said again after a long blank."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.tasks.accuracy import accuracy, cross_entropy
from gradlab.tasks.base import Baseline, Batch, InputKind, Reads, Split, Task
from gradlab.tasks.partition import draw_parted
from gradlab.tasks.streams import stream

SYMBOLS = 8
TO_COPY = 10
BLANK, GO = SYMBOLS, SYMBOLS + 1


class CopyMemory(Task):
    """Ten symbols of eight, T − 1 blanks, a sign to go, ten more blanks: T + 20 steps.

    Asked for are T + 10 blanks, and then the ten symbols in their order. Source: Arjovsky, Shah & Bengio (2016),
    section 4.1, after Hochreiter & Schmidhuber (1997). A net without memory answers blanks and then guesses:
    10 ln 8/(T + 20) nats a step.
    """

    name: Literal["copy_memory"] = "copy_memory"
    title: ClassVar[str] = "Copy memory"
    reads: ClassVar[Reads] = "every"
    inputs: ClassVar[InputKind] = "tokens"
    score_name: ClassVar[str] = "share of symbols recalled"

    delay: Annotated[int, Field(ge=1)] = 100
    """The paper's T: steps from the last symbol to the first blank after the sign to go."""

    @property
    def input_size(self) -> int:
        """The symbols, the blank and the sign to go."""
        return SYMBOLS + 2

    @property
    def output_size(self) -> int:
        """The symbols and the blank."""
        return SYMBOLS + 1

    @property
    def length(self) -> int:
        """T + 20."""
        return self.delay + 2 * TO_COPY

    @property
    def demanded_lag(self) -> int:
        """From saying a symbol back to seeing it, the same for all ten."""
        return self.delay + TO_COPY

    @property
    def chance(self) -> Baseline:
        """Knows when to answer, but not what."""
        loss = TO_COPY * math.log(SYMBOLS) / self.length
        return Baseline(loss, 1 / SYMBOLS, "answers blanks in time, then guesses among the symbols")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs and targets `time batch`; no ten symbols are in both splits."""
        source = stream(generator, split)
        symbols = draw_parted(lambda count: torch.randint(0, SYMBOLS, (TO_COPY, count), generator=source), size, split)
        inputs = torch.full((self.length, size), BLANK)
        targets = inputs.clone()
        inputs[:TO_COPY] = targets[-TO_COPY:] = symbols
        inputs[-TO_COPY - 1] = GO
        return Batch(inputs, targets)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats of the logits `time batch class`, the mean over all T + 20 steps."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of the ten symbols that are right, each in its place."""
        return accuracy(outputs[-TO_COPY:], batch.targets[-TO_COPY:])
