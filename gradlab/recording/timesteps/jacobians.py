"""Singular values of the state Jacobian ∂s_t/∂s_{t−1}, at a few time steps of a few sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.dynamics import leading_singular_values, singular_values
from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.quantiles import over_sequences


def spread(count: int | None, available: int) -> Tensor:
    """Indices evenly spread over what is available; all of them for None."""
    if count is None or count >= available:
        return torch.arange(available)
    return torch.linspace(0, available - 1, count).round().long()


def jacobians(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """Largest, smallest and mean logarithmic singular value and condition number; masked where not measured."""
    if amount.jacobian_times == 0:
        return {}
    times = spread(amount.jacobian_times, passed.steps)
    sequences = spread(amount.jacobian_sequences, passed.sequences)
    trace, before = passed.trace.select(times, sequences)
    real_times = _real_times(passed, times, sequences)
    operator = passed.recurrence.jacobian(passed.weights, trace, before)
    # The slopes are those that backpropagation used, with its rounding; what follows is measured in float64.
    largest, smallest = _extremes(operator.to(torch.float64), trace.states[0].dtype)
    log_det = operator.to(torch.float64).log_abs_det().cpu().numpy() / operator.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        condition = largest / smallest
    measured = {"sigma_max": largest, "sigma_min": smallest, "mean_log_sigma": log_det, "condition": condition}
    return {name: _placed(values, real_times, passed.steps) for name, values in measured.items()}


_LANCZOS_FROM = 192
"""From this many states on, the two ends of a spectrum are found sooner by Lanczos than all of it by LAPACK."""
_LANCZOS_TOLERANCE = 1e-4


def _extremes(operator: Any, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest singular value, `time batch`.

    Exact to the rounding of the dtype that the net ran in; of large Jacobians with a closed inverse (LSTM), met in
    float32, to a relative error of 1e−4.
    """
    inverse = operator.inverse() if hasattr(operator, "inverse") else None
    if inverse is not None and operator.shape[-1] >= _LANCZOS_FROM and dtype != torch.float64:
        largest, smallest = (
            leading_singular_values(one, tolerance=_LANCZOS_TOLERANCE).values[..., 0] for one in (operator, inverse)
        )
        return largest.cpu().numpy(), (1 / smallest).cpu().numpy()
    tolerance = torch.finfo(dtype).eps * operator.shape[-1] ** 0.5
    sigma = singular_values(operator.dense(), tolerance=tolerance).cpu().numpy()
    return sigma[..., 0], sigma[..., -1]


def _real_times(passed: Pass, times: Tensor, sequences: Tensor) -> np.ndarray:
    """The time step of the sequence at which each Jacobian stands, −1 in padding, `time batch`."""
    t = times.unsqueeze(1).expand(-1, len(sequences))
    if passed.lengths is None:
        return (passed.steps - 1 - t if passed.direction else t).numpy()
    lengths = passed.lengths.cpu()[sequences]
    real = lengths - 1 - t if passed.direction else t
    return torch.where(t < lengths, real, -1).numpy()


def _placed(values: np.ndarray, times: np.ndarray, steps: int) -> np.ma.MaskedArray:
    """The median over the sequences that were measured at each time step; masked where none was."""
    rows = np.unique(times[times >= 0])
    result = np.ma.masked_all(steps, dtype=np.float64)
    if len(rows) == 0:
        return result
    here = times[None] == rows[:, None, None]
    flat = np.broadcast_to(values[None], here.shape).reshape(len(rows), -1)
    # −∞ must stay −∞: ranks, not arithmetic.
    result[rows] = over_sequences(flat, here.reshape(len(rows), -1), 0.5)
    return result
