"""The adding problem: two numbers of a long sequence are marked, and their sum is asked for at the end."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.base import Baseline, Batch, Split, Task
from gradlab.tasks.streams import stream

TOLERANCE = 0.04
"""An answer counts as right within it (Hochreiter & Schmidhuber 1997, section 5.4)."""

_SHORTEST = {"le2015": 2, "hochreiter1997": 24}


class Adding(Task):
    """Remember two marked numbers, and nothing else, over the whole sequence.

    Each step gives a number and a marker. Two forms were published, and their losses are not comparable:

    - `le2015` (Le, Jaitly & Hinton 2015; Arjovsky, Shah & Bengio 2016): numbers from U[0, 1], marker 1 at one
      step of each half, target x₁ + x₂. The constant 1 has MSE 1/6.
    - `hochreiter1997` (Hochreiter & Schmidhuber 1997, section 5.4): numbers from U[−1, 1], marker −1 at both
      ends, 1 at one of the first ten steps and at another of the first T/2 − 1, target ½ + (x₁ + x₂)/4. The
      constant ½ has MSE 1/24. Here the very first step is never marked: the paper then sets x₁ to 0, which
      would spoil the 1/24. And all sequences have the same length T, where the paper varies it by a tenth.
    """

    name: Literal["adding"] = "adding"
    title: ClassVar[str] = "Adding problem"
    score_name: ClassVar[str] = f"share within {TOLERANCE}"

    form: Literal["le2015", "hochreiter1997"] = "le2015"
    """Which of the two published forms."""
    steps: Annotated[int, Field(ge=2)] = 100
    """Time steps T of a sequence."""

    @model_validator(mode="after")
    def _long_enough(self) -> Adding:
        if self.steps < _SHORTEST[self.form]:
            raise ValueError(
                f"expected at least {_SHORTEST[self.form]} steps for the form {self.form!r}, "
                f"got {self.steps}: the marked steps would not fit"
            )
        return self

    @property
    def input_size(self) -> int:
        """The number and its marker."""
        return 2

    @property
    def output_size(self) -> int:
        """The sum."""
        return 1

    @property
    def length(self) -> int:
        """Time steps per sequence."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """From the last step back to the earliest one that can be marked."""
        return self.steps - 1 if self.form == "le2015" else self.steps - 2

    @property
    def chance(self) -> Baseline:
        """The mean of the targets, whatever the input.

        With s = x₁ + x₂, whose density is a triangle, the score is P(|s − 1| < .04) = 2ε − ε² at ε = .04 on
        [0, 2], and P(|s| < .16) = ε − ε²/4 at ε = .16 on [−2, 2].
        """
        if self.form == "le2015":
            return Baseline(1 / 6, 2 * TOLERANCE - TOLERANCE**2, "always answers 1")
        width = 4 * TOLERANCE
        return Baseline(1 / 24, width - width**2 / 4, "always answers ½")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch 2` (number, marker) and targets `batch 1`."""
        source = stream(generator, split)
        numbers = torch.rand(self.steps, size, generator=source)
        markers = torch.zeros(self.steps, size)
        if self.form == "le2015":
            first = torch.randint(0, self.steps // 2, (size,), generator=source)
            second = torch.randint(self.steps // 2, self.steps, (size,), generator=source)
        else:
            numbers = 2 * numbers - 1
            markers[0] = markers[-1] = -1.0
            first = torch.randint(1, 10, (size,), generator=source)
            second = torch.randint(1, self.steps // 2 - 2, (size,), generator=source)
            second += second >= first  # skips the step that is marked already
        sequences = torch.arange(size)
        markers[first, sequences] = markers[second, sequences] = 1.0
        total = numbers[first, sequences] + numbers[second, sequences]
        targets = total if self.form == "le2015" else 0.5 + total / 4
        return Batch(torch.stack((numbers, markers), dim=-1), targets.unsqueeze(-1))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error of `batch 1`."""
        return functional.mse_loss(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of sequences whose error is below 0.04."""
        return float(((outputs - batch.targets).abs() < TOLERANCE).double().mean())
