"""The `gates` table: mean of each gate at every time step, and how many units stand at one of its ends."""

from __future__ import annotations

import numpy as np
import torch

from gradlab.instrument import Pass, in_real_time
from gradlab.recording.timesteps.jacobians import spread

NEAR = 0.01
"""How close to a bound counts as standing at it."""
SEQUENCES = 8
"""Of so many sequences at most: shares of units times sequences do not get truer, only dearer, with more."""


def gates(passed: Pass) -> dict[str, np.ndarray]:
    """Columns of the table but for its step: one row a time step and gate, over units and sequences."""
    bounds = passed.recurrence.gate_bounds
    if not bounds:
        return {}
    some = None if passed.sequences <= SEQUENCES else spread(SEQUENCES, passed.sequences)
    lengths = passed.lengths if some is None or passed.lengths is None else passed.lengths[some]
    real = passed.real_steps() if some is None else passed.real_steps()[:, some]
    sequences = real.sum(1)
    measured: dict[str, list[np.ndarray]] = {"mean": [], "low": [], "high": []}
    for name, (lower, upper) in bounds.items():
        gate = passed.trace.gates[name]
        gate = gate if some is None else gate[:, some]
        gate = in_real_time(gate, passed.direction, lengths)
        # Comparisons are written as numbers at once: summing flags is five times slower.
        at_end = torch.empty_like(gate)
        per_sequence = {
            "mean": gate.mean(-1),
            "low": torch.lt(gate, lower + NEAR, out=at_end).mean(-1),
            "high": torch.gt(gate, upper - NEAR, out=at_end).mean(-1),
        }
        for key, values in per_sequence.items():
            average = torch.where(real, values, 0).sum(1, dtype=torch.float64) / sequences
            measured[key].append(average.cpu().numpy())
    t = np.arange(passed.steps) + passed.offset
    columns = {key: np.concatenate(parts) for key, parts in measured.items()}
    columns["t"] = np.tile(t, len(bounds))
    columns["gate"] = np.repeat(np.array(list(bounds), dtype=object), passed.steps)
    return columns
