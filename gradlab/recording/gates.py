"""The `gates` table: mean of each gate at every time step, and how many units stand at one of its ends."""

from __future__ import annotations

import numpy as np
import torch

from gradlab.instrument import Pass

NEAR = 0.01
"""How close to a bound counts as standing at it."""


def gates(passed: Pass) -> dict[str, np.ndarray]:
    """Columns of the table but for its step: one row a time step and gate, over units and sequences."""
    bounds = passed.recurrence.gate_bounds
    if not bounds:
        return {}
    real = passed.real_steps().unsqueeze(-1)
    units = real.sum((1, 2), dtype=torch.float64)
    measured: dict[str, list[np.ndarray]] = {"mean": [], "low": [], "high": []}
    for name, (lower, upper) in bounds.items():
        gate = passed.in_real_time(passed.trace.gates[name])
        size = units * gate.shape[-1]
        counts = {"mean": gate * real, "low": (gate < lower + NEAR) & real, "high": (gate > upper - NEAR) & real}
        for key, count in counts.items():
            measured[key].append((count.sum((1, 2), dtype=torch.float64) / size).cpu().numpy())
    t = np.arange(passed.steps) + passed.offset
    columns = {key: np.concatenate(parts) for key, parts in measured.items()}
    columns["t"] = np.tile(t, len(bounds))
    columns["gate"] = np.repeat(np.array(list(bounds), dtype=object), passed.steps)
    return columns
