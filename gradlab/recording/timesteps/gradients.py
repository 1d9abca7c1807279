"""Gradient norms at every time step: dL/dh_t, dL/dc_t and dL/dx_t, per sequence, and their spread over the batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.quantiles import LEVELS, over_sequences

_SAFE = (1e-12, 1e12)
"""Between these, no float32 square that matters leaves the range of normal numbers."""


def norms(values: Tensor) -> np.ndarray:
    """Norm over the last axis to the accuracy of float64's range, `time batch`.

    float32 norms of rows whose squares neither over- nor underflow are right to 1e−6; all others, and every row that
    is not finite, are accumulated in float64, which is slower.
    """
    if values.dtype != torch.float32:
        return torch.linalg.vector_norm(values, dim=-1, dtype=torch.float64).cpu().numpy()
    result = torch.linalg.vector_norm(values, dim=-1).double()
    extreme = ~((result > _SAFE[0]) & (result < _SAFE[1]))
    if bool(extreme.any()):
        result[extreme] = torch.linalg.vector_norm(values[extreme], dim=-1, dtype=torch.float64)
    return result.cpu().numpy()


def gradients(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """Median, 10 % and 90 % over sequences of each norm, how many were measured, and the share not finite.

    The first part of any state counts as h and the second as c (position and velocity of an oscillator, for example).
    """
    real = passed.real_steps().cpu().numpy()
    measured = {
        name: norms(passed.in_real_time(gradient))
        for name, gradient in zip(("grad_h", "grad_c"), passed.adjoint.states, strict=False)
    }
    if passed.grad_inputs.shape[-1]:
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
