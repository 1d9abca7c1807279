"""Sequences of different lengths in one batch, aligned at their ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.shapes import Bool, Int


@dataclass(frozen=True, slots=True, eq=False)
class Padded:
    """Sequences that begin at different steps and end at the same one; what stands before a beginning is padding.

    So the last step is everyone's last, a window that is cut out is the same steps before the end for all, and a
    state that is carried on is zero until a sequence begins.
    """

    values: Tensor
    """`time batch feature`, or `time batch` of tokens; padding is never read."""
    lengths: Int[Tensor, " batch"]
    """Real steps, the last ones: from 0, where a window ends before the sequence begins, to all."""

    def __len__(self) -> int:
        """Time steps, padding included."""
        return len(self.values)

    def __getitem__(self, steps: slice) -> Padded:
        """Some consecutive steps."""
        begin, end, _ = steps.indices(len(self))
        before = len(self) - self.lengths
        return Padded(self.values[begin:end], (end - before.clamp_min(begin)).clamp_min(0))

    def sequences(self, chosen: slice) -> Padded:
        """Some of the sequences."""
        return Padded(self.values[:, chosen], self.lengths[chosen])

    def real(self) -> Bool[Tensor, "time batch"]:
        """True where a step is no padding."""
        return torch.arange(len(self), device=self.lengths.device).unsqueeze(1) >= len(self) - self.lengths

    @property
    def shortest(self) -> int:
        """Steps, the last ones, that are real in all sequences."""
        return int(self.lengths.min())


def aligned(sequences: list[Tensor]) -> Padded:
    """Sequences `time feature`, or `time` of tokens, as one batch; zeros stand before those that are shorter."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    values = sequences[0].new_zeros(int(lengths.max()), len(sequences), *sequences[0].shape[1:])
    for place, sequence in enumerate(sequences):
        values[len(values) - len(sequence) :, place] = sequence
    return Padded(values, lengths)


def mean_over_real(each: Tensor, inputs: object) -> Tensor:
    """Mean of numbers `time batch` over the steps that are real, all of them where nothing is padded; 0 over none.

    Targets must be finite also where there is padding: autograd makes NaN of them where they have no weight.
    """
    if not isinstance(inputs, Padded):
        return each.mean()
    real = inputs.real()
    return torch.where(real, each, 0.0).sum() / real.sum().clamp_min(1)
