"""The states themselves at every time step: how large they are, how many units are saturated, and how many dead."""

from __future__ import annotations

import numpy as np
import torch

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.quantiles import over_sequences
from gradlab.recording.timesteps.gradients import norms
from gradlab.recurrence import RNN
from gradlab.recurrence.sweep import blocks

SATURATED = 0.99
"""A tanh unit beyond this passes on less than 2 % of a gradient (1 − 0.99²)."""


def states(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """Median norm of h_t, and the share of units beyond |h| = 0.99 (for ReLU: at zero, and dead ones)."""
    h = passed.in_real_time(passed.trace.states[0])
    real = passed.real_steps()
    relu = isinstance(passed.recurrence, RNN) and passed.recurrence.nonlinearity == "relu"
    columns = {"state_norm": over_sequences(norms(h), real.cpu().numpy(), 0.5)}
    flat = h.new_empty(h.shape[:2])
    silent = h.new_empty(len(h), h.shape[-1])
    for block in blocks(len(h), h[0].nbytes):
        # A comparison is written as numbers at once: summing flags is slower.
        stands = torch.le(h[block], 0, out=torch.empty_like(h[block])) if relu else h[block].abs()
        flat[block] = (stands if relu else torch.gt(stands, SATURATED, out=stands)).mean(-1)
        if relu:
            # padding neither wakes a unit nor keeps one asleep
            silent[block] = stands.masked_fill_(~real[block].unsqueeze(-1), 1).amin(1)
    share = (flat.double() * real).sum(1) / real.sum(1)
    columns["saturation"] = share.cpu().numpy()
    if relu:
        columns["dead"] = silent.double().cummin(0).values.mean(-1).cpu().numpy()
    return columns
