"""Sequences of different lengths through recurrent layers: each is run from its own first step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gradlab.shapes import Float


@runtime_checkable
class Padded(Protocol):
    """Sequences aligned at their ends, as tasks give them."""

    values: Tensor
    """`time batch …`; what stands before a sequence begins is padding."""
    lengths: Tensor
    """Real steps, the last ones, `batch`."""


def run_padded(
    encoder: nn.Module, recurrent: nn.Module, inputs: Padded, state: Any
) -> tuple[Float[Tensor, "time batch hidden"], Any]:
    """Hidden states, zero where there is padding, and the state after the last step.

    The layers are given a packed sequence, so that they, and whoever watches them, see real steps only. Sequences that
    have not begun by the last step are not run at all, and keep the state that they were given.

    Args:
        encoder: `time batch ...` to `time batch feature`; where there is padding it is given zeros.
        recurrent: called like torch's recurrent modules, also with packed sequences.
        inputs: of which each sequence has 0 steps or more.
        state: before the first step; None is zero.
    """
    values, lengths = inputs.values, inputs.lengths
    steps, batch = values.shape[:2]
    real_steps = torch.arange(steps, device=lengths.device).unsqueeze(1) >= steps - lengths
    encoded = encoder(torch.where(real_steps.reshape(steps, batch, *[1] * (values.ndim - 2)), values, 0))
    hidden = encoded.new_zeros(steps, batch, int(recurrent.hidden_size))  # type: ignore[arg-type]
    running = lengths.nonzero().flatten()
    if len(running) == 0:
        return hidden, state
    real = lengths[running]
    forward = _rolled(encoded.index_select(1, running), steps - real)
    packed = pack_padded_sequence(forward, real.cpu(), enforce_sorted=False)
    output, ended = recurrent(packed, _mapped(state, lambda part: part.index_select(-2, running)))
    output = pad_packed_sequence(output, total_length=steps)[0]
    hidden = hidden.index_copy(1, running, _rolled(output, real - steps))
    if len(running) == batch:
        return hidden, ended
    return hidden, _merged(state, ended, running, batch)


def _rolled(values: Tensor, offsets: Tensor) -> Tensor:
    """`time batch feature` with each sequence moved so many steps towards the beginning, round the corner."""
    steps = torch.arange(len(values), device=values.device).unsqueeze(1)
    source = (steps + offsets.to(values.device)).remainder(len(values))
    return values.gather(0, source.unsqueeze(-1).expand_as(values))


def _merged(before: Any, after: Any, running: Tensor, batch: int) -> Any:
    """The state of all sequences, of which only some were run."""
    if isinstance(after, tuple):
        given = (None,) * len(after) if before is None else before
        return tuple(_merged(one, other, running, batch) for one, other in zip(given, after, strict=True))
    if before is None:
        before = after.new_zeros(*after.shape[:-2], batch, after.shape[-1])
    return before.index_copy(-2, running, after)


def _mapped(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if state is None:
        return None
    return tuple(change(part) for part in state) if isinstance(state, tuple) else change(state)
