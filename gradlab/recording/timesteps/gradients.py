"""Gradient norms at every time step: dL/dh_t, dL/dc_t and dL/dx_t, per sequence, and their spread over the batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.quantiles import LEVELS, over_sequences


def norms(values: Tensor) -> np.ndarray:
    """Norm over the last axis, in float64, `time batch`."""
    return torch.linalg.vector_norm(values, dim=-1, dtype=torch.float64).cpu().numpy()


def gradients(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """Median, 10 % and 90 % over sequences of each norm, how many were measured, and the share not finite."""
    real = passed.real_steps().cpu().numpy()
    names = {"h": "grad_h", "c": "grad_c"}
    measured = {
        names[state]: norms(passed.in_real_time(gradient))
        for state, gradient in zip(passed.recurrence.state_names, passed.adjoint.states, strict=True)
        if state in names
    }
    measured["grad_x"] = norms(passed.grad_inputs)
    columns = {
        name + suffix: over_sequences(values, real, level)
        for name, values in measured.items()
        for suffix, level in LEVELS.items()
    }
    broken = real & ~np.all([np.isfinite(measured[name]) for name in measured if name != "grad_x"], axis=0)
    columns["sequences"] = real.sum(1).astype(np.int64)
    with np.errstate(invalid="ignore"):
        columns["nonfinite"] = broken.sum(1) / real.sum(1)
    return columns
