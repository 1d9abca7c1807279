"""The Jacobians of one unbroken stretch of time, of a few sequences that are real from its first step to its last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount


@dataclass(frozen=True, slots=True)
class Stretch:
    """Jacobians `time batch states states` in reading order, in float64, and where they stand in the pass."""

    jacobians: Any
    sequences: Tensor
    steps: int


def stretch(passed: Pass, amount: Amount) -> Stretch | None:
    """The longest sequences of a pass; None where their states do not follow from one another.

    A state that was masked or mixed with something between the calls of a cell has a Jacobian that nobody knows.
    """
    trace = passed.trace
    steps = passed.steps
    available = torch.arange(passed.sequences)
    if passed.lengths is not None:
        lengths = passed.lengths.cpu()
        steps = int(lengths.max())
        available = (lengths == steps).nonzero().flatten()
    sequences = available[: amount.jacobian_sequences]
    chosen, before = trace.select(torch.arange(steps), sequences)
    if trace.started_from is not None:
        # The LSTM's cell state is computed again, and equal but for rounding.
        follows = all(
            bool(torch.isclose(earlier[1:], state[:-1], rtol=1e-3, atol=1e-5, equal_nan=True).all())
            for earlier, state in zip(before, chosen.states, strict=True)
        )
        if not follows:
            return None
    operator = passed.recurrence.jacobian(passed.weights, chosen, before)
    return Stretch(operator.to(torch.float64) if hasattr(operator, "to") else operator, sequences, steps)
