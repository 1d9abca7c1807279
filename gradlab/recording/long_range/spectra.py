"""The `spectra` table: all singular values of the state Jacobian, at the time steps at which Jacobians are taken."""

from __future__ import annotations

import numpy as np

from gradlab.dynamics import singular_values
from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.long_range.stretch import stretch
from gradlab.recording.timesteps.jacobians import spread


def spectra(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """One row a time step and rank: the median over the sequences of ln σ_i."""
    found = stretch(passed, amount)
    if found is None:
        return {}
    times = spread(amount.jacobian_times or None, found.steps)
    sigma = singular_values(found.jacobians[times].dense())
    logs = sigma.log().median(1).values.cpu().numpy()
    real = found.steps - 1 - times if passed.direction else times
    states = logs.shape[-1]
    return {
        "t": np.repeat(real.numpy() + passed.offset, states),
        "index": np.tile(np.arange(states), len(times)),
        "log_sigma": logs.reshape(-1),
    }
