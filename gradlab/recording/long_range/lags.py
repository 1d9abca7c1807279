"""The `lags` table: singular values of ∂s_T/∂s_{T−lag}, the gradient that survives the lag, and the bound on it."""

from __future__ import annotations

import numpy as np
import torch

from gradlab.dynamics import log_gradient_bound, log_singular_values_by_lag
from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.long_range.stretch import stretch
from gradlab.recording.quantiles import over_sequences
from gradlab.recording.timesteps.gradients import norms
from gradlab.recurrence import RNN

PER_DECADE = 12
"""Lags are 1, 2, 3 and so on, and evenly spaced in the logarithm further back."""


def chosen_lags(steps: int) -> list[int]:
    """Ascending lags from 1 to the length of the sequence, about twelve in every factor of ten."""
    count = int(np.ceil(PER_DECADE * np.log10(max(steps, 10)))) + 1
    return sorted({int(lag) for lag in np.geomspace(1, steps, count).round()})


def lags(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """One row a lag, in the order in which the recurrence reads; medians over the sequences."""
    found = stretch(passed, amount)
    if found is None:
        return {}
    back = chosen_lags(found.steps)
    logs = log_singular_values_by_lag(found.jacobians, back).cpu().numpy()
    gradient = norms(passed.adjoint.states[0])[: found.steps, found.sequences.numpy()]
    # s_{T−lag} is the state after step T − 1 − lag; at the full lag it is the initial one.
    initial = torch.linalg.vector_norm(passed.adjoint.initial[0], dim=-1, dtype=torch.float64).cpu().numpy()
    survived = np.stack(
        [gradient[found.steps - 1 - lag] if lag < found.steps else initial[found.sequences.numpy()] for lag in back]
    )
    columns = {"lag": np.array(back), "grad_norm": _median(survived)}
    for name, values in (
        ("log_sigma_max", logs[..., 0]),
        ("log_sigma_median", np.median(logs, axis=-1)),
        ("log_sigma_min", logs[..., -1]),
    ):
        columns[name] = _median(values)
    if isinstance(passed.recurrence, RNN):
        norm = float(torch.linalg.matrix_norm(passed.weights["weight_hh"].double(), 2))
        columns["log_bound"] = log_gradient_bound(norm, back, passed.recurrence.nonlinearity)
    return columns


def _median(values: np.ndarray) -> np.ndarray:
    return over_sequences(values, np.ones(values.shape, dtype=bool), 0.5)
