"""The states themselves at every time step: how large they are and how many units are saturated."""

from __future__ import annotations

import numpy as np

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.quantiles import over_sequences
from gradlab.recording.timesteps.gradients import norms
from gradlab.recurrence import RNN

SATURATED = 0.99
"""A tanh unit beyond this passes on less than 2 % of a gradient (1 − 0.99²)."""


def states(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """Median norm of h_t, and the share of units beyond |h| = 0.99 (for ReLU: at zero)."""
    h = passed.in_real_time(passed.trace.states[0])
    real = passed.real_steps()
    relu = isinstance(passed.recurrence, RNN) and passed.recurrence.nonlinearity == "relu"
    flat = (h <= 0) if relu else (h.abs() > SATURATED)
    share = (flat.to(h.dtype).mean(-1).double() * real).sum(1) / real.sum(1)
    return {
        "state_norm": over_sequences(norms(h), real.cpu().numpy(), 0.5),
        "saturation": share.cpu().numpy(),
    }
