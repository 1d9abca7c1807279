"""The adding problem: two numbers of a long sequence are marked, and their sum is asked for at the end."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.base import Baseline, Batch, Split, Task
from gradlab.tasks.padded import Padded
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
      would spoil the 1/24. The paper's lengths, T to 1.1 T, come with `longer: 0.1`.
    """

    name: Literal["adding"] = "adding"
    title: ClassVar[str] = "Adding problem"
    score_name: ClassVar[str] = f"share within {TOLERANCE}"

    form: Literal["le2015", "hochreiter1997"] = "le2015"
    """Which of the two published forms."""
    steps: Annotated[int, Field(ge=2)] = 100
    """Time steps T of a sequence."""
    longer: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Sequences have T to (1 + this) T steps, each its own number, evenly spread; 0 for T, 0.1 as in 1997."""

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
        """Time steps of the longest sequence."""
        return self.steps + int(self.steps * self.longer)

    @property
    def demanded_lag(self) -> int:
        """From the last step back to the earliest one that can be marked."""
        return self.length - 1 if self.form == "le2015" else self.length - 2

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
        """Inputs `time batch 2` (number, marker), padded where lengths differ, and targets `batch 1`."""
        source = stream(generator, split)
        lengths = torch.full((size,), self.steps)
        if self.longer > 0:
            lengths = torch.randint(self.steps, self.length + 1, (size,), generator=source)
        begins = int(lengths.max()) - lengths
        numbers = torch.rand(int(lengths.max()), size, generator=source)
        markers = torch.zeros_like(numbers)
        sequences = torch.arange(size)
        if self.form == "le2015":
            first = self._below(lengths // 2, source)
            second = lengths // 2 + self._below(lengths - lengths // 2, source)
        else:
            numbers = 2 * numbers - 1
            markers[begins, sequences] = markers[-1] = -1.0
            first = torch.randint(1, 10, (size,), generator=source)
            second = torch.randint(1, self.steps // 2 - 2, (size,), generator=source)
            second += second >= first  # skips the step that is marked already
        first, second = begins + first, begins + second
        markers[first, sequences] = markers[second, sequences] = 1.0
        total = numbers[first, sequences] + numbers[second, sequences]
        targets = total if self.form == "le2015" else 0.5 + total / 4
        inputs = torch.stack((numbers, markers), dim=-1)
        return Batch(Padded(inputs, lengths) if self.longer > 0 else inputs, targets.unsqueeze(-1))

    def _below(self, ends: Tensor, source: torch.Generator) -> Tensor:
        """A random whole number from 0 to below each end; in one draw where all are the same."""
        if self.longer == 0:
            return torch.randint(0, int(ends[0]), (len(ends),), generator=source)
        return (torch.rand(len(ends), dtype=torch.float64, generator=source) * ends).long()

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error of `batch 1`."""
        return functional.mse_loss(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of sequences whose error is below 0.04."""
        return float(((outputs - batch.targets).abs() < TOLERANCE).double().mean())
