"""Between torch's layouts and the canonical one: time first, one batch axis, padding behind, read forward in time.

A sequence of length n that is read backward is turned round within its own n steps, so that every recurrence runs
forward from step 0 and padding, which comes last, can never reach a real step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence


@dataclass(frozen=True, slots=True)
class Form:
    """In which form a module was called: batched or not, batch first or time first, packed or padded."""

    is_cell: bool
    batched: bool
    batch_first: bool
    lengths: Tensor | None
    """Real steps per sequence, longest first, `batch`; None when all steps are real."""
    batch_sizes: Tensor | None
    order: Tensor | None
    """For packed sequences: position in the batch by rank, longest first."""

    @classmethod
    def of(cls, inputs: Tensor | PackedSequence, batch_first: bool, is_cell: bool) -> Form:
        """Read the form off the input of a module."""
        if isinstance(inputs, PackedSequence):
            _, lengths = pad_packed_sequence(PackedSequence(inputs.data[:, :1], inputs.batch_sizes))
            device = inputs.data.device
            return cls(False, True, False, lengths.to(device), inputs.batch_sizes, inputs.sorted_indices)
        batched = inputs.dim() == (2 if is_cell else 3)
        return cls(is_cell, batched, batch_first and batched, None, None, None)

    def sequence(self, value: Tensor | PackedSequence) -> Tensor:
        """Input, output or its gradient as `time batch feature`; of a packed sequence also its bare data."""
        if self.batch_sizes is not None:
            data = value.data if isinstance(value, PackedSequence) else value
            return pad_packed_sequence(PackedSequence(data, self.batch_sizes))[0]
        assert isinstance(value, Tensor)
        if not self.batched:
            value = value.unsqueeze(0 if self.is_cell else 1)
        if self.is_cell:
            return value.unsqueeze(0)
        return value.transpose(0, 1) if self.batch_first else value

    def pack(self, padded: Tensor) -> Tensor:
        """The real steps of `time batch feature` in the order in which a packed sequence holds them."""
        assert self.batch_sizes is not None
        return torch.cat([row[:size] for row, size in zip(padded, self.batch_sizes.tolist(), strict=True)])

    def state(self, value: Tensor) -> Tensor:
        """A state or its gradient as `layers·directions batch hidden`."""
        if not self.batched:
            value = value.unsqueeze(0 if self.is_cell else 1)
        if self.is_cell:
            return value.unsqueeze(0)
        return value if self.order is None else value.index_select(1, self.order)


def turn(value: Tensor, lengths: Tensor) -> Tensor:
    """`time batch …` with each sequence reversed within its real steps; padding stays where it is."""
    t = torch.arange(value.shape[0], device=value.device).unsqueeze(1)
    source = torch.where(t < lengths, lengths - 1 - t, t)
    return value.gather(0, source.reshape(source.shape + (1,) * (value.dim() - 2)).expand_as(value))
