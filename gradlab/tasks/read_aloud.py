"""Digit strings read aloud as letters: a sequence in, another sequence out."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.tasks import spelling
from gradlab.tasks.base import Baseline, Batch, InputKind, Reads, Split, Task
from gradlab.tasks.partition import draw_parted
from gradlab.tasks.streams import stream

DIGITS = len(spelling.WORDS)


class ReadAloud(Task):
    """`3 1 4` becomes `three one four`, for a net with an encoder and a decoder.

    The encoder reads all digits before the decoder says the first letter (Sutskever, Vinyals & Le 2014; Cho et al.
    2014). In training the decoder reads the right letters so far. The loss is in nats a digit: a speller who has not
    heard the digits loses ln 10.
    """

    name: Literal["read_aloud"] = "read_aloud"
    title: ClassVar[str] = "Digit strings read aloud"
    reads: ClassVar[Reads] = "every"
    inputs: ClassVar[InputKind] = "tokens"
    net: ClassVar[str] = "encoder_decoder"
    score_name: ClassVar[str] = "share of strings read right"

    digits: Annotated[int, Field(ge=2)] = 4
    """Digits of a string."""

    @property
    def input_size(self) -> int:
        """The ten digits."""
        return DIGITS

    @property
    def output_size(self) -> int:
        """Letters, space and END."""
        return spelling.ANSWERS

    @property
    def length(self) -> int:
        """Digits that are read, and letters, spaces and END of the longest answer."""
        return self.digits + spelling.steps(self.digits)

    @property
    def demanded_lag(self) -> int:
        """From the first letter of the last word, at its latest, back to its digit."""
        return spelling.steps(self.digits - 1) + 1

    @property
    def chance(self) -> Baseline:
        """Spells well, but has not heard the digits."""
        return Baseline(math.log(DIGITS), DIGITS**-self.digits, "spells random digits")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Digits `time batch` and letters so far; targets `time batch`. No string is in both splits."""
        source = stream(generator, split)
        strings = draw_parted(
            lambda count: torch.randint(0, DIGITS, (self.digits, count), generator=source), size, split
        )
        return spelling.spelled(strings, strings)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats a digit of the logits `time batch letter`."""
        return spelling.loss(outputs, batch.targets) / self.digits

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of strings that are read without a mistake."""
        return spelling.score(outputs, batch.targets)
