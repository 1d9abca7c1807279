"""Time averages with standard errors from batch means, in memory that does not grow with time."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

MOST = 64
"""When there are this many batches, neighbours are merged in pairs."""
FEWEST = 4
"""Fewer batches than this give no standard error."""


@dataclass(slots=True)
class BatchMeans:
    """The mean over time of increments `...` that come in consecutive stretches, and its standard error.

    Batches are of about equal length and doubled in length as time goes on; they are independent once they
    are longer than the memory of the process (Law & Carson 1979, Operations Research 27, 1011).
    """

    zero: Tensor
    """Zeros of the shape of an increment."""
    steps: int = 0
    _sums: list[Tensor] = field(default_factory=list)
    _lengths: list[int] = field(default_factory=list)
    _aim: int = 1

    def add(self, increment: Tensor, length: int) -> None:
        """Add the sum of a quantity over the next `length` steps."""
        if self._sums and self._lengths[-1] < self._aim:
            self._sums[-1], self._lengths[-1] = self._sums[-1] + increment, self._lengths[-1] + length
        else:
            self._sums.append(increment)
            self._lengths.append(length)
        self.steps += length
        if len(self._sums) == MOST and self._lengths[-1] >= self._aim:
            self._sums, self._lengths = _merged(self._sums, self._lengths, 2)
            self._aim = max(2 * self._aim, min(self._lengths))

    def reorder(self, order: Tensor) -> None:
        """Permute the last axis of all that was added, by indices of the shape of an increment."""
        self._sums = [total.take_along_dim(order, -1) for total in self._sums]

    def mean(self) -> Tensor:
        """Mean per step."""
        return sum(self._sums, self.zero) / self.steps

    def standard_error(self, merge: int = 1) -> Tensor:
        """Standard error of the mean from batches, `merge` neighbours taken as one; NaN for fewer than four.

        NaN, too, where the mean is not finite.
        """
        sums, lengths = _merged(self._sums, self._lengths, merge)
        count = len(sums)
        if count < FEWEST:
            return torch.full_like(self.zero, torch.nan)
        weights = torch.tensor(lengths, dtype=self.zero.dtype, device=self.zero.device)
        weights = weights.reshape(-1, *([1] * self.zero.dim()))
        deviations = torch.stack(sums) - self.mean() * weights
        return (deviations.square().sum(0) * count / (count - 1)).sqrt() / self.steps

    def correlation(self) -> Tensor:
        """Standard error from batches four times as long, over that from single ones."""
        single = self.standard_error()
        return torch.where(single > 0, self.standard_error(merge=4) / single, torch.ones_like(single))

    def drift(self) -> Tensor:
        """Mean over the later half of the batches minus that over the earlier half; NaN for one batch."""
        half = len(self._sums) // 2
        if half == 0:
            return torch.full_like(self.zero, torch.nan)
        early = sum(self._sums[:half], self.zero) / sum(self._lengths[:half])
        late = sum(self._sums[half:], self.zero) / sum(self._lengths[half:])
        return late - early


def _merged(sums: list[Tensor], lengths: list[int], count: int) -> tuple[list[Tensor], list[int]]:
    """Neighbours added up, `count` at a time; a rest joins the last group."""
    groups = [range(start, start + count) for start in range(0, len(sums) - count + 1, count)]
    if groups:
        groups[-1] = range(groups[-1].start, len(sums))
    return (
        [torch.stack([sums[i] for i in group]).sum(0) for group in groups],
        [sum(lengths[i] for i in group) for group in groups],
    )
