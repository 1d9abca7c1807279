"""Delayed recall: one symbol is shown at the start, and asked for at the end, behind distractors."""

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

DISTRACTORS = 4


class DelayedRecall(Task):
    """The simplest latch: a symbol, `delay` distractors, and a cue at which the symbol must be named.

    After the latch problem of Bengio, Simard & Frasconi (1994), section II, with more than two things to hold. The
    distractors are other symbols than those to recall, so all that is hard is to hold on.
    """

    name: Literal["delayed_recall"] = "delayed_recall"
    title: ClassVar[str] = "Delayed recall"
    inputs: ClassVar[InputKind] = "tokens"

    delay: Annotated[int, Field(ge=5)] = 50
    """Distractors between the symbol and the cue."""
    symbols: Annotated[int, Field(ge=2)] = 8
    """Different symbols that may have to be recalled."""

    @property
    def input_size(self) -> int:
        """Tokens: the symbols, four distractors and the cue."""
        return self.symbols + DISTRACTORS + 1

    @property
    def output_size(self) -> int:
        """The symbols."""
        return self.symbols

    @property
    def length(self) -> int:
        """Symbol, distractors and cue."""
        return self.delay + 2

    @property
    def demanded_lag(self) -> int:
        """From the cue, which is the last step, back to the first."""
        return self.length - 1

    @property
    def chance(self) -> Baseline:
        """All symbols are equally likely."""
        return Baseline(math.log(self.symbols), 1 / self.symbols, "guesses among the symbols")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch`, targets `batch`; no row of distractors is in both splits."""
        source = stream(generator, split)
        cue = self.input_size - 1
        targets = torch.randint(0, self.symbols, (size,), generator=source)
        between = draw_parted(
            lambda count: torch.randint(self.symbols, cue, (self.delay, count), generator=source), size, split
        )
        return Batch(torch.cat((targets.unsqueeze(0), between, torch.full((1, size), cue))), targets)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats of the logits `batch class`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of sequences whose symbol is named."""
        return accuracy(outputs, batch.targets)
